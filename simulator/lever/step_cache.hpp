#pragma once

#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <optional>

namespace cupola {

/// The two kinds of pass of a step cache: one that computes all and keeps something, one that reads it instead.
struct CachedGraphs {
    Graph full, cached;
};

/// When the steps to skip are chosen.
enum class CacheDecision {
    schedule,     ///< beforehand
    modulation,   ///< by the change of the first block's modulated input, compared on the host in every step
    first_block,  ///< by the change of the first block's residual; that block always runs
};

/// A transformer denoiser whose blocks are one chain: in a cached pass the blocks are an addition of what they added in
/// the last full one. Empty where the graph has no such chain, or is a UNet.
[[nodiscard]] std::optional<CachedGraphs> cache_blocks(const Graph& graph, CacheDecision decision);

/// A UNet: in a cached pass all that lies below the skip `branch` (0: the first) is the tensor that the way up had
/// there in the last full pass. Empty where the graph has no skips, or fewer.
[[nodiscard]] std::optional<CachedGraphs> cache_below_skip(const Graph& graph, std::int64_t branch);

}  // namespace cupola
