#pragma once

#include "cupola/cost/cost_model.hpp"
#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/timeline/timeline.hpp"
#include "cupola/units/quantity.hpp"
#include "cupola/workload/graph.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cupola {

/// One distinct kernel over the whole run.
struct PredictedKernel {
    Kernel kernel;
    KernelCost cost;          ///< of one launch
    double launches = 0;      ///< over the run
    Seconds total;            ///< cost.time x launches
    Uncertainty uncertainty;  ///< of cost.time
    std::string stage;        ///< where it takes most time
    std::string example;      ///< module path of one operator that launches it
};

struct PredictedStage {
    std::string name;
    double steps = 0;
    double launches_per_step = 0;
    Span span;              ///< over all steps
    Seconds transfer;       ///< for which links to the host and to other GPUs are busy
    Seconds transfer_wait;  ///< for which the GPU waits for them; part of the idle time
    Seconds dispatch;       ///< host time over all steps
    std::array<Seconds, all_categories.size()> busy_by_category{};
    std::array<Seconds, all_bounds.size()> busy_by_bound{};
    Flops flops;
    Bytes dram_bytes;
    Bytes peak_activation_bytes;
    /// The host works longer on the steps than the GPU.
    [[nodiscard]] bool host_bound() const { return span.host > span.busy; }
};

/// At which batch the GPU no longer waits for the host.
struct IdleEnd {
    std::int64_t batch = 0;  ///< the smallest, or the largest tried
    bool found = false;
};

/// What the times of one kind of kernel rest on.
struct Basis {
    KernelKind kind = KernelKind::gemm;
    Seconds time;                   ///< of all its kernels
    std::string library;            ///< whose calibration on this GPU; empty: the architecture's defaults
    std::vector<std::string> data;  ///< data sets of that calibration
    Seconds extrapolated;           ///< the part of `time` in shapes or types outside what was measured
};

/// Everything a report can say about workload x gpu x stack.
struct Prediction {
    std::string workload, gpu, stack;
    std::vector<ParameterSetting> parameters;
    DataType type = DataType::fp16;   ///< of the stage that takes longest
    bool lacks_units = false;         ///< the GPU has matrix instructions for fp16 but none for `type`
    Span span;                        ///< the whole run
    Seconds transfer, transfer_wait;  ///< of all stages
    std::optional<IdleEnd> idle_end;  ///< where somebody asked (find_idle_end)
    Interval interval;                ///< of span.latency, 80 %; no host noise in it where the GPU waits for nobody
    std::vector<Basis> basis;         ///< by kind of kernel, those that ran
    std::string calibrated_on;        ///< date of the calibration; empty without one
    std::array<Seconds, all_categories.size()> busy_by_category{};
    std::array<Seconds, all_bounds.size()> busy_by_bound{};
    Flops flops;
    Bytes dram_bytes;
    Bytes weight_bytes, peak_memory_bytes, dram_capacity;
    FlopsPerByte ridge;
    std::vector<PredictedStage> stages;
    std::vector<PredictedKernel> kernels;  ///< by total time, longest first

    [[nodiscard]] bool fits_memory() const { return peak_memory_bytes <= dram_capacity; }
    [[nodiscard]] FlopsPerByte arithmetic_intensity() const { return flops / dram_bytes; }
};

/// The kernels that a reader takes for one: those that differ only in their operands, as in what is still in L2, become
/// one entry whose cost is the mean of theirs weighted by launches; longest first. `stage` and `example` are the
/// longest one's.
[[nodiscard]] std::vector<PredictedKernel> merged_kernels(const std::vector<PredictedKernel>& kernels);

/// The one prediction: lowers, prices and schedules every pass of every stage. The passes of a stage follow each other
/// on one launch queue; a stage starts on an idle GPU.
[[nodiscard]] Prediction predict(const Workload& workload, const CostModel& model, const Stack& stack);
/// The same with the architecture's defaults for every kernel.
[[nodiscard]] Prediction predict(const Workload& workload, const Gpu& gpu, const Stack& stack);

}  // namespace cupola
