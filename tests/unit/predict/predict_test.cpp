#include "cupola/predict/kernel_table.hpp"
#include "cupola/predict/prediction.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace {

using namespace cupola;

/// x -> linear -> silu -> linear …, `layers` pairs over `rows` rows of `width`; all layers of equal size.
Graph chain(std::int64_t rows, std::int64_t width, int layers) {
    Graph graph;
    Shape shape;
    shape.push_axis(AxisName("tokens"), rows);
    shape.push_axis(AxisName("channels"), width);
    graph.values.push_back({shape, DataType::fp16, no_id, false});
    graph.scopes.push_back({no_id, "net"});
    const auto append = [&](const OperatorKind& kind, std::uint32_t weight, const std::string& name) {
        graph.scopes.push_back({0, name});
        Operator op;
        op.kind = kind;
        op.first_input = static_cast<std::uint32_t>(graph.operands.size());
        op.input_count = 1;
        op.output = static_cast<ValueId>(graph.values.size());
        op.weight = weight;
        op.scope = static_cast<std::uint32_t>(graph.scopes.size() - 1);
        graph.operands.push_back(op.output - 1);
        graph.values.push_back({shape, DataType::fp16, static_cast<std::uint32_t>(graph.operators.size()), false});
        graph.operators.push_back(op);
    };
    for (int layer = 0; layer < layers; ++layer) {
        Weight weight;
        weight.key = static_cast<std::uint64_t>(layer);
        weight.parameters = width * width;
        graph.weights.push_back(weight);
        append(Linear{rows, width, width, false}, static_cast<std::uint32_t>(layer), "fc" + std::to_string(layer));
        append(Activation{ActivationKind::silu}, no_id, "act" + std::to_string(layer));
    }
    graph.outputs.push_back(static_cast<ValueId>(graph.values.size() - 1));
    return graph;
}

Stage stage(const std::string& name, std::vector<Pass> passes) {
    Stage result;
    result.name = name;
    result.component = name;
    result.passes = std::move(passes);
    return result;
}

Workload tiny_workload(double steps = 10) {
    Workload workload;
    workload.name = "tiny";
    workload.components = {{"encoder", 2 * 512 * 512, 2.0 * 2 * 512 * 512},
                           {"denoiser", 4 * 1024 * 1024, 8.0 * 1024 * 1024}};
    workload.stages.push_back(stage("encoder", {{1, 0, chain(77, 512, 2)}}));
    workload.stages.push_back(stage("denoiser", {{steps, 0, chain(4096, 1024, 4)}}));
    return workload;
}

Gpu some_gpu() {
    Gpu gpu;
    gpu.name = "some-gpu";
    gpu.architecture = Architecture::ampere;
    gpu.sm_count = 108;
    gpu.boost_clock = gpu.sustained_tensor_clock = gpu.sustained_simt_clock = Hertz(1.41e9);
    gpu.tensor_rates.fp16 = gpu.tensor_rates.bf16 = 2048;
    gpu.tensor_rates.tf32 = 1024;
    gpu.fp32_lanes_per_sm = 64;
    gpu.mufu_per_clock_per_sm = 16;
    gpu.max_warps_per_sm = 64;
    gpu.shared_memory_per_sm = Bytes(192 * 1024);
    gpu.dram_capacity = Bytes(80e9);
    gpu.dram_bandwidth = BytesPerSecond(2e12);
    gpu.dram_efficiency = 0.9;
    gpu.dram_latency = Seconds(500e-9);
    gpu.l2_capacity = Bytes(40e6);
    gpu.l2_usable_fraction = 0.5;
    gpu.l2_bandwidth = BytesPerSecond(4e12);
    gpu.stream_kernel_slot = Seconds(2.5e-6);
    gpu.graph_kernel_slot = Seconds(1.3e-6);
    gpu.tdp = Watts(400);
    gpu.pcie_bandwidth = BytesPerSecond(25e9);
    return gpu;
}

Stack some_stack() {
    Stack stack;
    stack.name = "some-stack";
    const Seconds cost(10e-6);
    stack.eager_mode.dispatch = {cost, cost, cost, cost, cost, cost, cost, cost, Seconds(2e-6)};
    stack.start_latency = Seconds(4e-6);
    stack.kernel_gap = Seconds(1e-6);
    stack.runtime_memory = Bytes(500e6);
    return stack;
}

template <std::size_t N>
double sum(const std::array<Seconds, N>& times) {
    double total = 0;
    for (const Seconds time : times) total += time.value();
    return total;
}

