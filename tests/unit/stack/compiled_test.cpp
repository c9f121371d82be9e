#include "builder.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using namespace cupola::test;

namespace {

int reads(const Kernel& kernel) {
    int count = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) count += kernel.operands[i].access == Access::read ? 1 : 0;
    return count;
}

int writes(const Kernel& kernel) {
    int count = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) count += kernel.operands[i].access == Access::write ? 1 : 0;
    return count;
}

}  // namespace

TEST_CASE("compiled, a ResNet block is convolutions and two kernels a GroupNorm") {
    GraphBuilder builder;
    const ValueId start = builder.conv(builder.input(image(2, 4, 64)), 320);
    const ValueId a = builder.conv(builder.silu(builder.group_norm(start)), 320);
    const ValueId b = builder.conv(builder.silu(builder.group_norm(a)), 320);
    const ValueId out = builder.sum(start, b);
    CHECK(text(labels(builder.finish(out), compiled())) ==
          "conv.nchw_to_nhwc conv group_norm.statistics group_norm.apply conv group_norm.statistics group_norm.apply "
          "conv fused.pointwise");
}

TEST_CASE("compiled, a pointwise chain joins the statistics of the GroupNorm behind it and is written once") {
    GraphBuilder builder;
    const ValueId x = builder.conv(builder.input(image(2, 320, 64)), 320);
    const ValueId y = builder.conv(x, 320);
    const ValueId sum = builder.sum(x, y);
    const ValueId out = builder.conv(builder.silu(builder.group_norm(sum)), 320);
    const KernelSequence sequence = lower(builder.finish(out), compiled(), Architecture::ampere);
    CHECK(text(labels_of(sequence)) == "conv.nchw_to_nhwc conv conv group_norm.statistics group_norm.apply conv");
    const Kernel& statistics = kernel_named(sequence, "group_norm.statistics");
    CHECK(reads(statistics) == 2);   // both terms of the sum
    CHECK(writes(statistics) == 2);  // the sum, which normalisation reads, and the statistics
}

TEST_CASE("compiled, values that only the group itself reads never reach memory") {
    GraphBuilder builder;
    const ValueId x = builder.input(shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}}));
    const ValueId chain = builder.silu(builder.silu(builder.norm(builder.silu(x), NormKind::layer)));
    const KernelSequence sequence = lower(builder.finish(builder.linear(chain, 640)), compiled(), Architecture::ampere);
    CHECK(text(labels_of(sequence)) == "fused.layer_norm linear");
    CHECK(reads(sequence.kernels[0]) == 1);
    CHECK(writes(sequence.kernels[0]) == 1);
}

TEST_CASE("compiled, a residual that is read later is written by the group that makes it") {
    GraphBuilder builder;
    const Shape shape = shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}});
    const ValueId x = builder.input(shape);
    const ValueId residual = builder.sum(x, builder.linear(x, 640));
    const ValueId branch = builder.linear(builder.norm(residual, NormKind::layer), 640);
    const KernelSequence sequence =
        lower(builder.finish(builder.sum(residual, branch)), compiled(), Architecture::ampere);
    CHECK(text(labels_of(sequence)) == "linear fused.layer_norm linear fused.pointwise");
    CHECK(writes(kernel_named(sequence, "fused.layer_norm")) == 2);
}

TEST_CASE("compiled, one group holds at most one reduction") {
    GraphBuilder builder;
    const ValueId x = builder.input(shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}}));
    const ValueId y = builder.norm(builder.norm(x, NormKind::rms), NormKind::layer);
    CHECK(text(labels(builder.finish(y), compiled())) == "fused.rms_norm fused.layer_norm");
}

TEST_CASE("compiled, a part of a group's value is read from memory") {
    GraphBuilder builder;
    const Shape whole = shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}});
    const Shape part = shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 320}});
    const ValueId x = builder.silu(builder.input(whole));
    const ValueId half = builder.add(Slice{}, {x}, part);
    CHECK(text(labels(builder.finish(builder.silu(half)), compiled())) == "fused.pointwise fused.pointwise");
}

TEST_CASE("compiled, a value and a broadcast part of it cannot share the group that makes it") {
    GraphBuilder builder;
    const ValueId x = builder.silu(builder.input(shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}})));
    const Shape first = shape_of({{"batch", 2}, {"tokens", 1}, {"channels", 640}});
    const ValueId part = builder.add(Slice{}, {x}, first);
    CHECK(text(labels(builder.finish(builder.sum(x, part)), compiled())) == "fused.pointwise fused.pointwise");
}

