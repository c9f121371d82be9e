#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/workload/graph.hpp"
#include "cupola/workload/head_clusters.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cupola {

class LeverValue;

/// Parameters of a workload as set by the user: name and value.
using WorkloadSettings = std::vector<std::pair<std::string, std::string>>;

/// What one prediction is made from besides the GPU.
struct Scenario {
    Workload workload;
    Stack stack;
};

/// `--lever NAME[=VALUE]` as given.
struct LeverSetting {
    std::string name, value;
    [[nodiscard]] std::string text() const { return value.empty() ? name : name + "=" + value; }
};

/// Makes a workload by name or path with these settings; how levers see a model at other sizes, or a second model.
using WorkloadSource = std::function<Workload(const std::string& name, const WorkloadSettings& settings)>;

/// Reads clusters of attention heads from a user's file; a path is relative to the working directory.
using HeadClusterSource = std::function<HeadClusters(const std::string& path)>;

/// What a lever works on.
struct LeverContext {
    std::string workload_name;  ///< as the user gave it
    WorkloadSettings settings;  ///< of its parameters
    Workload workload;          ///< expanded with `settings` once the phase `settings` is over
    Stack stack;
    Architecture architecture = Architecture::ampere;
    WorkloadSource expand;
    HeadClusterSource read_head_clusters;

    /// Sets a parameter of the workload. InputError where it has none of that name, or where --set or another lever has
    /// set it to something else.
    void set(const std::string& lever, const std::string& parameter, const std::string& value);
    /// The workload with these settings over those in force.
    [[nodiscard]] Workload expand_with(const WorkloadSettings& changes) const;
};

/// When a lever acts. Within a phase levers act in the order of the table, so that the order on the command line does
/// not matter.
enum class LeverPhase {
    settings,  ///< parameters of the workload, before it is expanded
    stages,    ///< passes and their counts, stages made anew at other sizes
    graph,     ///< operators of a pass
    stack,     ///< how operators become kernels, what a launch costs
};

/// A change of model, schedule or software that people make to go faster. Each changes operators, kernels, bytes,
/// launches or passes, never a time.
struct Lever {
    std::string_view name;
    std::string_view value;      ///< what it takes, for a person: "math | flash2 | …"; "" for an on/off lever
    std::string_view mechanism;  ///< which kernels, bytes, launches or passes change
    std::string_view source;
    std::string_view validity;  ///< where it applies and what it leaves out
    LeverPhase phase = LeverPhase::stack;
    std::string_view decides;  ///< what it decides ("attention kernel"); two levers that decide the same contradict
    void (*apply)(LeverContext& context, const LeverValue& value) = nullptr;
};

/// Every lever, in the order in which they act within a phase.
[[nodiscard]] const std::vector<Lever>& all_levers();

/// "NAME=VALUE" taken apart; a list of them is separated by ';'. InputError for an empty name.
[[nodiscard]] LeverSetting parse_lever(const std::string& text);
[[nodiscard]] std::vector<LeverSetting> parse_levers(const std::string& list);

/// The lever of that name; InputError with a suggestion where there is none.
[[nodiscard]] const Lever& find_lever(const std::string& name);

/// The scenario with the levers applied, whatever their order; `context.workload` need not be expanded yet. Throws
/// InputError for an unknown lever, a value that it does not take, two that contradict each other, and one that does
/// not apply to this workload, stack or GPU.
[[nodiscard]] Scenario apply_levers(LeverContext context, std::span<const LeverSetting> settings);

/// For a lever that finds nothing to change: "--lever NAME: found WHAT, expected …; HINT".
[[noreturn]] void does_not_apply(std::string_view lever, const std::string& found, const std::string& expected,
                                 const std::string& hint = "");

}  // namespace cupola
