#include "builder.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using namespace cupola::test;

namespace {

const Operand& operand(const KernelSequence& sequence, std::size_t launch, Access access) {
    const Kernel& kernel = sequence.kernels[sequence.launches[launch].kernel];
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == access) return kernel.operands[i];
    }
    throw std::runtime_error("no such operand");
}

const Shape square = shape_of({{"batch", 1}, {"tokens", 1024}, {"channels", 1024}});
constexpr double square_bytes = 1024.0 * 1024 * 2;

}  // namespace

TEST_CASE("a tensor that the kernel before has written is read at distance zero") {
    GraphBuilder builder;
    const ValueId x = builder.silu(builder.input(square));
    const KernelSequence sequence = lower(builder.finish(builder.silu(x)), eager(), Architecture::ampere);
    CHECK(operand(sequence, 1, Access::read).reuse_distance.value() == 0);
    CHECK(operand(sequence, 0, Access::write).reuse_distance.value() == 0);
}

TEST_CASE("a skip connection is as far away as what was touched in between") {
    GraphBuilder builder;
    const ValueId skip = builder.silu(builder.input(square));
    ValueId x = builder.silu(skip);
    x = builder.silu(x);
    x = builder.silu(x);
    const KernelSequence sequence = lower(builder.finish(builder.sum(skip, x)), eager(), Architecture::ampere);
    // Launch 1 reads the skip last; launches 2 and 3 move four tensors.
    CHECK(operand(sequence, 4, Access::read).reuse_distance.value() == 4 * square_bytes);
}

TEST_CASE("weights and inputs were last touched one pass earlier") {
    GraphBuilder builder;
    const ValueId x = builder.input(square);
    const KernelSequence sequence =
        lower(builder.finish(builder.linear(x, 1024, false)), eager(), Architecture::ampere);
    const double pass = 3 * square_bytes;
    CHECK(operand(sequence, 0, Access::weight).reuse_distance.value() == pass);
    CHECK(operand(sequence, 0, Access::read).reuse_distance.value() == pass);
    CHECK(operand(sequence, 0, Access::write).reuse_distance.value() == pass);
}

TEST_CASE("appending rows to a cache does not bring the cache nearer") {
    GraphBuilder builder;
    const Shape rows = shape_of({{"batch", 1}, {"tokens", 1}, {"channels", 1024}});
    const ValueId added = builder.input(rows);
    const ValueId cache = builder.add(CacheAppend{}, {added}, square);
    builder.graph().values[cache].persistent = true;
    const ValueId y = builder.attention(added, cache, cache, 8);
    const KernelSequence sequence = lower(builder.finish(y), eager(), Architecture::ampere);
    REQUIRE(text(labels_of(sequence)) == "cache.append attention");
    CHECK(operand(sequence, 0, Access::write).bytes.value() == 2048);
    const Kernel& attention = kernel_named(sequence, "attention");
    CHECK(attention.operands[1].bytes.value() == square_bytes);
    CHECK(attention.operands[1].reuse_distance.value() > square_bytes);
}

TEST_CASE("equal kernels are stored once") {
    GraphBuilder builder;
    ValueId x = builder.input(square);
    for (int i = 0; i < 20; ++i) x = builder.silu(builder.linear(x, 1024));
    const KernelSequence sequence = lower(builder.finish(x), eager(), Architecture::ampere);
    CHECK(sequence.launches.size() == 40);
    CHECK(sequence.kernels.size() == 4);  // the first linear reads the input, the last silu writes the output
}

TEST_CASE("peak memory is that of the tensors alive together, views counted once") {
    GraphBuilder builder;
    ValueId x = builder.input(square);
    for (int i = 0; i < 10; ++i) x = builder.silu(x);
    x = builder.rearrange(x, shape_of({{"batch", 1}, {"channels", 1024}, {"tokens", 1024}}));
    x = builder.silu(x);
    const Graph chain = builder.finish(x);
    CHECK(lower(chain, eager(), Architecture::ampere).peak_activation_bytes.value() == 2 * square_bytes);

    GraphBuilder other;
    const ValueId state = other.input(square, true);  // lives beyond the pass
    x = other.silu(other.silu(other.silu(state)));
    CHECK(lower(other.finish(x), eager(), Architecture::ampere).peak_activation_bytes.value() == 3 * square_bytes);
}

TEST_CASE("a pass without operators has no kernels") {
    const KernelSequence sequence = lower(Graph{}, eager(), Architecture::ampere);
    CHECK(sequence.launches.empty());
    CHECK(lower(Graph{}, compiled(), Architecture::ampere).launches.empty());
    CHECK(sequence.peak_activation_bytes.value() == 0);
}
