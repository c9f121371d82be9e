#pragma once

#include "cupola/cost/cost_model.hpp"
#include "cupola/hardware/resource.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/workload/graph.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace cupola {

/// Which launches of a run to explain; an empty text selects all.
struct LaunchSelection {
    std::string stage;
    std::string module;  ///< a part of a module path, by whole segments: "down.1" with all that lies below it
    std::string kernel;  ///< label: "conv", "group_norm.statistics"
};

/// What the selected launches would take with twice as much of a resource.
struct Sensitivity {
    Resource resource = Resource::dram_bandwidth;
    Seconds busy;
};

/// How far the resource that bounds a kernel must grow until another bounds it.
struct BoundMove {
    Resource resource = Resource::dram_bandwidth;
    double factor = 1;  ///< to 1 %
    Bound next = Bound::launch;
    Seconds time;  ///< of one launch, there
};

/// One distinct kernel among the selected launches.
struct ExplainedKernel {
    Kernel kernel;
    KernelCost cost;  ///< of one launch
    Uncertainty uncertainty;
    double launches = 0;                       ///< over the run
    Seconds host;                              ///< CPU time of all its launches
    Seconds floor;                             ///< see roofline_time
    std::string stage, module, operator_name;  ///< of its first launch
    std::optional<BoundMove> move;             ///< none where no factor up to 64 moves the bound
    [[nodiscard]] Seconds total() const { return cost.time * launches; }
};

/// Why the selected launches take what they take.
struct Explanation {
    std::string workload, gpu, stack;
    LaunchSelection selection;
    double launches = 0;
    Seconds run_busy;    ///< GPU time of the whole run
    Seconds busy, host;  ///< of the selected launches over the run
    Seconds floor;       ///< sum of their kernels' floors
    Flops flops;
    Bytes dram_bytes;
    std::array<Seconds, all_bounds.size()> busy_by_bound{};
    std::array<Sensitivity, all_resources.size()> sensitivities{};
    std::vector<ExplainedKernel> kernels;  ///< by total time, longest first
};

/// Explains the launches of a run that `selection` names. Where none does, `kernels` is empty.
[[nodiscard]] Explanation explain(const Workload& workload, const CostModel& model, const Stack& stack,
                                  const LaunchSelection& selection);

/// The roofline of a kernel: its useful work at the sustained peak of the units that do it, or its predicted DRAM
/// traffic at the achieved bandwidth, whichever takes longer. No quantisation, no latency, no start.
[[nodiscard]] Seconds roofline_time(const Kernel& kernel, const KernelCost& cost, const Gpu& gpu);

/// Whether the segments of `part` follow each other in the module path `path`: "down.1" in "unet.down.1.conv".
[[nodiscard]] bool is_within(const std::string& path, const std::string& part);

}  // namespace cupola
