#include "../stack/builder.hpp"

#include "cupola/lever/lever.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace cupola {
namespace {

using namespace test;

constexpr std::int64_t rows = 4096, width = 1024;

/// Norm, two linear layers that read it, and an activation before a third: 4096 tokens of 1024.
Workload transformer(DataType type = DataType::bf16) {
    GraphBuilder builder(type);
    const ValueId x = builder.norm(builder.input(tokens(1, 64, width)), NormKind::layer);
    const ValueId left = builder.linear(x, width);
    const ValueId right = builder.linear(x, width);
    const ValueId out = builder.linear(builder.silu(builder.sum(left, right)), 512);
    builder.graph().scopes.push_back({no_id, "to_out"});
    builder.graph().operators.back().scope = 0;
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

Scenario with_levers(const std::string& levers, const Stack& stack, Architecture architecture = Architecture::hopper,
                     DataType type = DataType::bf16) {
    LeverContext context;
    context.workload_name = "layers";
    context.stack = stack;
    context.architecture = architecture;
    context.expand = [type](const std::string&, const WorkloadSettings&) { return transformer(type); };
    return apply_levers(std::move(context), parse_levers(levers));
}

KernelSequence kernels(const Scenario& scenario, Architecture architecture = Architecture::hopper) {
    return lower(scenario.workload.stages[0].passes[0].graph, scenario.stack, architecture);
}

std::vector<std::string> launches(const std::string& levers, const Stack& stack) {
    return labels_of(kernels(with_levers(levers, stack)));
}

std::int64_t count(const std::vector<std::string>& labels, const std::string& label) {
    return std::count(labels.begin(), labels.end(), label);
}

double written(const Kernel& kernel, std::size_t index = 0) {
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == Access::write && index-- == 0) return kernel.operands[i].bytes.value();
    }
    return 0;
}

double weight_of(const Kernel& kernel) {
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == Access::weight) return kernel.operands[i].bytes.value();
    }
    return 0;
}

TEST_CASE("a compiler quantises with a scale a token in the kernels that make the input") {
    const KernelSequence sequence = kernels(with_levers("int8-dynamic", compiled()));
    // The columns' scales of the first two are applied where their sum is taken, those of the last one by themselves.
    CHECK(text(labels_of(sequence)) == "fused.layer_norm linear linear fused.quantise linear fused.scale");
    // One byte an element and a scale a row; nobody reads the wide result.
    CHECK(written(kernel_named(sequence, "fused.layer_norm")) == rows * width + 4 * rows);
    CHECK(written(kernel_named(sequence, "fused.layer_norm"), 1) == 0);
    const Kernel& product = kernel_named(sequence, "linear");
    CHECK(product.type == DataType::int8);
    CHECK(weight_of(product) == width * width + 2 * width);  // and a bias in bf16
    CHECK(written(product) == 2 * rows * width);
}

TEST_CASE("eager mode quantises step by step for every layer and scales the sums in two operators") {
    const auto labels = launches("int8-dynamic", eager());
    const auto before = launches("", eager());
    CHECK(count(labels, "quantise.convert") == 3);
    CHECK(count(labels, "quantise.scale") == 3 * 10);
    CHECK(count(labels, "linear.transpose_weights") == 3);
    CHECK(count(labels, "linear.scale_rows") == 3);
    CHECK(count(labels, "linear.bias") == 3);
    CHECK(labels.size() == before.size() + 3 * (2 + 10 + 5 + 1 + 3));
    const KernelSequence sequence = kernels(with_levers("int8-dynamic", eager()));
    const Kernel& product = kernel_named(sequence, "linear");
    CHECK(written(product) == 4 * rows * width);  // int32
    CHECK(std::get<GemmWork>(product.work).integer_lanes);
    CHECK(written(kernel_named(sequence, "linear.transpose_weights")) == width * width);
    CHECK(written(kernel_named(sequence, "quantise.clamp")) == 2 * rows * width);
    CHECK(!std::get<GemmWork>(kernel_named(kernels(with_levers("int8-dynamic", compiled())), "linear").work)
               .integer_lanes);
}

TEST_CASE("eager int8: fp16 is scaled in fp32, and converted at the end") {
    const Scenario scenario = with_levers("int8-dynamic", eager(), Architecture::hopper, DataType::fp16);
    const KernelSequence sequence = kernels(scenario);
    CHECK(written(kernel_named(sequence, "quantise.clamp")) == 4 * rows * width);
    CHECK(written(kernel_named(sequence, "linear.scale_rows")) == 4 * rows * width);
    CHECK(written(kernel_named(sequence, "linear.convert")) == 2 * rows * width);
}

