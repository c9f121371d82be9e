#include "../stack/builder.hpp"

#include "cupola/lever/lever.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace cupola {
namespace {

using namespace test;

constexpr double side = 64, channels = 320, positions = 2 * side * side;

ValueId named(GraphBuilder& builder, ValueId x, const std::string& module) {
    Graph& graph = builder.graph();
    graph.operators.back().scope = static_cast<std::uint32_t>(graph.scopes.size());
    graph.scopes.push_back({no_id, module});
    return x;
}

/// The first convolution, group norm, SiLU, a convolution, another one on its result, a shortcut, their sum, the last
/// convolution.
Workload unet(DataType type) {
    GraphBuilder builder(type);
    const ValueId x = named(builder, builder.conv(builder.input(image(2, 4, 64)), 320), "conv_in");
    const ValueId inner = named(builder, builder.conv(builder.silu(builder.group_norm(x)), 320), "conv1");
    const ValueId outer = named(builder, builder.conv(inner, 320), "conv2");
    const ValueId shortcut = named(builder, builder.conv(x, 320, 1), "conv_shortcut");
    const ValueId out = named(builder, builder.conv(builder.sum(outer, shortcut), 4), "conv_out");
    Workload workload;
    workload.name = "layers";
    Component component{"denoiser", 0, 0};
    const Graph graph = builder.finish(out);
    for (const Weight& weight : graph.weights) component.weight_bytes += memory_bytes(weight);
    workload.components = {component};
    Stage stage;
    stage.name = stage.component = "denoiser";
    stage.passes.push_back({1, 0, graph});
    workload.stages.push_back(stage);
    return workload;
}

Stack engine() {
    Stack stack = compiled();
    stack.name = "engine";
    stack.convolution_products = {DataType::int8, DataType::fp8};
    return stack;
}

Scenario with_levers(const std::string& levers, const Stack& stack, Architecture architecture = Architecture::hopper,
                     DataType type = DataType::fp16) {
    LeverContext context;
    context.workload_name = "layers";
    context.stack = stack;
    context.architecture = architecture;
    context.expand = [type](const std::string&, const WorkloadSettings&) { return unet(type); };
    return apply_levers(std::move(context), parse_levers(levers));
}

KernelSequence kernels(const std::string& levers, const Stack& stack) {
    const Scenario scenario = with_levers(levers, stack);
    return lower(scenario.workload.stages[0].passes[0].graph, scenario.stack, Architecture::hopper);
}

std::vector<const Kernel*> convolutions(const KernelSequence& sequence) {
    std::vector<const Kernel*> result;
    for (const KernelInstance& launch : sequence.launches) {
        const Kernel& kernel = sequence.kernels[launch.kernel];
        if (kernel.category == Category::convolution) result.push_back(&kernel);
    }
    return result;
}

double bytes_of(const Kernel& kernel, Access access) {
    double bytes = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == access) bytes += kernel.operands[i].bytes.value();
    }
    return bytes;
}

TEST_CASE("the kernel that makes a convolution's input quantises it; one that no fused kernel makes takes another") {
    const std::vector<std::string> before = labels_of(kernels("", engine()));
    CHECK(text(before) ==
          "conv.nchw_to_nhwc conv group_norm.statistics group_norm.apply conv conv conv fused.pointwise conv");
    const KernelSequence sequence = kernels("conv-precision=fp8", engine());
    CHECK(text(labels_of(sequence)) ==
          "conv.nchw_to_nhwc conv group_norm.statistics group_norm.apply conv conv.quantise conv conv fused.pointwise "
          "conv");
    const Kernel& norm = kernel_named(sequence, "group_norm.apply");
    CHECK(bytes_of(norm, Access::write) == positions * channels);  // one byte, nobody reads the wide tensor
    const Kernel& quantise = kernel_named(sequence, "conv.quantise");
    CHECK(bytes_of(quantise, Access::read) == 2 * positions * channels);
    CHECK(bytes_of(quantise, Access::write) == positions * channels);
}

TEST_CASE("inner convolutions multiply narrow factors into a wide result; the first, the last and shortcuts do not") {
    for (const auto& [value, type] : {std::pair("int8", DataType::int8), std::pair("fp8", DataType::fp8)}) {
        const KernelSequence sequence = kernels(std::string("conv-precision=") + value, engine());
        const std::vector<const Kernel*> products = convolutions(sequence);
        REQUIRE(products.size() == 5);
        for (const std::size_t narrow : {1, 2}) {
            CHECK(products[narrow]->type == type);
            CHECK(bytes_of(*products[narrow], Access::read) == positions * channels);
            CHECK(bytes_of(*products[narrow], Access::weight) == 9 * channels * channels + 2 * channels);
            CHECK(bytes_of(*products[narrow], Access::write) == 2 * positions * channels);
        }
        for (const std::size_t wide : {0, 3, 4}) CHECK(products[wide]->type == DataType::fp16);
    }
}

TEST_CASE("a component is named with its type, and its memory shrinks by a byte a weight") {
    const double before = with_levers("", engine()).workload.components[0].weight_bytes;
    const Scenario scenario = with_levers("conv-precision=denoiser:int8", engine());
    CHECK(scenario.workload.components[0].weight_bytes == before - 2 * 9 * channels * channels);
}

TEST_CASE("what conv-precision refuses, and how it says it") {
    struct Refusal {
        const char* levers;
        Stack stack;
        Architecture architecture;
        const char* message;
    };
    const std::vector<Refusal> refusals{
        {"conv-precision=int8", eager(), Architecture::hopper,
         "--lever conv-precision: found stack , whose convolutions do not multiply int8, expected a stack with such "
         "kernels (convolution_products in its file); for example tensorrt"},
        {"conv-precision=fp8", engine(), Architecture::ampere,
         "--lever conv-precision: found a GPU of the ampere architecture, expected one whose matrix units multiply "
         "fp8"},
        {"conv-precision", engine(), Architecture::hopper,
         "--lever conv-precision: found no value, expected one of int8, fp8"},
        {"conv-precision=int4", engine(), Architecture::hopper,
         "--lever conv-precision: found \"int4\", expected one of int8, fp8; did you mean \"int8\"?"},
        {"conv-precision=denoiser:fp6", engine(), Architecture::hopper,
         "--lever conv-precision, denoiser: found \"fp6\", expected one of int8, fp8; did you mean \"fp8\"?"},
        {"conv-precision=unet:fp8", engine(), Architecture::hopper,
         "--lever conv-precision: found \"unet:fp8\", expected fields key:value separated by commas, of the keys "
         "denoiser; known: denoiser"},
        {"conv-precision=int8;conv-precision=fp8", engine(), Architecture::hopper,
         "--lever conv-precision=fp8: found --lever conv-precision=int8 beside it, expected one of them: both decide "
         "the precision of convolutions; leave one out"},
    };
    for (const Refusal& refusal : refusals) {
        CAPTURE(refusal.levers);
        try {
            (void)with_levers(refusal.levers, refusal.stack, refusal.architecture);
            FAIL("no error");
        } catch (const InputError& error) {
            CHECK(std::string(error.what()) == refusal.message);
        }
    }
}

}  // namespace
}  // namespace cupola
