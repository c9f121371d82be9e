// Fewer scores: shared between heads, or left out.
#include "model.hpp"

#include "cupola/predict/prediction.hpp"

#include <doctest/doctest.h>

namespace cupola {
namespace {

using test::changed;
using test::count_of;
using test::refusal;
using test::stage;

/// Bytes of all caches at the end of a text.
double cache_bytes(const Workload& workload) {
    double bytes = 0;
    const Graph& last = stage(workload, "decode").passes.back().graph;
    for (const Operator& op : last.operators) {
        if (!std::holds_alternative<CacheAppend>(op.kind)) continue;
        const Value& cache = last.output(op);
        bytes += static_cast<double>(cache.shape.elements()) * bytes_per_element(cache.type);
    }
    return bytes;
}

const std::vector<Attention> attentions(const Graph& graph) {
    std::vector<Attention> found;
    for (const Operator& op : graph.operators) {
        if (const auto* attention = std::get_if<Attention>(&op.kind)) found.push_back(*attention);
    }
    return found;
}

TEST_CASE("chai: the cache shrinks by half of the heads that share scores") {
    // (1 - mean(k / H)) / 2 of the published clusters: 19.1 %, 32.3 %, 26.5 %.
    struct Row {
        const char *model, *clusters;
        double saving;
    };
    for (const Row& row : {Row{"llama-2-7b", "7b", 0.191}, Row{"llama-2-7b", "7b-2024-07", 0.323},
                           Row{"llama-33b", "33b", 0.265}, Row{"llama-2-7b", "18x32+14x4", 0.191}}) {
        CAPTURE(row.clusters);
        const WorkloadSettings text{{"prompt", "64"}, {"tokens", "2"}};
        const double all = cache_bytes(changed(row.model, text, ""));
        const double left = cache_bytes(changed(row.model, text, std::string("chai=clusters:") + row.clusters));
        CHECK(1 - left / all == doctest::Approx(row.saving).epsilon(0.003));
    }
}

TEST_CASE("chai: clusters of a file are those of the list that it holds") {
    const WorkloadSettings text{{"prompt", "64"}, {"tokens", "2"}};
    const std::string file = std::string(CUPOLA_SOURCE_DIR) + "/tests/data/head-clusters.json";
    const Workload listed = changed("llama-2-7b", text, "chai=clusters:18x32+14x4,projection:on");
    const Workload read = changed("llama-2-7b", text, "chai=clusters:" + file + ",projection:on");
    const Graph &a = stage(listed, "decode").passes[0].graph, &b = stage(read, "decode").passes[0].graph;
    CHECK(cache_bytes(read) == cache_bytes(listed));
    CHECK(cache_bytes(read) < cache_bytes(changed("llama-2-7b", text, "")));
    CHECK(count_macs(b).total() == count_macs(a).total());
    CHECK(b.operators.size() == a.operators.size());
    CHECK(refusal("llama-2-7b", text, "chai=clusters:no/such.json") ==
          "no/such.json: found no readable file (No such file or directory), expected a JSON file");
    CHECK(refusal("llama-2-13b", text, "chai=clusters:" + file) ==
          file + ":1:18: layer_params: found clusters for 32 layers, expected for the 40 layers of the model");
}

TEST_CASE("chai: scores and softmax on the clusters' heads, values on all") {
    const WorkloadSettings text{{"prompt", "64"}, {"tokens", "1"}};
    const Workload plain = changed("llama-2-7b", text, "");
    const Workload clustered = changed("llama-2-7b", text, "chai=clusters:7b");
    const Graph& graph = stage(clustered, "decode").passes[0].graph;
    const auto calls = attentions(graph), prompt = attentions(stage(clustered, "prefill").passes[0].graph);
    REQUIRE(calls.size() == 32);
    REQUIRE(prompt.size() == 32);
    CHECK(scored_heads(prompt[17]) == 32);
    CHECK(scored_heads(prompt[18]) == 4);
    CHECK(scored_heads(calls[17]) == 32);
    CHECK(scored_heads(calls[18]) == 4);
    CHECK(calls[18].heads == 32);
    CHECK(count_of<Gather>(graph) == 14 * 2);  // queries and keys of the representative heads
    CHECK(count_macs(graph).linear == count_macs(stage(plain, "decode").passes[0].graph).linear);

    const KernelSequence kernels =
        lower(graph, config::load_stack(CUPOLA_SOURCE_DIR, "pytorch-eager-flash"), Architecture::ampere);
    std::vector<GemmWork> scores, values;
    std::size_t fused = 0, shared = 0;
    for (const KernelInstance& launch : kernels.launches) {
        const Kernel& kernel = kernels.kernels[launch.kernel];
        if (kernel.label == "attention.scores") scores.push_back(std::get<GemmWork>(kernel.work));
        if (kernel.label == "attention.values") values.push_back(std::get<GemmWork>(kernel.work));
        if (kernel.label == "attention.share_scores") ++shared;
        if (kernel.label == "attention") ++fused;
    }
    CHECK(fused == 18);  // layers whose heads share nothing keep their fused kernel
    CHECK(shared == 14);
    REQUIRE(scores.size() == 14);
    CHECK(scores[0].batch == 4);
    CHECK(values[0].batch == 32);
}

TEST_CASE("chai: pruned projections make only the representative heads") {
    const WorkloadSettings text{{"prompt", "64"}, {"tokens", "1"}};
    const Graph plain = stage(changed("llama-2-7b", text, ""), "decode").passes[0].graph;
    const Graph pruned = stage(changed("llama-2-7b", text, "chai=clusters:7b,projection:on"), "decode").passes[0].graph;
    CHECK(count_of<Gather>(pruned) == 0);
    // 14 layers whose queries and keys are 4 of 32 heads.
    const double gone = 14 * 2 * 4096.0 * 4096.0 * 28 / 32;
    CHECK(count_macs(plain).linear - count_macs(pruned).linear == gone);
    CHECK(test::weight_bytes(plain) - test::weight_bytes(pruned) == 2 * gone);
}

TEST_CASE("chai gains more the longer the prompt is") {
    const Gpu gpu = config::load_gpu(CUPOLA_SOURCE_DIR, "v100-sxm2-32gb");
    const Stack stack = config::load_stack(CUPOLA_SOURCE_DIR, "pytorch-eager-math");
    const auto first_token = [&](int prompt, const char* levers) {
        const Workload workload = changed("llama-2-7b", {{"prompt", std::to_string(prompt)}, {"tokens", "1"}}, levers);
        return predict(workload, gpu, stack).stages.front().span.latency;
    };
    double before = 0;
    for (const int prompt : {256, 1024, 2048}) {
        const double gain = first_token(prompt, "") / first_token(prompt, "chai=clusters:7b-2024-07,projection:on");
        CAPTURE(prompt);
        CHECK(gain > before);
        before = gain;
    }
    CHECK(before > 1.15);
}

TEST_CASE("window: causal kernels know it, others compute fewer keys") {
    const auto [causal, stack] = test::scenario("llama-2-7b", {{"prompt", "2000"}, {"tokens", "1"}}, "window=512");
    CHECK(attentions(stage(causal, "prefill").passes[0].graph)[0].window == 512);
    const Graph& decode = stage(causal, "decode").passes[0].graph;
    const KernelSequence kernels = lower(decode, stack, Architecture::ampere);
    for (const Kernel& kernel : kernels.kernels) {
        if (kernel.label != "attention") continue;
        CHECK(std::get<AttentionWork>(kernel.work).window == 512);
        CHECK(kernel.operands[1].bytes == Bytes(512 * 4096 * 2.0));  // one query reads its window of the cache
    }
    // All keys stay in the cache.
    CHECK(cache_bytes(causal) == 32 * 2 * 2001 * 4096 * 2.0);
    const Workload local = changed("wan2.1-1.3b", {{"steps", "1"}, {"frames", "9"}}, "window=300");
    const auto calls = attentions(stage(local, "denoiser").passes[0].graph);
    CHECK(seen_keys(calls[0]) == 384 + 128);
    CHECK(seen_keys(calls[1]) == 512);  // all of the text
}

TEST_CASE("block-sparse: a share of the blocks, and the list of them") {
    const auto [sparse, stack] = test::scenario("flux.1-dev", {{"steps", "1"}}, "block-sparse=density:0.25");
    const auto [plain, same] = test::scenario("flux.1-dev", {{"steps", "1"}}, "");
    const Graph &before = stage(plain, "denoiser").passes[0].graph, &after = stage(sparse, "denoiser").passes[0].graph;
    CHECK(seen_keys(attentions(after)[0]) == 1152);  // a quarter of 4608, nine blocks
    CHECK(count_macs(after).attention == count_macs(before).attention / 4);
    CHECK(test::launches(after, stack) == test::launches(before, stack));
    const auto in_blocks_of = [](const char* lever) {
        return seen_keys(
            attentions(stage(changed("flux.1-dev", {{"steps", "1"}}, lever), "denoiser").passes[0].graph)[0]);
    };
    CHECK(in_blocks_of("block-sparse=density:0.01,block:64") == 64);  // 46 keys
    CHECK(in_blocks_of("block-sparse=density:0.01,block:1024") == 1024);
    CHECK(in_blocks_of("block-sparse=density:0.01") == 128);
    const auto causal = attentions(
        stage(changed("llama-2-7b", {{"prompt", "4096"}, {"tokens", "1"}}, "block-sparse=density:0.75"), "prefill")
            .passes[0]
            .graph);
    CHECK(causal[0].window == 2048);  // a band of half the width holds three quarters of the triangle
}

TEST_CASE("what levers of scores refuse") {
    CHECK(refusal("llama-2-7b", {}, "chai=clusters:33b") ==
          "--lever chai: found clusters for 60 layers, expected for the 32 layers of the model");
    CHECK(refusal("llama-2-7b", {}, "chai=clusters:31x4+1x48") ==
          "--lever chai: found 48 clusters for layer 31, expected at most its 32 heads");
    CHECK(refusal("llama-2-70b", {}, "chai=clusters:80x8") ==
          "--lever chai: found 8 heads of keys for 64 of queries, expected a model whose heads have keys of their own");
    for (const char* bad : {"7c", "3x", "x4", "3x4+", "3x4,5x6", "0x4", "3x0", "99999999999999999999x4"}) {
        CAPTURE(bad);
        CHECK(refusal("llama-2-7b", {}, std::string("chai=clusters:") + bad).starts_with("--lever chai"));
    }
    CHECK(
        refusal("sdxl", {}, "chai=clusters:7b").starts_with("--lever chai: found sdxl, expected a model that decodes"));
    CHECK(
        refusal("llama-2-7b", {}, "window=100000") ==
        "--lever window: found llama-2-7b with pytorch-eager-flash, expected self-attention over more than 100000 keys "
        "in a fused kernel");
    CHECK(refusal("flux.1-dev", {}, "window=100;block-sparse=density:0.5").find("both decide the keys") !=
          std::string::npos);
}

}  // namespace
}  // namespace cupola
