#pragma once

#include "cupola/workload/graph.hpp"

#include <optional>

namespace cupola {

/// Which linear layers of one input become one.
enum class MergedLinears {
    attention,  ///< those whose results meet in one attention: queries, keys and values, or keys and values
    gate,       ///< gate and input of one gated activation
};

/// The graph with one wider linear layer instead of each set, whose result the readers see slices of; empty where
/// there is no such set.
[[nodiscard]] std::optional<Graph> merge_linears(const Graph& graph, MergedLinears which);

}  // namespace cupola
