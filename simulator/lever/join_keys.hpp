#pragma once

#include "cupola/workload/graph.hpp"

#include <optional>

namespace cupola {

/// The graph with the keys and values of every attention copied into one tensor, of which readers see halves; empty
/// where no module has layers to_k and to_v that read one tensor.
[[nodiscard]] std::optional<Graph> join_keys(const Graph& graph);

}  // namespace cupola
