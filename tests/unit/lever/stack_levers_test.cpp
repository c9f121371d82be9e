#include "model.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace cupola {
namespace {

using test::refusal;
using test::scenario;
using test::stage;

/// What the denoiser of Stable Diffusion 1.5 becomes, one pass.
KernelSequence denoiser(const std::string& levers, Architecture architecture = Architecture::ampere) {
    const Scenario changed = scenario("stable-diffusion-1.5", {{"steps", "1"}}, levers);
    return lower(stage(changed.workload, "denoiser").passes.front().graph, changed.stack, architecture);
}

std::set<std::string> labels(const KernelSequence& sequence) {
    std::set<std::string> names;
    for (const Kernel& kernel : sequence.kernels) names.emplace(kernel.label);
    return names;
}

double bytes(const KernelSequence& sequence) {
    double sum = 0;
    for (const KernelInstance& launch : sequence.launches) {
        sum += compulsory_bytes(sequence.kernels[launch.kernel]).value();
    }
    return sum;
}

Seconds host(const KernelSequence& sequence) {
    Seconds sum = sequence.trailing_host;
    for (const KernelInstance& launch : sequence.launches) sum += launch.host;
    return sum;
}

TEST_CASE("attention=math stores the scores between kernels, attention=flash2 does not") {
    const KernelSequence math = denoiser("attention=math"), flash = denoiser("attention=flash2");
    CHECK(labels(math).count("attention.softmax") == 1);
    CHECK(labels(math).count("attention") == 0);
    CHECK(labels(flash).count("attention.softmax") == 0);
    CHECK(labels(flash).count("attention") == 1);
    CHECK(math.launches.size() > flash.launches.size());
    CHECK(bytes(math) > 1.2 * bytes(flash));
    const auto fused = [](const KernelSequence& sequence) {
        std::set<AttentionKernel> used;
        for (const Kernel& kernel : sequence.kernels) {
            if (kernel.label == "attention") used.insert(std::get<AttentionWork>(kernel.work).kernel);
        }
        return used;
    };
    // The stack's own order has FlashAttention-2 first.
    CHECK(fused(flash) == std::set{AttentionKernel::flash2});
    CHECK(fused(denoiser("attention=memory_efficient")) == std::set{AttentionKernel::memory_efficient});
    CHECK(denoiser("attention=memory_efficient").launches.size() == flash.launches.size());
}

TEST_CASE("attention takes kernels that the stack knows, on GPUs that they were written for") {
    CHECK(refusal("stable-diffusion-1.5", {}, "attention=flahs2").find("did you mean \"flash2\"?") !=
          std::string::npos);
    CHECK(refusal("stable-diffusion-1.5", {}, "attention").find("found no value") != std::string::npos);
    LeverContext turing;
    turing.workload_name = "stable-diffusion-1.5";
    turing.architecture = Architecture::turing;
    turing.stack = config::load_stack(CUPOLA_SOURCE_DIR, "pytorch-eager-flash");
    turing.expand = [](const std::string& name, const WorkloadSettings& values) {
        return config::load_workload(CUPOLA_SOURCE_DIR, name, values);
    };
    CHECK_THROWS_AS((void)apply_levers(turing, parse_levers("attention=flash2")), InputError);
}

TEST_CASE("compile fuses pointwise chains and spends less of the host; the matrix work stays") {
    const KernelSequence eager = denoiser(""), compiled = denoiser("compile");
    CHECK(compiled.launches.size() < 0.7 * static_cast<double>(eager.launches.size()));
    CHECK(bytes(compiled) < bytes(eager));
    CHECK(host(compiled) < host(eager));
    CHECK(labels(eager).count("silu") == 1);
    CHECK(labels(compiled).count("silu") == 0);
    double eager_flops = 0, compiled_flops = 0;
    for (const KernelInstance& launch : eager.launches) {
        const Kernel& kernel = eager.kernels[launch.kernel];
        if (kernel.label == "conv" || kernel.label == "linear") eager_flops += flops_of(kernel).value();
    }
    for (const KernelInstance& launch : compiled.launches) {
        const Kernel& kernel = compiled.kernels[launch.kernel];
        if (kernel.label == "conv" || kernel.label == "linear") compiled_flops += flops_of(kernel).value();
    }
    CHECK(eager_flops == doctest::Approx(compiled_flops));
    CHECK(scenario("stable-diffusion-1.5", {}, "compile=max-autotune").stack.max_autotune);
    CHECK_FALSE(scenario("stable-diffusion-1.5", {}, "compile=default").stack.max_autotune);
    CHECK_FALSE(scenario("stable-diffusion-1.5", {}, "compile").stack.max_autotune);
    CHECK(refusal("stable-diffusion-1.5", {}, "compile=fast").find("expected one of default, max-autotune") !=
          std::string::npos);
}

TEST_CASE(
    "channels-last: convolutions write NHWC and keep their filters so; behind group norms inputs are still copied") {
    const auto copies = [](const KernelSequence& sequence, std::string_view label) {
        std::size_t count = 0;
        for (const KernelInstance& launch : sequence.launches) count += sequence.kernels[launch.kernel].label == label;
        return count;
    };
    const KernelSequence first = denoiser(""), last = denoiser("channels-last");
    CHECK(copies(first, "conv.nhwc_to_nchw") > 50);
    CHECK(copies(last, "conv.nhwc_to_nchw") == 0);
    CHECK(copies(first, "conv.filter_layout") > 50);
    CHECK(copies(last, "conv.filter_layout") == 0);
    CHECK(copies(last, "conv.nchw_to_nhwc") < copies(first, "conv.nchw_to_nhwc"));
    CHECK(last.launches.size() < first.launches.size());
    CHECK(refusal("llama-2-7b", {}, "channels-last").find("a model with convolutions") != std::string::npos);
}

TEST_CASE("tf32 moves fp32 matrix work to TF32") {
    const auto matrix_types = [](const std::string& levers) {
        const Scenario changed = scenario("stable-diffusion-1.5", {{"steps", "1"}, {"dtype", "fp32"}}, levers);
        const KernelSequence sequence =
            lower(stage(changed.workload, "denoiser").passes.front().graph, changed.stack, Architecture::ampere);
        std::set<DataType> types;
        for (const Kernel& kernel : sequence.kernels) {
            if (kernel.label == "conv" || kernel.label == "linear") types.insert(kernel.type);
        }
        return types;
    };
    CHECK(matrix_types("tf32=on") == std::set<DataType>{DataType::tf32});
    CHECK(matrix_types("tf32=off") == std::set<DataType>{DataType::fp32});
    // PyTorch's own defaults: convolutions do, products do not.
    CHECK(matrix_types("") == std::set<DataType>{DataType::fp32, DataType::tf32});
}

TEST_CASE("dtype: tensors and weights of this type, and the matrix instructions for it") {
    struct Row {
        const char* type;
        DataType tensors, products;
        double bytes;
    };
    for (const Row& row :
         {Row{"fp32", DataType::fp32, DataType::fp32, 4}, Row{"tf32", DataType::tf32, DataType::tf32, 4},
          Row{"fp16", DataType::fp16, DataType::fp16, 2}, Row{"bf16", DataType::bf16, DataType::bf16, 2}}) {
        CAPTURE(std::string(row.type));
        const Scenario changed = scenario("llama-1.5b", {{"tokens", "1"}}, std::string("dtype=") + row.type);
        const Graph& graph = stage(changed.workload, "decode").passes.front().graph;
        double parameters = 0;
        for (const Weight& weight : graph.weights) parameters += static_cast<double>(weight.parameters);
        CHECK(test::weight_bytes(graph) == row.bytes * parameters);
        const KernelSequence sequence = lower(graph, changed.stack, Architecture::ampere);
        for (const Kernel& kernel : sequence.kernels) {
            if (kernel.label == "linear") CHECK(kernel.type == row.products);
        }
        CHECK(graph.values[graph.inputs(graph.operators.back()).front()].type == row.tensors);
    }
}

TEST_CASE("in a CUDA graph no operator costs host time, and the kernels stay") {
    const KernelSequence stream = denoiser(""), graph = denoiser("cuda-graphs");
    CHECK(graph.launches.size() == stream.launches.size());
    CHECK(bytes(graph) == doctest::Approx(bytes(stream)));
    CHECK(host(stream) > Seconds(1e-3));
    CHECK(host(graph) == Seconds(0));
}

}  // namespace
}  // namespace cupola
