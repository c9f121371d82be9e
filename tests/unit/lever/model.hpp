#pragma once

#include "cupola/config/load.hpp"
#include "cupola/lever/lever.hpp"
#include "cupola/units/input_error.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace cupola::test {

/// What a model runs on.
struct Machine {
    std::string stack = "pytorch-eager-flash";
    Architecture architecture = Architecture::ampere;
};

/// A real model with levers applied; "--lever" texts separated by ';'.
inline Scenario scenario(const std::string& model, const WorkloadSettings& settings, const std::string& levers,
                         const Machine& machine = {}) {
    LeverContext context;
    context.workload_name = model;
    context.settings = settings;
    context.stack = config::load_stack(CUPOLA_SOURCE_DIR, machine.stack);
    context.architecture = machine.architecture;
    context.expand = [](const std::string& name, const WorkloadSettings& values) {
        return config::load_workload(CUPOLA_SOURCE_DIR, name, values);
    };
    context.read_head_clusters = config::load_head_clusters;
    return apply_levers(std::move(context), parse_levers(levers));
}

inline Workload changed(const std::string& model, const WorkloadSettings& settings, const std::string& levers) {
    return scenario(model, settings, levers).workload;
}

inline std::string refusal(const std::string& model, const WorkloadSettings& settings, const std::string& levers,
                           const Machine& machine = {}) {
    try {
        (void)scenario(model, settings, levers, machine);
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

inline const Stage& stage(const Workload& workload, const std::string& name) {
    const auto found = std::find_if(workload.stages.begin(), workload.stages.end(),
                                    [&](const Stage& candidate) { return candidate.name == name; });
    if (found == workload.stages.end()) throw std::out_of_range("no stage " + name);
    return *found;
}

inline std::size_t launches(const Graph& graph, const Stack& stack) {
    return lower(graph, stack, Architecture::ampere).launches.size();
}

template <typename Kind>
std::size_t count_of(const Graph& graph) {
    return static_cast<std::size_t>(
        std::count_if(graph.operators.begin(), graph.operators.end(),
                      [](const Operator& op) { return std::holds_alternative<Kind>(op.kind); }));
}

inline double weight_bytes(const Graph& graph) {
    double bytes = 0;
    for (const Weight& weight : graph.weights) {
        bytes += static_cast<double>(weight.parameters) * bytes_per_element(weight.type);
    }
    return bytes;
}

}  // namespace cupola::test
