// Which layers run how often on how many tokens.
#include "model.hpp"

#include <doctest/doctest.h>

namespace cupola {
namespace {

using test::changed;
using test::count_of;
using test::refusal;
using test::stage;

const WorkloadSettings short_text{{"prompt", "64"}, {"tokens", "29"}};

/// Rows of every linear layer below a path, each once.
std::vector<std::int64_t> linear_rows(const Graph& graph, const std::string& path) {
    std::vector<std::int64_t> rows;
    for (const Operator& op : graph.operators) {
        const auto* linear = std::get_if<Linear>(&op.kind);
        if (linear == nullptr || graph.path(op.scope).find(path) == std::string::npos) continue;
        if (std::find(rows.begin(), rows.end(), linear->rows) == rows.end()) rows.push_back(linear->rows);
    }
    return rows;
}

TEST_CASE("layerskip: a cycle drafts with the first layers and verifies with the others") {
    const Workload skipped = changed("llama-2-7b", short_text, "layerskip=exit:8,draft:6,acceptance:0.8");
    const Stage& draft = stage(skipped, "draft");
    const Stage& verify = stage(skipped, "verify");
    // 29 tokens at 1 + 0.8 x 6 a cycle.
    CHECK(verify.steps() == doctest::Approx(29 / 5.8));
    CHECK(draft.steps() == doctest::Approx(6 * 29 / 5.8));
    CHECK(draft.component == verify.component);

    const Graph& first = draft.passes.front().graph;
    CHECK(count_of<Attention>(first) == 8);
    CHECK(count_of<Linear>(first) == 8 * 7 + 1);
    CHECK(count_of<Cat>(first) == 1);  // the exit query cache

    const Graph& all = verify.passes.front().graph;
    CHECK(count_of<Attention>(all) == 32);
    CHECK(linear_rows(all, "layer.7.") == std::vector<std::int64_t>{1});
    CHECK(linear_rows(all, "layer.8.") == std::vector<std::int64_t>{7});
    CHECK(linear_rows(all, "lm_head") == std::vector<std::int64_t>{7});
    CHECK(count_of<Slice>(all) == 64);     // cropped keys and values
    CHECK(count_of<Reduction>(all) == 2);  // the comparison
}

TEST_CASE("layerskip: every weight is read once a verification, the first layers' and the head's once a draft") {
    const Workload plain = changed("llama-2-7b", short_text, "");
    const Workload skipped = changed("llama-2-7b", short_text, "layerskip=exit:8,draft:6,acceptance:0.8");
    const double full = test::weight_bytes(stage(plain, "decode").passes.front().graph);
    CHECK(test::weight_bytes(stage(skipped, "verify").passes.front().graph) == full);
    const double head = 2.0 * 32000 * 4096, layer = (full - 2 * head) / 32;
    CHECK(test::weight_bytes(stage(skipped, "draft").passes.front().graph) ==
          doctest::Approx(8 * layer + 2 * head).epsilon(1e-4));
}

TEST_CASE("layerskip: caches grow as the text does, whatever is accepted") {
    const auto longest = [](const Stage& s) {
        std::int64_t keys = 0;
        for (const Pass& pass : s.passes) {
            for (const Operator& op : pass.graph.operators) {
                if (const auto* attention = std::get_if<Attention>(&op.kind)) keys = std::max(keys, attention->keys);
            }
        }
        return keys;
    };
    for (const char* levers : {"layerskip=exit:8,draft:6,acceptance:0", "layerskip=exit:8,draft:6,acceptance:1"}) {
        const Workload skipped = changed("llama-2-7b", short_text, levers);
        CHECK(longest(stage(skipped, "draft")) == 64 + 29);
        CHECK(longest(stage(skipped, "verify")) >= 64 + 29);
        CHECK(longest(stage(skipped, "verify")) <= 64 + 29 + 6);
    }
}

TEST_CASE("early exit leaves out the last layers of prompt and text") {
    const Workload plain = changed("llama-1.5b", short_text, ""),
                   early = changed("llama-1.5b", short_text, "early-exit=6");
    for (const char* name : {"prefill", "decode"}) {
        CAPTURE(name);
        const Graph& graph = stage(early, name).passes.front().graph;
        CHECK(count_of<Attention>(graph) == 6);
        CHECK(count_of<Linear>(graph) == 6 * 7 + 1);
        CHECK(count_of<Sample>(graph) == 1);
    }
    CHECK(stage(early, "decode").steps() == stage(plain, "decode").steps());
    CHECK(early.components.front().weight_bytes == plain.components.front().weight_bytes);
}

TEST_CASE("speculative decoding: the draft model's passes and memory, and the model's on all drafted tokens") {
    const Workload plain = changed("llama-2-7b", short_text, "");
    const Workload fast = changed("llama-2-7b", short_text, "speculative=draft:llama-1.5b,tokens:4,acceptance:0.5");
    CHECK(stage(fast, "draft_prefill").steps() == 1);
    CHECK(stage(fast, "verify").steps() == doctest::Approx(29.0 / 3));
    CHECK(stage(fast, "draft").steps() == doctest::Approx(4 * 29.0 / 3));
    CHECK(linear_rows(stage(fast, "verify").passes.front().graph, "layer.0.") == std::vector<std::int64_t>{5});
    CHECK(linear_rows(stage(fast, "draft").passes.front().graph, "layer.0.") == std::vector<std::int64_t>{1});
    // Both read the same text, and the drafted tokens are compared and the caches cropped once a cycle.
    CHECK(linear_rows(stage(fast, "draft_prefill").passes.front().graph, "layer.0.") == std::vector<std::int64_t>{64});
    CHECK(count_of<Reduction>(stage(fast, "verify").passes.front().graph) == 2);
    CHECK(count_of<Slice>(stage(fast, "verify").passes.front().graph) == 2 * 32);
    CHECK(count_of<Reduction>(stage(fast, "draft").passes.front().graph) == 0);
    REQUIRE(fast.components.size() == 2);
    CHECK(fast.components[0].weight_bytes == plain.components[0].weight_bytes);
    CHECK(fast.components[1].parameters == 1590790144);
}

TEST_CASE("what decoding levers refuse") {
    CHECK(refusal("sdxl", {}, "layerskip=exit:8,draft:6,acceptance:0.8") ==
          "--lever layerskip: found sdxl, expected a model that decodes token by token with a cache, and tokens to "
          "decode");
    CHECK(refusal("chameleon-7b", {}, "layerskip=exit:8,draft:6,acceptance:0.8") ==
          "--lever layerskip: found chameleon-7b, expected a model with a parameter pass_tokens, whose decoding passes "
          "can read several tokens");
    CHECK(refusal("llama-2-7b", {}, "layerskip=exit:32,draft:6,acceptance:0.8") ==
          "--lever layerskip: found exit behind layer 32, expected one from 1 to 31, before the last layer");
    CHECK(refusal("llama-2-7b", {}, "layerskip=exit:8,draft:6") ==
          "--lever layerskip: found \"exit:8,draft:6\", expected a field acceptance; for example "
          "layerskip=exit:8,draft:6,acceptance:0.8");
    CHECK(refusal("llama-2-7b", {}, "layerskip=exit:8,draft:6,acceptance:1.1") ==
          "--lever layerskip, acceptance: found \"1.1\", expected a number from 0 to 1");
    CHECK(refusal("llama-2-7b", {{"tokens", "0"}}, "early-exit=8").starts_with("--lever early-exit: found llama-2-7b"));
    CHECK(refusal("llama-2-7b", {}, "speculative=draft:sdxl,tokens:4,acceptance:0.5")
              .starts_with("--lever speculative: found sdxl, expected a model that decodes"));
    CHECK(refusal("llama-2-7b", {}, "early-exit=8;layerskip=exit:8,draft:6,acceptance:0.8")
              .find("both decide the speculation") != std::string::npos);
}

}  // namespace
}  // namespace cupola
