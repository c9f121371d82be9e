#include "cupola/predict/transfer.hpp"

#include <algorithm>

namespace cupola {

BytesPerSecond link_bandwidth(const Gpu& gpu, Transfer::Link link) {
    // stas00/ml-engineering @744d01e: 396 GB/s of the 450 one way between two H200, NCCL buses at 0.80 of it.
    constexpr double one_way = 0.5, achieved = 0.80;
    if (link == Transfer::Link::peer && gpu.nvlink_bandwidth) return *gpu.nvlink_bandwidth * (one_way * achieved);
    return gpu.pcie_bandwidth;
}

TransferTime transfer_time(std::span<const Transfer> transfers, const Gpu& gpu, Seconds step) {
    Seconds before, during;
    for (const Transfer& transfer : transfers) {
        const Seconds time = Bytes(transfer.bytes) / link_bandwidth(gpu, transfer.link);
        (transfer.overlapped ? during : before) += time;
    }
    return {before + during, before + std::max(Seconds(0), during - step)};
}

Bytes weight_bytes(const Graph& graph) {
    double bytes = 0;
    for (const Weight& weight : graph.weights) bytes += memory_bytes(weight);
    return Bytes(bytes);
}

Bytes largest_weight(const Graph& graph) {
    double bytes = 0;
    for (const Weight& weight : graph.weights) bytes = std::max(bytes, memory_bytes(weight));
    return Bytes(bytes);
}

std::vector<Transfer> offloaded_weights(const Graph& graph, const Stack& stack, bool first) {
    const bool moves =
        stack.offload == WeightOffload::sequential || (stack.offload == WeightOffload::component && first);
    if (!moves) return {};
    return {{Transfer::Link::host, weight_bytes(graph).value() / stack.offload_link_share, stack.offload_overlapped}};
}

}  // namespace cupola