TEST_CASE("eager int8 prints every input: the host waits before the weights are transposed, but not in a CUDA graph") {
    Stack stack = eager();
    stack.sync = Seconds(1e-5);
    const auto waits = [](const KernelSequence& sequence) {
        std::vector<std::string> labels;
        for (const KernelInstance& launch : sequence.launches) {
            if (launch.waits) labels.emplace_back(sequence.kernels[launch.kernel].label);
        }
        return text(labels);
    };
    const KernelSequence sequence = kernels(with_levers("int8-dynamic", stack));
    CHECK(waits(sequence) == "linear.transpose_weights linear.transpose_weights linear.transpose_weights");
    for (const KernelInstance& launch : sequence.launches) {
        if (launch.waits) CHECK(launch.host > 48 * stack.sync);  // 36 elements, 12 halves of rows
    }
    CHECK(waits(kernels(with_levers("int8-dynamic;cuda-graphs", stack))).empty());
    CHECK(waits(kernels(with_levers("int8-weight", stack))).empty());
}

/// One linear layer of so many rows.
KernelSequence few_rows(std::int64_t count, const Stack& stack,
                        LinearPrecision precision = {DataType::int8, DataType::int8}) {
    GraphBuilder builder(DataType::bf16);
    const ValueId x = builder.input(shape_of({{"batch", count}, {"channels", width}}));
    Graph graph = builder.finish(builder.linear(x, width));
    std::get<Linear>(graph.operators[0].kind).precision = precision;
    return lower(graph, stack, Architecture::ampere);
}

TEST_CASE("eager int8 of 16 rows is multiplied on the CPU, or in fp32 where the stack says that the CPU takes none") {
    Stack stack = eager();
    stack.eager_mode.dispatch.host_product = Seconds(1e-9);
    CHECK(count(labels_of(few_rows(17, stack)), "linear") == 1);
    const KernelSequence on_host = few_rows(16, stack);
    CHECK(count(labels_of(on_host), "linear") == 0);
    const auto from_host = std::find_if(on_host.launches.begin(), on_host.launches.end(), [&](const auto& launch) {
        return on_host.kernels[launch.kernel].label == "linear.from_host";
    });
    REQUIRE(from_host != on_host.launches.end());
    CHECK(from_host->waits);
    CHECK(from_host->host > Seconds(1e-9) * (1.0 * width * width));
    stack.eager_mode.dispatch.host_product = Seconds(0);
    const KernelSequence on_gpu = few_rows(16, stack);
    CHECK(kernel_named(on_gpu, "linear").type == DataType::fp32);
    CHECK(count(labels_of(on_gpu), "linear.widen") == 2);
}

TEST_CASE("a scale a tensor needs the whole tensor first, known scales nothing") {
    CHECK(text(launches("fp8", compiled())) ==
          "fused.layer_norm quantise.greatest quantise.scale quantise.convert linear linear fused.pointwise "
          "quantise.greatest quantise.scale quantise.convert linear");
    CHECK(text(launches("fp8=scales:row", compiled())) == "fused.layer_norm linear linear fused.quantise linear");
    CHECK(text(launches("smoothquant", compiled())) == "fused.layer_norm linear linear fused.pointwise linear");
    CHECK(text(launches("fp8=scales:known", compiled())) == "fused.layer_norm linear linear fused.pointwise linear");
    CHECK(count(launches("smoothquant", eager()), "quantise.convert") == 3);
    CHECK(count(launches("fp8-block", compiled()), "quantise.convert") == 2);
    CHECK(count(launches("fp8-block", eager()), "quantise.convert") == 3);
}

TEST_CASE("narrow weights are converted into a copy, or inside the product") {
    const KernelSequence copies = kernels(with_levers("int8-weight", compiled()));
    CHECK(count(labels_of(copies), "linear.dequantise") == 3);
    const Kernel& copy = kernel_named(copies, "linear.dequantise");
    CHECK(weight_of(copy) == width * width + 2 * width);
    CHECK(written(copy) == 2 * width * width);
    CHECK(kernel_named(copies, "linear").type == DataType::bf16);
    // torchao: int8 scales the result; fp8 scales the converted weights, and the product adds the bias.
    CHECK(text(launches("int8-weight", eager())).find("linear.dequantise linear linear.scale_columns linear.bias") !=
          std::string::npos);
    CHECK(text(launches("fp8-weight", eager())).find("linear.dequantise linear.scale_weights linear linear.deq") !=
          std::string::npos);

    const KernelSequence inside = kernels(with_levers("int4-weight=group:32", compiled()));
    CHECK(text(labels_of(inside)) == "fused.layer_norm linear linear fused.pointwise linear");
    const Kernel& product = kernel_named(inside, "linear");
    CHECK(std::get<GemmWork>(product.work).weight == DataType::int4);
    CHECK(weight_of(product) == width * width * (0.5 + 4.0 / 32) + 2 * width);
}

