#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/units/quantity.hpp"
#include "cupola/workload/graph.hpp"

#include <span>
#include <vector>

namespace cupola {

/// Bytes a second that a link moves one way: the host link as measured (pinned memory), the peer link as half of
/// NVLink's both directions times what peer copies reach of it, the host link where there is no NVLink.
[[nodiscard]] BytesPerSecond link_bandwidth(const Gpu& gpu, Transfer::Link link);

/// The transfers of one step.
struct TransferTime {
    Seconds link;  ///< for which the links are busy
    Seconds
        waiting;  ///< for which the GPU waits: all of a transfer that comes first, of the others what outlasts the step
};
[[nodiscard]] TransferTime transfer_time(std::span<const Transfer> transfers, const Gpu& gpu, Seconds step);

/// Parameters of a pass, each once.
[[nodiscard]] Bytes weight_bytes(const Graph& graph);
/// Of the operator that has most.
[[nodiscard]] Bytes largest_weight(const Graph& graph);

/// What a step, the `first` of its stage or a later one, moves because the stack keeps weights in the host's memory.
/// From pageable memory bytes cross twice as slowly as the link can: counted as more bytes (`offload_link_share`).
[[nodiscard]] std::vector<Transfer> offloaded_weights(const Graph& graph, const Stack& stack, bool first);

}  // namespace cupola
