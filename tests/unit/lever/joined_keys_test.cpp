#include "model.hpp"

#include <doctest/doctest.h>

namespace cupola {
namespace {

using test::changed;
using test::count_of;
using test::launches;
using test::refusal;
using test::scenario;
using test::stage;

const WorkloadSettings one_image{{"steps", "2"}, {"guidance", "1"}};

TEST_CASE("joined-keys: one concatenation of keys and values an attention, whose halves are views") {
    const Workload before = changed("pixart-alpha", one_image, ""),
                   after = changed("pixart-alpha", one_image, "joined-keys");
    const Graph& plain = stage(before, "denoiser").passes[0].graph;
    const Graph& joined = stage(after, "denoiser").passes[0].graph;
    const std::size_t attentions = count_of<Attention>(plain);
    CHECK(attentions == 56);  // 28 blocks, to the image and to the text
    CHECK(count_of<Cat>(joined) == count_of<Cat>(plain) + attentions);
    CHECK(count_of<Slice>(joined) == count_of<Slice>(plain) + 2 * attentions);
    CHECK(count_macs(joined).total() == count_macs(plain).total());
    const Stack stack = scenario("pixart-alpha", one_image, "").stack;
    CHECK(launches(joined, stack) == launches(plain, stack) + attentions);
    for (const Operator& op : joined.operators) {
        if (!std::holds_alternative<Attention>(op.kind)) continue;
        CHECK(joined.inputs(op)[1] != joined.inputs(op)[2]);
    }
}

TEST_CASE("joined-keys: as many bytes are written as keys and values have") {
    const Workload after = changed("sd3.5-medium", one_image, "joined-keys");
    const Graph& joined = stage(after, "denoiser").passes[0].graph;
    std::int64_t largest = 0;
    for (const Operator& op : joined.operators) {
        if (joined.scopes[op.scope].name == "join_keys") largest = joined.output(op).shape.elements();
    }
    CHECK(largest == 2 * 4096 * 1536);  // the image's; the text joins them later
}

TEST_CASE("joined-keys refuses what has no such layers") {
    CHECK(refusal("llama-2-7b", {}, "joined-keys").find("no layers to_k and to_v") != std::string::npos);
    CHECK(refusal("pixart-alpha", {}, "joined-keys=on").find("joined-keys") != std::string::npos);
}

}  // namespace
}  // namespace cupola