TEST_CASE("compiled, tokens of a channels-last image need no copy for any batch") {
    GraphBuilder builder;
    const ValueId x = builder.conv(builder.conv(builder.input(image(4, 320, 32)), 320), 320);
    const ValueId t = builder.linear(builder.rearrange(x, tokens(4, 32, 320)), 320);
    const ValueId back = builder.add(Contiguous{}, {builder.rearrange(t, image(4, 320, 32))}, image(4, 320, 32));
    CHECK(text(labels(builder.finish(builder.conv(back, 320)), compiled())) ==
          "conv.nchw_to_nhwc conv conv linear conv");
}

TEST_CASE("in a CUDA graph no kernel costs host time") {
    GraphBuilder builder;
    const ValueId x = builder.input(shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}}));
    const Graph graph = builder.finish(builder.linear(builder.silu(x), 640));
    for (const KernelInstance& launch : lower(graph, compiled(), Architecture::ampere).launches) {
        CHECK(launch.host.value() == 0);
    }
    for (const KernelInstance& launch : lower(graph, eager(), Architecture::ampere).launches) {
        CHECK(launch.host.value() > 0);
    }
}

TEST_CASE("compiled code multiplies one row by a matrix in a reduction that streams the matrix") {
    const auto sequence = [](std::int64_t rows, const Stack& stack) {
        GraphBuilder builder;
        const Shape shape = shape_of({{"batch", 1}, {"tokens", rows}, {"channels", 4096}});
        return lower(builder.finish(builder.linear(builder.input(shape), 11008, false)), stack, Architecture::ampere);
    };
    const KernelSequence one = sequence(1, compiled());
    REQUIRE(one.launches.size() == 1);
    const auto& work = std::get<MemoryWork>(one.kernels[0].work);
    CHECK(work.pattern == Pattern::row_reduction);
    CHECK(work.rows == 11008);
    CHECK(flops_of(one.kernels[0]).value() == doctest::Approx(2.0 * 4096 * 11008));
    CHECK(compulsory_bytes(one.kernels[0]).value() == doctest::Approx(2.0 * (4096.0 * 11008 + 4096 + 11008)));
    CHECK(std::holds_alternative<GemmWork>(sequence(2, compiled()).kernels[0].work));
    CHECK(std::holds_alternative<GemmWork>(sequence(1, eager()).kernels[0].work));
}

TEST_CASE("an operator that stays eager ends what is compiled before it, and is no part of the CUDA graph") {
    GraphBuilder builder;
    const ValueId x = builder.silu(builder.silu(builder.input(shape_of({{"batch", 5}, {"channels", 640}}))));
    const ValueId y = builder.silu(builder.silu(x));
    Graph graph = builder.finish(builder.silu(builder.silu(y)));
    for (const std::size_t i : {2U, 3U}) graph.operators[i].limit = Execution::eager;
    Stack stack = compiled();
    stack.cuda_graphs = true;
    stack.eager_mode.dispatch.elementwise = Seconds(10e-6);
    const KernelSequence sequence = lower(graph, stack, Architecture::ampere);
    CHECK(text(labels_of(sequence)) == "fused.pointwise silu silu fused.pointwise");
    for (const std::size_t i : {0U, 3U}) {
        CHECK(sequence.launches[i].captured);
        CHECK(sequence.launches[i].host.value() == 0);
    }
    for (const std::size_t i : {1U, 2U}) {
        CHECK_FALSE(sequence.launches[i].captured);
        CHECK(sequence.launches[i].host.value() == doctest::Approx(10e-6).scale(0));
    }
    for (const std::size_t i : {2U, 3U}) graph.operators[i].limit = Execution::compiled;
    const KernelSequence called = lower(graph, stack, Architecture::ampere);
    CHECK(text(labels_of(called)) == "fused.pointwise fused.pointwise fused.pointwise");
    CHECK_FALSE(called.launches[1].captured);
}

TEST_CASE("caches of one size are reordered by one compiled kernel, and one more where they keep their memory") {
    const auto labels_for = [](bool in_place, const Stack& stack) {
        GraphBuilder builder;
        ValueId last = 0;
        for (const std::int64_t length : {64, 32, 64, 32}) {
            const Shape shape = shape_of({{"batch", 5}, {"tokens", length}, {"channels", 64}});
            last = builder.add(CacheReorder{in_place}, {builder.input(shape, true)}, shape);
        }
        return lower(builder.finish(last), stack, Architecture::ampere);
    };
    CHECK(labels_for(false, eager()).launches.size() == 4);
    CHECK(labels_for(true, eager()).launches.size() == 8);
    const KernelSequence fused = labels_for(true, compiled());
    CHECK(text(labels_of(fused)) == "cache.reorder cache.copy_back cache.reorder cache.copy_back");
    const Kernel& gather = kernel_named(fused, "cache.reorder");
    double bytes = 0;
    for (std::size_t i = 0; i < gather.operand_count; ++i) bytes += gather.operands[i].bytes.value();
    CHECK(bytes == 2 * 2 * 5.0 * 64 * 64 * 2);  // two caches, read and written, fp16
}