TEST_CASE(
    "a generated product costs the host what any generated kernel costs, a library's what one in full width does") {
    Stack stack = compiled();
    stack.cuda_graphs = false;
    DispatchCosts& costs = stack.compiled_mode.dispatch;
    costs.elementwise = Seconds(8e-6);
    costs.matmul = Seconds(15e-6);
    costs.linear = Seconds(36e-6);
    const auto host_of = [&](LinearPrecision precision, std::int64_t count) {
        return few_rows(count, stack, precision).launches.back().host;
    };
    CHECK(host_of({DataType::int8}, 1) == costs.elementwise);
    CHECK(host_of({DataType::int8}, 8) == costs.elementwise);
    CHECK(host_of({DataType::int8}, 64) == costs.matmul);
    CHECK(host_of({DataType::int4}, 1) == costs.matmul);
    CHECK(host_of({DataType::fp8, DataType::fp8}, 64) == costs.matmul);
}

TEST_CASE("block scales are part of the product") {
    const KernelSequence fp8 = kernels(with_levers("fp8-block", compiled()));
    CHECK(std::get<GemmWork>(kernel_named(fp8, "linear").work).block_scaled);
    CHECK(written(kernel_named(fp8, "quantise.convert")) == rows * width * (1 + 4.0 / 128));
    const Scenario fp4 = with_levers("nvfp4", compiled(), Architecture::blackwell);
    const KernelSequence sequence = kernels(fp4, Architecture::blackwell);
    CHECK(kernel_named(sequence, "linear").type == DataType::fp4);
    CHECK(std::get<GemmWork>(kernel_named(sequence, "linear").work).block_scaled);
    CHECK(count(labels_of(sequence), "quantise.convert") == 2);  // one for the two layers of one input
    CHECK(count(labels_of(sequence), "quantise.greatest") == 0);
    CHECK(weight_of(kernel_named(sequence, "linear")) == width * width * (0.5 + 1.0 / 16) + 2 * width);
}

TEST_CASE("memory of the weights shrinks, sizes that are left out stay") {
    constexpr double filters = 2.0 * width * width + 512.0 * width;
    const double before = with_levers("", compiled()).workload.components[0].weight_bytes;
    CHECK(with_levers("int8-weight", compiled()).workload.components[0].weight_bytes == before - filters);
    CHECK(with_levers("int4-weight=group:64", compiled()).workload.components[0].weight_bytes ==
          before - filters * (2 - 0.5 - 4.0 / 64));
    const Scenario some = with_levers("int8-dynamic=except:1024x1024", compiled());
    CHECK(some.workload.components[0].weight_bytes == before - 512.0 * width);
    CHECK(text(labels_of(kernels(some))) == "fused.layer_norm linear linear fused.quantise linear fused.scale");
    CHECK(kernel_named(kernels(some), "linear").type == DataType::bf16);
}

/// Two components; the second one's layers do less, and its first weight is an embedding too.
Workload two_components() {
    Workload workload = transformer();
    GraphBuilder builder(DataType::bf16);
    const ValueId x = builder.linear(builder.input(tokens(1, 8, width)), width, false);
    const ValueId y = builder.linear(x, 512, false);
    Graph graph = builder.finish(y);
    Operator embedding = graph.operators[0];  // reads the first linear layer's weight
    embedding.kind = Embedding{64, width, width};
    embedding.output = x;
    graph.operators.push_back(embedding);
    Component component{"encoder", 0, 0};
    for (const Weight& weight : graph.weights) component.weight_bytes += memory_bytes(weight);
    workload.components.push_back(component);
    Stage stage;
    stage.name = stage.component = "encoder";
    stage.passes.push_back({1, 0, graph});
    workload.stages.push_back(stage);
    return workload;
}

TEST_CASE("one component is quantised, weights that something else reads too are not") {
    const Workload plain = two_components();
    const auto saved = [&](const std::string& lever) {
        LeverContext context;
        context.stack = compiled();
        context.architecture = Architecture::hopper;
        context.expand = [&](const std::string&, const WorkloadSettings&) { return plain; };
        const Workload workload = apply_levers(std::move(context), parse_levers(lever)).workload;
        return std::pair{plain.components[0].weight_bytes - workload.components[0].weight_bytes,
                         plain.components[1].weight_bytes - workload.components[1].weight_bytes};
    };
    CHECK(saved("int8-weight") == std::pair{2.0 * width * width + 512.0 * width, 0.0});
    CHECK(saved("int8-weight=part:encoder") == std::pair{0.0, 512.0 * width});
}

