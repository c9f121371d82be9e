#pragma once

#include "cupola/workload/descriptor.hpp"
#include "cupola/workload/graph.hpp"

#include <string>
#include <utility>
#include <vector>

namespace cupola {

/// Limits on what a descriptor may expand to; beyond them expansion stops with an InputError.
struct ExpandLimits {
    std::size_t operators = 400'000;  ///< over all passes
    std::size_t depth = 64;           ///< nested modules and blocks
};

/// Fixes the parameters and expands every stage to its operators. A stage's graph is made once for every distinct
/// set of its `let` values over its steps; beyond `max_distinct_passes` of them only at nodes, with weights that
/// integrate piecewise linearly (exact for counts that are linear in the step between nodes), and only among steps that
/// differ in nothing but numbers linear in the step.
/// Throws InputError: unknown setting, value out of range, a layer that cannot take the shape it meets.
[[nodiscard]] Workload expand(Descriptor& descriptor, const std::vector<std::pair<std::string, std::string>>& settings,
                              const ExpandLimits& limits = {});

inline constexpr std::size_t max_distinct_passes = 32;  ///< evaluated one by one up to here
inline constexpr std::size_t interpolation_nodes = 17;  ///< beyond it

}  // namespace cupola
