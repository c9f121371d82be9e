#pragma once

#include "cupola/numerics/precision.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cupola::numerics {

/// One head's matrices in fp64.
struct AttentionInputs {
    std::size_t queries = 0, keys = 0, head_dim = 0;
    std::vector<double> query;          ///< [queries, head_dim]
    std::vector<double> key_transpose;  ///< [head_dim, keys]
    std::vector<double> value;          ///< [keys, head_dim]
};

/// Independent normal numbers of standard deviation 1: Q and K about 0, so that scores have a standard deviation of 1,
/// V about `value_mean`. Unless that is 0 the outputs keep their size however many keys they average. The same seed
/// gives the same numbers everywhere: std::mt19937_64, which the standard defines to the bit, and Box-Muller of its
/// upper 53 bits.
[[nodiscard]] AttentionInputs random_inputs(std::size_t queries, std::size_t keys, std::size_t head_dim,
                                            double value_mean, std::uint64_t seed);

/// softmax(Q Kᵀ / √d) V, every step one operation over all keys, its result rounded to the step's format.
/// Returns [queries, head_dim].
[[nodiscard]] std::vector<double> baseline_attention(const AttentionInputs& inputs, const Precision& precision);

/// What is the outer loop over tiles, and so what is kept between them.
enum class LoopOrder {
    query,  ///< FlashAttention-2: a row's output stays, not normalised, until all keys have been seen
    key,    ///< FlashAttention: a row's output is normalised after every tile of keys and written back
};
inline constexpr std::array all_loop_orders{LoopOrder::query, LoopOrder::key};
[[nodiscard]] std::string_view name_of(LoopOrder order);

struct Tiling {
    std::size_t query_tile = 64, key_tile = 64;  ///< rows of a tile; the last one may have fewer
    LoopOrder outer = LoopOrder::query;
};

struct TiledOutput {
    std::vector<double> output;  ///< [queries, head_dim]
    double raised = 0;           ///< tiles after a row's first that raised its maximum, mean over rows
};

/// The same by online softmax over tiles of keys: what a row has so far is rescaled by exp(old - new maximum) before a
/// tile is added to it. Sources: Dao et al., FlashAttention (arXiv 2205.14135), algorithm 1; Dao, FlashAttention-2
/// (arXiv 2307.08691), algorithm 1. Ignores: the order in which a matrix unit adds up within one product (here one
/// after the other), scores scaled by log2(e) for exp2.
[[nodiscard]] TiledOutput tiled_attention(const AttentionInputs& inputs, const Precision& precision,
                                          const Tiling& tiling);

/// Rescales of a row: the tiles of keys after the first.
[[nodiscard]] constexpr std::size_t rescales(std::size_t keys, std::size_t key_tile) { return (keys - 1) / key_tile; }

}  // namespace cupola::numerics
