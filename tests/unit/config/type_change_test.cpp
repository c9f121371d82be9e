// Tensors that leave the type of their stage: `widen` and `narrow`, and the kernels that eager and compiled execution
// make of them.
#include "workload_file.hpp"

#include "cupola/stack/stack.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using cupola::testing::load_text;
using cupola::testing::one_stage;

namespace {

const std::string input = "{batch: 2, tokens: 64, channels: 128}";

Graph graph_of(const std::string& layers, const config::Settings& settings = {}) {
    const std::string type = "parameters:\n  dtype: {default: bf16, one_of: [fp32, bf16], about: the type}\n";
    return load_text(one_stage(input, layers, type), settings).stages.front().passes.front().graph;
}

std::string types(const Graph& graph) {
    std::string text;
    for (const Operator& op : graph.operators) {
        if (!text.empty()) text += ' ';
        text += std::string(name_of(op.kind)) + ":" + std::string(name_of(graph.output(op).type));
    }
    return text;
}

KernelSequence lowered(const Graph& graph, const std::string& stack) {
    return lower(graph, config::load_stack(CUPOLA_SOURCE_DIR, stack), Architecture::hopper);
}

std::string labels(const KernelSequence& sequence) {
    std::string text;
    for (const KernelInstance& launch : sequence.launches) {
        if (!text.empty()) text += ' ';
        text += sequence.kernels[launch.kernel].label;
    }
    return text;
}

double bytes_of(const Kernel& kernel, Access access) {
    double bytes = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == access) bytes += kernel.operands[i].bytes.value();
    }
    return bytes;
}

constexpr double elements = 2 * 64 * 128;

const std::string wide_norm = "        - widen\n        - layer_norm: {scale: false}\n        - narrow\n";

}  // namespace

TEST_CASE("a widened tensor keeps what is made of it in fp32 until it is narrowed") {
    CHECK(types(graph_of("        - save: x\n        - widen\n        - layer_norm\n        - silu\n"
                         "        - add: x\n        - concat: {with: x}\n        - narrow\n        - linear: 8\n")) ==
          "cast:fp32 layer_norm:fp32 silu:fp32 add:fp32 cat:fp32 cast:bf16 linear:bf16");
    CHECK(types(graph_of("        - save: x\n        - widen: {to: y}\n        - gate: {by: y, residual: x}\n")) ==
          "cast:fp32 gate:fp32");
}

TEST_CASE("a cast to the type that a tensor has is no operator") {
    CHECK(types(graph_of(wide_norm, {{"dtype", "fp32"}})) == "layer_norm:fp32");
    CHECK(types(graph_of("        - narrow\n        - silu\n")) == "silu:bf16");
    CHECK(types(graph_of("        - widen\n        - widen\n        - silu\n")) == "cast:fp32 silu:fp32");
}

TEST_CASE("eager, a norm between casts is three kernels of 6, 8 and 6 bytes an element") {
    const KernelSequence sequence = lowered(graph_of(wide_norm), "pytorch-2.2");
    REQUIRE(labels(sequence) == "to_fp32 layer_norm to_type");
    const auto kernel = [&](std::size_t i) { return sequence.kernels[sequence.launches[i].kernel]; };
    CHECK(bytes_of(kernel(0), Access::read) == 2 * elements);
    CHECK(bytes_of(kernel(0), Access::write) == 4 * elements);
    CHECK(bytes_of(kernel(1), Access::read) == 4 * elements);
    CHECK(bytes_of(kernel(1), Access::write) == 4 * elements);
    CHECK(bytes_of(kernel(2), Access::write) == 2 * elements);
}

TEST_CASE("compiled, casts around a norm move no bytes of their own") {
    const KernelSequence sequence = lowered(graph_of(wide_norm), "pytorch-compile");
    REQUIRE(labels(sequence) == "fused.layer_norm");
    CHECK(bytes_of(sequence.kernels.front(), Access::read) == 2 * elements);
    CHECK(bytes_of(sequence.kernels.front(), Access::write) == 2 * elements);
}

TEST_CASE("eager, a sum of two types is not PyTorch's vectorised kernel") {
    const auto clocks = [](const std::string& layers) {
        const KernelSequence sequence = lowered(graph_of(layers), "pytorch-2.2");
        return std::get<MemoryWork>(sequence.kernels[sequence.launches.back().kernel].work).sm_clocks_per_element;
    };
    CHECK(clocks("        - save: x\n        - add: x\n") == 0);
    CHECK(clocks("        - save: x\n        - widen\n        - add: x\n") > 0);
    CHECK(clocks("        - widen\n") == 0);
}
