#pragma once

#include "cupola/predict/prediction.hpp"

/// A prediction put together by hand: figures that add up, no model behind them.
inline cupola::Prediction example_prediction() {
    using namespace cupola;
    Prediction prediction;
    prediction.workload = "painter";
    prediction.gpu = "some-gpu";
    prediction.stack = "some-stack";
    ParameterSetting steps, height;
    steps.name = "steps";
    steps.value = "30";
    steps.is_default = false;
    height.name = "height";
    height.value = "1024";
    prediction.parameters = {steps, height};
    prediction.type = DataType::bf16;
    prediction.span = {Seconds(2.0), Seconds(1.5), Seconds(0.5), Seconds(0.9)};
    prediction.interval = {Seconds(1.8), Seconds(2.3)};
    prediction.basis = {{KernelKind::convolution, Seconds(1.0), "cudnn", {"conv-set"}, Seconds(0.25)},
                        {KernelKind::memory, Seconds(0.5), "", {}, Seconds(0)}};
    prediction.calibrated_on = "2026-11-21";
    prediction.flops = Flops(300e12);
    prediction.dram_bytes = Bytes(2e12);
    prediction.weight_bytes = Bytes(4e9);
    prediction.peak_memory_bytes = Bytes(6e9);
    prediction.dram_capacity = Bytes(80e9);
    prediction.ridge = FlopsPerByte(153);
    prediction.busy_by_category[static_cast<std::size_t>(Category::convolution)] = Seconds(1.0);
    prediction.busy_by_category[static_cast<std::size_t>(Category::data_movement)] = Seconds(0.5);
    prediction.busy_by_bound[static_cast<std::size_t>(Bound::tensor)] = Seconds(1.0);
    prediction.busy_by_bound[static_cast<std::size_t>(Bound::dram)] = Seconds(0.5);

    PredictedStage denoiser;
    denoiser.name = "denoiser";
    denoiser.steps = 30;
    denoiser.launches_per_step = 1234;
    denoiser.span = prediction.span;
    denoiser.dispatch = prediction.span.host;
    denoiser.busy_by_category = prediction.busy_by_category;
    denoiser.busy_by_bound = prediction.busy_by_bound;
    denoiser.flops = prediction.flops;
    denoiser.dram_bytes = prediction.dram_bytes;
    denoiser.peak_activation_bytes = Bytes(1.5e9);
    prediction.stages = {denoiser};

    PredictedKernel conv;
    conv.kernel.label = "conv";
    conv.kernel.category = Category::convolution;
    conv.kernel.type = DataType::bf16;
    conv.kernel.work = ConvolutionWork{2, 320, 640, 1, {1, 128, 128}, {1, 64, 64}, {1, 3, 3}, {1, 2, 2}};
    conv.cost.time = conv.cost.tensor = Seconds(1.0 / 30000);
    conv.cost.dram = Seconds(1e-5);
    conv.cost.launch = Seconds(1e-6);
    conv.cost.flops = Flops(1e10);
    conv.cost.dram_bytes = conv.cost.l2_bytes = Bytes(2e7);
    conv.cost.bound = Bound::tensor;
    conv.launches = 30000;
    conv.total = Seconds(1.0);
    conv.uncertainty = {0.9, 1.1, 0.5, true, false};
    conv.stage = "denoiser";
    conv.example = "down.0.resnets.1.conv1";

    PredictedKernel copy;
    copy.kernel.label = "copy";
    copy.kernel.category = Category::data_movement;
    copy.kernel.type = DataType::bf16;
    copy.kernel.work = MemoryWork{Pattern::strided_copy, 1048576, 1, 0, 0};
    copy.cost.time = copy.cost.dram = Seconds(1e-4);
    copy.cost.bound = Bound::dram;
    copy.launches = 5000;
    copy.total = Seconds(0.5);
    copy.uncertainty = {0.7, 1.5, 1.0, false, true};
    copy.stage = "denoiser";
    copy.example = "mid.attn.to_out";
    prediction.kernels = {conv, copy};
    return prediction;
}
