// Self-attention over fewer tokens, and the kernels that find, merge and copy them.
#include "model.hpp"

#include <doctest/doctest.h>

#include <map>

namespace cupola {
namespace {

using test::changed;
using test::count_of;
using test::stage;

TEST_CASE("token-merging: half the tokens where there are most, and what finds and moves them") {
    const auto [plain, stack] = test::scenario("stable-diffusion-1.5", {}, "");
    const Workload merged = changed("stable-diffusion-1.5", {}, "token-merging=ratio:0.5");
    const Graph& before = stage(plain, "denoiser").passes[0].graph;
    const Graph& after = stage(merged, "denoiser").passes[0].graph;
    const auto with_queries = [](const Graph& graph, std::int64_t queries) {
        return std::count_if(graph.operators.begin(), graph.operators.end(), [&](const Operator& op) {
            const auto* attention = std::get_if<Attention>(&op.kind);
            return attention != nullptr && attention->queries == queries && attention->keys == queries;
        });
    };
    CHECK(with_queries(before, 4096) == 5);
    CHECK(with_queries(after, 4096) == 0);
    CHECK(with_queries(after, 2048) == 5);
    CHECK(with_queries(after, 1024) == with_queries(before, 1024));
    CHECK(count_of<Matmul>(after) == count_of<Matmul>(before) + 5);
    CHECK(count_of<Linear>(after) == count_of<Linear>(before));
    CHECK(after.values[after.outputs.front()].shape == before.values[before.outputs.front()].shape);
    CHECK(test::launches(after, stack) > test::launches(before, stack) + 5 * 10);
    CHECK(count_macs(after).total() < count_macs(before).total());
}

/// Launches of each label.
std::map<std::string, std::int64_t> launches_by_label(const Graph& graph, const Stack& stack) {
    const KernelSequence sequence = lower(graph, stack, Architecture::ampere);
    std::map<std::string, std::int64_t> counts;
    for (const KernelInstance& launch : sequence.launches) {
        ++counts[std::string(sequence.kernels[launch.kernel].label)];
    }
    return counts;
}

TEST_CASE("token-merging: one of four tokens is a target; what is compared, moved and multiplied") {
    const auto [plain, stack] = test::scenario("stable-diffusion-1.5", {}, "");
    const Workload merged = changed("stable-diffusion-1.5", {}, "token-merging=ratio:0.25");
    const Graph& before = stage(plain, "denoiser").passes[0].graph;
    const Graph& after = stage(merged, "denoiser").passes[0].graph;
    // 4096 tokens of two branches: 3072 are compared with 1024, 1024 of them merge, 3072 are left.
    for (const Operator& op : after.operators) {
        const auto* product = std::get_if<Matmul>(&op.kind);
        if (product == nullptr) continue;
        CHECK(product->batch == 2);
        CHECK(product->m == 3072);
        CHECK(product->n == 1024);
        CHECK(product->k == 320);
    }
    // Queries, keys, values and the result of five attentions.
    const auto rows = [](const Graph& graph, std::int64_t count) {
        return std::count_if(graph.operators.begin(), graph.operators.end(), [&](const Operator& op) {
            const auto* linear = std::get_if<Linear>(&op.kind);
            return linear != nullptr && linear->rows == count;
        });
    };
    CHECK(rows(before, 2 * 3072) == 0);
    CHECK(rows(after, 2 * 3072) == 5 * 4);
    CHECK(rows(after, 2 * 4096) == rows(before, 2 * 4096) - 5 * 4);
    const double triangle = 2.0 * 320 * (4096.0 * 4096 - 3072.0 * 3072) * 2 * 5;  // QK and PV of both branches
    CHECK(count_macs(before).attention - count_macs(after).attention == triangle - 5 * 2.0 * 3072 * 1024 * 320);
    auto counts = launches_by_label(after, stack);
    for (const auto& [label, count] : launches_by_label(before, stack)) counts[label] -= count;
    std::erase_if(counts, [](const auto& label) { return label.second == 0; });
    // To match: random numbers, marks, their sort, a norm of three kernels, two gathers, the product, maxima, their
    // sort, a gather; to merge: three gathers, the means, one concatenation; back: zeros and four gathers.
    CHECK(counts == std::map<std::string, std::int64_t>{{"offset", 5},
                                                        {"gather", 5 * (1 + 2 + 1 + 3 + 4)},
                                                        {"reduce", 5 * 3},
                                                        {"l2_norm.norm", 5},
                                                        {"l2_norm.clamp", 5},
                                                        {"l2_norm.divide", 5},
                                                        {"matmul", 5},
                                                        {"add", 5},
                                                        {"cat", 5},
                                                        {"copy.broadcast", 5}});
}

}  // namespace
}  // namespace cupola
