#pragma once

#include "cupola/cost/cost_model.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cupola::validation {

/// A case of cupola-probe and what of a run it stands for.
struct PlannedCase {
    std::string line;      ///< without count and id
    std::uint32_t id = 0;  ///< from 1, in the order of first launch
    double launches = 0;   ///< over the run
    Seconds predicted;     ///< of all of them
    std::string label;     ///< of the first kernel that it stands for, and where that runs
};

/// Kernels that the probe cannot measure, for one reason.
struct Unplanned {
    std::string reason, label;  ///< label of the kernel that takes longest of them
    double launches = 0;
    Seconds predicted, longest;
};

/// The launches of one pass of a stage in order.
struct PlannedReplay {
    std::string stage;
    double passes = 0;                 ///< of this kind over the run
    std::vector<std::uint32_t> order;  ///< ids of cases
    std::size_t left_out = 0;          ///< launches of kernels that have no case
};

/// What cupola-probe measures of workload x GPU x stack.
struct ProbePlan {
    std::string workload, gpu, stack;
    std::vector<ParameterSetting> parameters;
    std::vector<PlannedCase> cases;      ///< longest first
    std::vector<Unplanned> unplanned;    ///< longest first
    std::vector<PlannedReplay> replays;  ///< of each stage the pass that takes longest over the run
    std::size_t kernels = 0;             ///< distinct ones, of which several may share a case
    Seconds predicted;                   ///< of all kernels: the GPU's busy time
};

/// The most launches of a replay.
inline constexpr std::size_t most_replayed = 200000;

/// Lowers every pass of the stage of that name, or of all stages where it is empty.
[[nodiscard]] ProbePlan probe_plan(const Workload& workload, const CostModel& model, const Stack& stack,
                                   const std::string& stage);

}  // namespace cupola::validation