TEST_CASE("what is booked by category, bound, kernel and stage adds up to the run") {
    const Prediction prediction = predict(tiny_workload(), some_gpu(), some_stack());
    REQUIRE(prediction.stages.size() == 2);
    CHECK(prediction.span.busy.value() > 0);
    CHECK(sum(prediction.busy_by_category) == doctest::Approx(prediction.span.busy.value()));
    CHECK(sum(prediction.busy_by_bound) == doctest::Approx(prediction.span.busy.value()));
    Span stages;
    for (const PredictedStage& part : prediction.stages) {
        CHECK(sum(part.busy_by_category) == doctest::Approx(part.span.busy.value()));
        stages.latency += part.span.latency;
        stages.busy += part.span.busy;
        stages.idle += part.span.idle;
    }
    CHECK(stages.latency.value() == doctest::Approx(prediction.span.latency.value()));
    CHECK(prediction.span.idle.value() == doctest::Approx((prediction.span.latency - prediction.span.busy).value()));
    double kernels = 0;
    for (const PredictedKernel& kernel : prediction.kernels) {
        CHECK(kernel.total.value() == doctest::Approx(kernel.cost.time.value() * kernel.launches));
        kernels += kernel.total.value();
    }
    CHECK(kernels == doctest::Approx(prediction.span.busy.value()));
}

TEST_CASE("equal kernels are one entry with all their launches, longest first") {
    const Prediction prediction = predict(tiny_workload(10), some_gpu(), some_stack());
    const auto& kernels = prediction.kernels;
    CHECK(
        std::is_sorted(kernels.begin(), kernels.end(), [](const auto& a, const auto& b) { return a.total > b.total; }));
    for (std::size_t i = 0; i < kernels.size(); ++i) {
        for (std::size_t j = i + 1; j < kernels.size(); ++j) CHECK_FALSE(kernels[i].kernel == kernels[j].kernel);
    }
    double launches = 0, by_stage = 0;
    for (const PredictedKernel& kernel : kernels) launches += kernel.launches;
    for (const PredictedStage& part : prediction.stages) by_stage += part.launches_per_step * part.steps;
    CHECK(launches == doctest::Approx(by_stage));
    CHECK(kernels.front().stage == "denoiser");
    CHECK(kernels.front().example.substr(0, 4) == "net.");
    CHECK(prediction.type == DataType::fp16);
}

TEST_CASE("a stage of many interpolated passes equals one pass of the summed count, synchronised or not") {
    Workload split = tiny_workload(10);
    split.stages[1].passes.clear();
    for (const double count : {1.25, 3.5, 5.25}) split.stages[1].passes.push_back({count, 0, chain(4096, 1024, 4)});
    for (const bool sync_each_pass : {false, true}) {
        CAPTURE(sync_each_pass);
        Stack stack = some_stack();
        stack.syncs_per_pass = sync_each_pass ? 1 : 0;
        stack.sync = Seconds(10e-6);
        stack.eager_mode.host_per_pass = Seconds(70e-6);
        const Prediction whole = predict(tiny_workload(10), some_gpu(), stack),
                         parts = predict(split, some_gpu(), stack);
        CHECK(parts.span.latency.value() == doctest::Approx(whole.span.latency.value()).epsilon(1e-9));
        CHECK(parts.span.busy.value() == doctest::Approx(whole.span.busy.value()));
        CHECK(parts.flops.value() == doctest::Approx(whole.flops.value()));
        CHECK(parts.kernels.size() == whole.kernels.size());
    }
}

TEST_CASE("GPU-bound passes of varying shapes idle no more than passes of one shape") {
    Stack stack = some_stack();
    stack.cuda_graphs = true;
    stack.graph_launch = Seconds(8e-6);
    stack.eager_mode.host_per_pass = Seconds(70e-6);
    Workload constant = tiny_workload(65), varying = tiny_workload(65);
    varying.stages[1].passes.clear();
    for (int i = 0; i < 65; ++i) varying.stages[1].passes.push_back({1, i, chain(4096 + 8 * i, 1024, 4)});
    const Span same = predict(constant, some_gpu(), stack).stages[1].span;
    const Span unlike = predict(varying, some_gpu(), stack).stages[1].span;
    CHECK(same.busy.value() > 65 * 100e-6);  // GPU-bound
    CHECK(unlike.idle.value() == doctest::Approx(same.idle.value()).epsilon(0.01));
}