TEST_CASE("bytes of a weight and its scales, for each precision") {
    struct Row {
        const char* lever;
        double weight, input;  // bytes an element with their scales; the input's as the product reads it
    };
    constexpr double scale = 4.0 / (128 * 128), row_scale = 4.0 / 128;
    for (const Row& row : {Row{"int8-dynamic", 1, 1 + 4.0 / width}, Row{"smoothquant", 1, 1}, Row{"fp8", 1, 1},
                           Row{"fp8=scales:row", 1, 1 + 4.0 / width}, Row{"fp8-block", 1 + scale, 1 + row_scale},
                           Row{"int4-weight", 0.5 + 4.0 / 128, 2}, Row{"int4-weight=group:64", 0.5 + 4.0 / 64, 2},
                           Row{"nvfp4", 0.5 + 1.0 / 16, 0.5 + 1.0 / 16}}) {
        CAPTURE(std::string(row.lever));
        const KernelSequence sequence =
            kernels(with_levers(row.lever, compiled(), Architecture::blackwell), Architecture::blackwell);
        const Kernel& product = kernel_named(sequence, "linear");
        CHECK(weight_of(product) == doctest::Approx(width * width * row.weight + 2 * width).epsilon(1e-9));
        CHECK(product.operands[0].bytes.value() == doctest::Approx(rows * width * row.input).epsilon(1e-3));
    }
}

TEST_CASE("modules that are left out by name stay as they are") {
    const double before = with_levers("", compiled()).workload.components[0].weight_bytes;
    const Scenario some = with_levers("int8-weight=except:to_out", compiled());
    CHECK(some.workload.components[0].weight_bytes == before - 2.0 * width * width);
    CHECK(with_levers("int8-weight=except:1024x512/to_out", compiled()).workload.components[0].weight_bytes ==
          before - 2.0 * width * width);
}

TEST_CASE("what precision levers refuse, and how they say it") {
    struct Refusal {
        const char* levers;
        Architecture architecture;
        DataType type;
        const char* message;
    };
    const std::vector<Refusal> refusals{
        {"fp8", Architecture::ampere, DataType::bf16,
         "--lever fp8: found a GPU of the ampere architecture, expected one whose matrix units multiply fp8"},
        {"nvfp4", Architecture::hopper, DataType::bf16,
         "--lever nvfp4: found a GPU of the hopper architecture, expected one whose matrix units multiply fp4"},
        {"int8-dynamic", Architecture::volta, DataType::fp16,
         "--lever int8-dynamic: found a GPU of the volta architecture, expected one whose matrix units multiply int8"},
        {"int8-dynamic", Architecture::ampere, DataType::fp32,
         "--lever int8-dynamic: found no linear layer of fp16 or bf16 tensors to quantise in denoiser, expected a "
         "component that has some; set dtype, or leave fewer sizes out"},
        {"int8-dynamic;fp8", Architecture::hopper, DataType::bf16,
         "--lever fp8: found --lever int8-dynamic beside it, expected one of them: both decide the precision of linear "
         "layers; leave one out"},
        {"fp8=scales:column", Architecture::hopper, DataType::bf16,
         "--lever fp8, scales: found \"column\", expected one of tensor, row, known"},
        {"fp8-weight=part:unet", Architecture::hopper, DataType::bf16,
         "--lever fp8-weight, part: found \"unet\", expected one of denoiser"},
        {"int8-weight=except:64", Architecture::hopper, DataType::bf16,
         "--lever int8-weight, except: found \"64\", expected sizes INxOUT and names of modules separated by /"},
        {"int8-weight=except:to_ou", Architecture::hopper, DataType::bf16,
         "--lever int8-weight, except: found \"to_ou\", expected modules with a linear layer in denoiser; did you mean "
         "\"to_out\"?"},
        {"int8-weight=except:/", Architecture::hopper, DataType::bf16,
         "--lever int8-weight, except: found \"/\", expected sizes INxOUT and names of modules separated by /"},
        {"int4-weight=group:7", Architecture::hopper, DataType::bf16,
         "--lever int4-weight, group: found \"7\", expected a whole number from 16 to 4096"},
        {"int4-weight=group:77", Architecture::hopper, DataType::bf16,
         "--lever int4-weight, group: found \"77\", expected a power of two, which kernels are written for"},
    };
    for (const Refusal& refusal : refusals) {
        CAPTURE(refusal.levers);
        try {
            (void)with_levers(refusal.levers, compiled(), refusal.architecture, refusal.type);
            FAIL("no error");
        } catch (const InputError& error) {
            CHECK(std::string(error.what()) == refusal.message);
        }
    }
}

}  // namespace
}  // namespace cupola
