// The comparison itself, on lists and graphs of a few operators; needs no reference data.
#include "comparison.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::accuracy;

namespace {

ListRow row(const std::string& op, const std::vector<Sizes>& inputs, const Sizes& output) {
    return {"block.norm", op, inputs, output, 0, {}};
}

std::string only_entry(const std::vector<ListRow>& list) {
    const std::vector<Entry> entries = entries_of(list);
    REQUIRE(entries.size() == 1);
    return entries.front().what;
}

Entry heavy(const std::string& what) { return {what, "", true, {}, {}}; }
Entry light(const std::string& what) { return {what, "", false, {}, {}}; }

const Sizes tokens{1, 77, 1024}, rows{1, 77, 1};

}  // namespace

TEST_CASE("the kernels of a norm that eager PyTorch decomposes are one entry") {
    CHECK(only_entry({row("pow", {tokens}, tokens), row("mean", {tokens}, rows), row("add_", {rows}, rows),
                      row("rsqrt", {rows}, rows), row("mul", {tokens, rows}, tokens)}) == "rms_norm 77x1024");
    CHECK(only_entry({row("linalg_vector_norm", {tokens}, rows), row("clamp_min", {rows}, rows),
                      row("div", {tokens, tokens}, tokens)}) == "rms_norm 77x1024");
    CHECK(only_entry({row("var", {tokens}, rows), row("mean", {tokens}, rows), row("sub", {tokens, rows}, tokens),
                      row("add", {rows}, rows), row("rsqrt", {rows}, rows), row("mul", {tokens, rows}, tokens)}) ==
          "layer_norm 77x1024");
    CHECK(entries_of({row("pow", {tokens}, tokens), row("mean", {tokens}, rows)}).empty());
}

TEST_CASE("two products around a softmax are one attention") {
    const Sizes scores{8, 36, 292};
    const std::vector<ListRow> list{row("bmm", {{8, 36, 64}, {8, 64, 292}}, scores), row("mul", {scores}, scores),
                                    row("_softmax", {scores}, scores), row("bmm", {scores, {8, 292, 64}}, {8, 36, 64})};
    CHECK(only_entry(list) == "attention q 8x36x64 k 8x292x64 v 8x292x64");
    CHECK(entries_of({list[0], list[3]}).size() == 2);
}

TEST_CASE("heavy operators agree in order only") {
    const Agreement swapped = compare({heavy("a"), heavy("b"), heavy("c")}, {heavy("a"), heavy("c"), heavy("b")});
    CHECK(swapped.heavy_agreed == 1);
    CHECK(swapped.first_difference.find("> b") != std::string::npos);
    CHECK(compare({heavy("a")}, {heavy("a"), heavy("b")}).heavy_total == 2);
}

TEST_CASE("light operators agree near their place, and each only once") {
    const Agreement agreement =
        compare({light("norm"), heavy("a"), light("norm"), light("silu")}, {heavy("a"), light("norm"), light("gelu")});
    CHECK(agreement.light_agreed == 1);
    CHECK(agreement.differences.size() == 3);
    std::vector<Entry> list{light("norm")}, graph;
    for (std::size_t i = 0; i <= farthest_move; ++i) {
        list.push_back(heavy("a"));
        graph.push_back(heavy("a"));
    }
    graph.push_back(light("norm"));
    CHECK(compare(list, graph).light_share() == 0);
}