TEST_CASE("views after the last kernel of a pass cost host time") {
    Workload workload = tiny_workload(1), longer = tiny_workload(1);
    Graph& graph = longer.stages[1].passes[0].graph;
    Operator view;
    view.kind = Slice{};
    view.first_input = static_cast<std::uint32_t>(graph.operands.size());
    view.input_count = 1;
    view.output = static_cast<ValueId>(graph.values.size());
    view.scope = 0;
    graph.operands.push_back(view.output - 1);
    graph.values.push_back(graph.values.back());
    graph.values.back().producer = static_cast<std::uint32_t>(graph.operators.size());
    graph.operators.push_back(view);
    graph.outputs = {view.output};
    Stack slower = some_stack();
    slower.host_speed = 2;
    const auto host = [&](const Workload& w) { return predict(w, some_gpu(), slower).stages[1].dispatch.value(); };
    CHECK(host(longer) == doctest::Approx(host(workload) + 2 * 10e-6));
}

TEST_CASE("memory is all weights, the largest stage's activations and the runtime") {
    const Prediction prediction = predict(tiny_workload(), some_gpu(), some_stack());
    const Bytes activations =
        std::max(prediction.stages[0].peak_activation_bytes, prediction.stages[1].peak_activation_bytes);
    CHECK(activations.value() >= 2.0 * 4096 * 1024);
    CHECK(prediction.weight_bytes.value() == doctest::Approx(4.0 * 512 * 512 + 8.0 * 1024 * 1024));
    CHECK(prediction.peak_memory_bytes.value() ==
          doctest::Approx((prediction.weight_bytes + activations).value() + 500e6));
    CHECK(prediction.fits_memory());
    Gpu small = some_gpu();
    small.dram_capacity = Bytes(400e6);
    CHECK_FALSE(predict(tiny_workload(), small, some_stack()).fits_memory());
}

TEST_CASE("a slow host costs idle time, a CUDA graph takes it away") {
    Stack slow = some_stack(), graphs = some_stack();
    slow.eager_mode.dispatch.linear = slow.eager_mode.dispatch.elementwise = Seconds(5e-3);
    graphs.cuda_graphs = true;
    graphs.graph_launch = Seconds(8e-6);
    const Prediction eager = predict(tiny_workload(), some_gpu(), some_stack());
    const Prediction held_back = predict(tiny_workload(), some_gpu(), slow);
    const Prediction replayed = predict(tiny_workload(), some_gpu(), graphs);
    CHECK(held_back.span.latency > eager.span.latency);
    CHECK(held_back.span.busy.value() == doctest::Approx(eager.span.busy.value()));
    CHECK(held_back.stages[1].host_bound());
    CHECK(replayed.span.latency <= eager.span.latency);
}

TEST_CASE("a stage is host-bound where the host works longer than the GPU") {
    Stack slow = some_stack();
    for (const double cost : {1e-6, 5e-3}) {
        slow.eager_mode.dispatch.linear = slow.eager_mode.dispatch.matmul = slow.eager_mode.dispatch.elementwise =
            Seconds(cost);
        const PredictedStage stage = predict(tiny_workload(), some_gpu(), slow).stages[1];
        CHECK(stage.host_bound() == (stage.span.host > stage.span.busy));
        CHECK(stage.host_bound() == (cost > 1e-3));
    }
}

TEST_CASE("offloaded weights leave the GPU's memory and make it wait for the host link") {
    Stack stack = some_stack();
    const Prediction resident = predict(tiny_workload(10), some_gpu(), stack);
    stack.offload = WeightOffload::component;
    const Prediction component = predict(tiny_workload(10), some_gpu(), stack);
    stack.offload = WeightOffload::sequential;
    const Prediction sequential = predict(tiny_workload(10), some_gpu(), stack);
    CHECK(resident.transfer == Seconds(0));
    const double encoder = 4.0 * 512 * 512, denoiser = 8.0 * 1024 * 1024;  // bytes
    CHECK(component.transfer_wait.value() == doctest::Approx((encoder + denoiser) / 25e9));
    CHECK(sequential.transfer_wait.value() == doctest::Approx((encoder + 10 * denoiser) / 25e9));
    CHECK((sequential.span.latency - resident.span.latency).value() ==
          doctest::Approx(sequential.transfer_wait.value()));
    CHECK((resident.peak_memory_bytes - component.peak_memory_bytes).value() == doctest::Approx(encoder));
    CHECK((resident.peak_memory_bytes - sequential.peak_memory_bytes).value() ==
          doctest::Approx(encoder + 0.75 * denoiser));
    stack.offload_overlapped = true;
    const Prediction overlapped = predict(tiny_workload(10), some_gpu(), stack);
    CHECK(overlapped.span.latency < sequential.span.latency);
    CHECK(overlapped.span.latency >= resident.span.latency);
}

TEST_CASE("a pass's own transfers are waited for in every step") {
    Workload workload = tiny_workload(10);
    const Seconds without = predict(workload, some_gpu(), some_stack()).span.latency;
    workload.stages[1].passes[0].transfers = {{Transfer::Link::peer, 25e6, false}};  // no NVLink: the host link
    const Prediction with = predict(workload, some_gpu(), some_stack());
    CHECK((with.span.latency - without).value() == doctest::Approx(10 * 1e-3));
    CHECK(with.stages[1].transfer.value() == doctest::Approx(10 * 1e-3));
    CHECK(with.stages[0].transfer == Seconds(0));
}

