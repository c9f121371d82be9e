#include "builder.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using namespace cupola::test;

namespace {

constexpr double rows = 4096, width = 1024;

Stack engine() {
    Stack stack = compiled();
    stack.compiled_mode.epilogues = true;
    return stack;
}

double bytes_read(const Kernel& kernel) {
    double bytes = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == Access::read) bytes += kernel.operands[i].bytes.value();
    }
    return bytes;
}

}  // namespace

TEST_CASE("an engine's products compute the activation or the sum that follows") {
    GraphBuilder builder;
    const ValueId x = builder.input(tokens(1, 64, 1024));
    const ValueId inner = builder.silu(builder.linear(x, 1024));
    const Graph graph = builder.finish(builder.sum(builder.linear(inner, 1024), x));
    CHECK(text(labels(graph, compiled())) == "linear fused.pointwise linear fused.pointwise");
    const KernelSequence sequence = lower(graph, engine(), Architecture::ampere);
    CHECK(text(labels_of(sequence)) == "linear linear");
    CHECK(bytes_read(sequence.kernels[sequence.launches[0].kernel]) == 2 * rows * width);
    CHECK(bytes_read(sequence.kernels[sequence.launches[1].kernel]) == 2 * 2 * rows * width);  // and the residual
}

TEST_CASE("the later of two products computes their sum; the norm behind it reads one tensor") {
    GraphBuilder builder;
    const ValueId x = builder.conv(builder.input(image(2, 320, 64)), 320);
    const ValueId sum = builder.sum(builder.conv(x, 320), builder.conv(x, 320, 1));
    const Graph graph = builder.finish(builder.conv(builder.group_norm(sum), 320));
    const KernelSequence sequence = lower(graph, engine(), Architecture::ampere);
    CHECK(text(labels_of(sequence)) == "conv.nchw_to_nhwc conv conv conv group_norm.statistics group_norm.apply conv");
    const double tensor = 2.0 * 2 * 320 * 64 * 64;
    CHECK(bytes_read(kernel_named(sequence, "group_norm.statistics")) == tensor);
    CHECK(bytes_read(kernel_named(lower(graph, compiled(), Architecture::ampere), "group_norm.statistics")) ==
          2 * tensor);
}

TEST_CASE("no epilogue: a result that others read, an operand not made yet or broadcast, an eager operator") {
    GraphBuilder twice;
    const ValueId product = twice.linear(twice.input(tokens(1, 64, 1024)), 1024);
    CHECK(text(labels(twice.finish(twice.sum(twice.silu(product), product)), engine())) == "linear fused.pointwise");

    GraphBuilder later;
    const ValueId x = later.input(tokens(1, 64, 1024));
    const ValueId first = later.linear(x, 1024);
    const ValueId second = later.silu(x);
    CHECK(text(labels(later.finish(later.sum(first, second)), engine())) == "linear fused.pointwise");

    GraphBuilder broadcast;
    const ValueId shift = broadcast.input(shape_of({{"batch", 1}, {"channels", 1024}}));
    const ValueId wide = broadcast.linear(broadcast.input(tokens(1, 64, 1024)), 1024);
    CHECK(text(labels(broadcast.finish(broadcast.sum(wide, shift)), engine())) == "linear fused.pointwise");

    GraphBuilder outside;
    const ValueId out = outside.silu(outside.linear(outside.input(tokens(1, 64, 1024)), 1024));
    Graph graph = outside.finish(out);
    graph.operators[1].limit = Execution::eager;
    CHECK(text(labels(graph, engine())) == "linear silu");
}

TEST_CASE("what is to be quantised stays with the fused kernel that does both") {
    GraphBuilder builder;
    const ValueId x = builder.input(tokens(1, 64, 1024));
    Graph graph = builder.finish(builder.linear(builder.silu(builder.linear(x, 1024)), 1024));
    LinearPrecision precision{DataType::int8, DataType::int8, ScaleSpan::tensor};
    precision.fixed_scales = true;
    std::get<Linear>(graph.operators[2].kind).precision = precision;
    CHECK(text(labels(graph, engine())) == "linear fused.pointwise linear");
}