TEST_CASE("rooflines are below every prediction, certain, and need no calibration") {
    const Gpu gpu = some_gpu();
    LibraryChoice rooflines;
    for (auto& names : rooflines) names = {std::string(roofline_library)};
    const CostModel ideal(gpu, {}, rooflines, {});
    const Prediction bound = predict(tiny_workload(), ideal, some_stack());
    const Prediction normal = predict(tiny_workload(), gpu, some_stack());
    CHECK(bound.span.busy < normal.span.busy);
    CHECK(bound.flops.value() == doctest::Approx(normal.flops.value()));
    for (const Basis& basis : bound.basis) CHECK(basis.library == roofline_library);
    for (const PredictedKernel& kernel : bound.kernels) {
        CHECK(kernel.uncertainty.low == kernel.uncertainty.high);
        CHECK(kernel.cost.time <= CostModel(gpu).price(kernel.kernel).time);
        CHECK(kernel.cost.launch == Seconds(0));
    }
}

TEST_CASE("fewer launches and less Python are never slower") {
    Stack stack = some_stack();
    stack.eager_mode.dispatch.module_call = Seconds(3e-6);
    stack.compiled_mode = some_stack().eager_mode;
    const auto latency = [&] { return predict(tiny_workload(), some_gpu(), stack).span.latency; };
    const Seconds eager = latency();
    stack.compiled = true;
    const Seconds compiled = latency();
    stack.cuda_graphs = true;
    CHECK(compiled <= eager);
    CHECK(latency() <= compiled);
}

TEST_CASE("host_speed scales the whole host") {
    Stack slower = some_stack();
    slower.eager_mode.dispatch.linear = slower.eager_mode.dispatch.elementwise = Seconds(5e-3);
    slower.eager_mode.host_per_pass = Seconds(1e-3);
    const Prediction once = predict(tiny_workload(), some_gpu(), slower);
    slower.host_speed = 2;
    const Prediction twice = predict(tiny_workload(), some_gpu(), slower);
    CHECK(twice.stages[1].dispatch.value() == doctest::Approx(2 * once.stages[1].dispatch.value()));
}

TEST_CASE("a workload without stages takes no time") {
    Workload empty;
    empty.name = "empty";
    const Prediction prediction = predict(empty, some_gpu(), some_stack());
    CHECK(prediction.span.latency.value() == 0.0);
    CHECK(prediction.kernels.empty());
}

TEST_CASE("kernels that differ only in their operands are merged for a reader, their cost averaged by launches") {
    PredictedKernel cold, warm, other;
    cold.kernel.label = warm.kernel.label = "linear";
    other.kernel.label = "copy";
    cold.kernel.work = warm.kernel.work = GemmWork{1, 64, 64, 64};
    add_operand(cold.kernel, Operand{Bytes(100)});
    cold.cost.time = cold.cost.dram = Seconds(4e-6);
    warm.cost.time = warm.cost.l2 = Seconds(1e-6);
    cold.launches = 1;
    warm.launches = 3;
    other.launches = 10;
    other.cost.time = other.cost.dram = Seconds(5e-7);
    for (PredictedKernel* kernel : {&cold, &warm, &other}) kernel->total = kernel->cost.time * kernel->launches;
    cold.example = "first";
    const auto merged = merged_kernels({other, cold, warm});
    REQUIRE(merged.size() == 2);
    CHECK(merged[0].example == "first");  // 7 us of both, more than the copy's 5
    CHECK(merged[0].launches == 4);
    CHECK(merged[0].total.value() == doctest::Approx(7e-6));
    CHECK(merged[0].cost.time.value() == doctest::Approx(1.75e-6));
    CHECK(merged[0].cost.l2.value() == doctest::Approx(0.75e-6));
    CHECK(merged[0].cost.bound == Bound::dram);
}

TEST_CASE("the kernel table prices equal kernels once and tells unequal ones apart") {
    const Gpu gpu = some_gpu();
    const CostModel model(gpu);
    KernelTable table(model);
    Kernel kernel;
    kernel.label = "gemm";
    kernel.work = GemmWork{1, 512, 512, 512};
    Kernel other = kernel;
    other.work = GemmWork{1, 512, 512, 1024};
    const std::uint32_t first = table.index_of(kernel);
    CHECK(table.index_of(other) != first);
    CHECK(table.index_of(kernel) == first);
    CHECK(table.size() == 2);
}

}  // namespace
