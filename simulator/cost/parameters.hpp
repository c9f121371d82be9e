#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel.hpp"

#include <array>
#include <cstddef>

namespace cupola {

/// One GEMM kernel of the library: the output tile that one block computes.
struct GemmTile {
    double m = 128, n = 128;   ///< output elements
    double efficiency = 0.90;  ///< share of the matrix rate its main loop issues, tile full, SM full (0..1)
    double resident = 1;       ///< blocks that share one SM
    /// Time of a last wave that leaves a single block on an SM, in units of the time of a full SM's share of it
    /// (1..resident): one block alone cannot hide its own latencies.
    double alone = 1;
};

/// The GEMM kernels of one instruction class.
struct GemmTiles {
    static constexpr std::size_t capacity = 20;
    std::array<GemmTile, capacity> tiles{};
    std::size_t count = 0;
    /// Exponent of the smooth maximum (4..8): loads and products disturb each other less where warps of their own do
    /// each.
    double overlap_exponent = 8;
    double k = 32;                  ///< depth of one main-loop iteration, elements of 2 bytes
    double efficiency = 1;          ///< multiplies every tile's: what no tile reaches (0..1)
    double step_seconds = 0;        ///< least time of 128 bytes of depth: latency over stages in flight; s
    double prologue_cycles = 0;     ///< first loads, drain and synchronisation that nothing overlaps; cycles
    double epilogue_cycles = 0;     ///< conversion and store of 128 x 128 outputs; cycles, in proportion to the tile
    bool persistent = false;        ///< one launch of blocks that loop over tiles: prologue and epilogue are paid once
    double multicast = 1;           ///< blocks of a cluster, along either side, that share one L2 read of a slice
    double l2_efficiency = 1;       ///< of the L2 bandwidth, in reading slices
    double dram_efficiency = 0.95;  ///< of the streaming DRAM bandwidth, in long transfers
    double dram_ramp_seconds = 0;   ///< most that a transfer loses before it is long; s, and at most 12 % of it
    double whole_rows = 0;          ///< tiles of fewer rows than this serve only where one covers all of M
    double store_cost = 1;          ///< DRAM time of a byte of D in units of that of a byte read: the bus turns around
};

/// Rows and columns of scores that one block of an attention kernel works on at a time.
struct AttentionTile {
    double head_dim = 0;                             ///< up to this one, which shorter heads are padded to
    double queries = 128, keys = 128;                ///< full attention
    double causal_queries = 128, causal_keys = 128;  ///< with a causal mask or a window
    double few_queries = 128;                        ///< rows of the kernel for problems that have no more than these
};

/// A fused attention kernel on one architecture.
struct AttentionVariant {
    static constexpr std::size_t capacity = 5;
    std::array<AttentionTile, capacity> tiles{};  ///< by head dimension, ascending
    double mma_efficiency = 0.83;                 ///< share of the matrix rate in its two products (0..1)
    double exposed = 0.45;          ///< share of the lesser of matrix and exponential time that does not overlap (0..1)
    double resident = 1;            ///< blocks that share one SM
    double alone = 1;               ///< as in GemmTile
    double prologue_cycles = 2000;  ///< load of Q, first K and V, final rescale and store of the first block; cycles
    double block_cycles = 1800;     ///< the same of each later block on an SM, as far as exposed; cycles (0..8000)
    double tile_cycles = 0;         ///< latency that one step over the keys exposes: loads, barriers; cycles (0..6000)
    double edge_exposed = 0;  ///< share of the L2's time for all blocks' queries, first keys and values, and outputs
                              ///< that nothing overlaps; 0..2
    double link_bytes_per_clock = 64;  ///< keys and values that one SM takes in (8..64)
    double most_splits = 128;          ///< the keys are shared out among at most so many blocks
    double byte_efficiency = 0.9;      ///< of `mma_efficiency` that types of one byte reach (0.3..1)
    double transpose_cycles = 0;  ///< fp8: turning 1024 values to the matrix unit's layout, as far as exposed; 0..300
    bool whole_tiles = false;     ///< a block's start and end move whole tiles (TMA), however short the sequences
    double multicast = 1;         ///< query tiles of a cluster that share one L2 read of keys and values
};

/// How well one access pattern uses the memory system.
struct PatternEfficiency {
    double bandwidth = 1.0;                 ///< share of the achieved (streaming) bandwidth, DRAM and L2 alike (0..1)
    double instructions_per_element = 4.0;  ///< address, conversion, load and store besides the arithmetic
};

/// Fitted or estimated constants of the cost model; see README.md for each one's meaning, range and source.
/// Everything that a data sheet or a microbenchmark of the device states is in `Gpu` instead.
struct CostParameters {
    /// Exponent of the smooth maximum (4..inf): how much two nearly equal bounds disturb each other.
    double overlap_exponent = 8;

    // Matrix kernels
    GemmTiles tensor_tiles;                    ///< on matrix units
    GemmTiles convolution_tiles;               ///< on matrix units, implicit GEMM
    GemmTiles simt_tiles;                      ///< on FP32 lanes
    double split_minimum_depth = 128;          ///< least K a split of a GEMM works on, elements
    double split_reduction_seconds = 2.2e-6;   ///< semaphore and second phase of a split-K GEMM (.5..6 us)
    double batched_regret = 1.08;              ///< library's choice against the best tile, batched GEMM (1..1.2)
    double misaligned_even_efficiency = 0.68;  ///< matrix rate with a row length not a multiple of 16 bytes, even
    double misaligned_odd_efficiency = 0.50;   ///< same, odd element count
    double gemv_rows = 8;                      ///< up to this many rows (or columns) a matrix-vector kernel is a choice
    double matrix_dram_efficiency = 0.95;  ///< of the streaming DRAM bandwidth, in matrix-vector and Winograd kernels
    double gemv_instructions_per_product = 1.5;  ///< FMA plus conversion and loads, an element of the matrix
    double sm_link_bytes_per_clock = 64;         ///< L2 to one SM: width of its port (measured one-SM streams: 38..64)
    double exposed_memory_seconds = 2e-6;        ///< ramp and tail of cold reads, attention and Winograd (.2..6 us)
    double split_grid_share = 1;  ///< blocks of a split-K kernel fill at most this share of what is resident at once
    double gemv_prologue_cycles = 1500;  ///< first loads and final reduction of a matrix-vector kernel

    // Quantised products
    GemmTiles fp8_tiles;                      ///< fp8 with a scale a tensor or row
    GemmTiles block_scaled_tiles;             ///< fp8 with block scales
    GemmTiles int8_tiles;                     ///< int8 x int8
    GemmTiles weight_only_tiles;              ///< weights of 4 or 8 bits, dequantised in registers
    double dequantise_instructions = 1.3;     ///< of FP32 lanes, an element of B of 8 bits; twice as many of 4 bits
    double rescale_instructions = 2;          ///< of FP32 lanes, an element of D for each 128 of k
    double exposed_conversion = 0.35;         ///< share of the lesser of matrix and lane work that does not overlap
    double padding_clocks_per_byte = 0;       ///< of one SM's loads that fill A's rows beyond M in its tile
    double weight_only_split_seconds = 4e-6;  ///< each part of a split K waits for the one before to add its sums to
    double weight_only_split_grid_share = 1;  ///< as split_grid_share
    double quantised_gemv_rows = 4;           ///< up to this many rows a matrix-vector kernel is a choice
    double weight_only_gemv_clocks = 3;       ///< of a block of such a kernel for a unit of k
    double generated_int8_efficiency = 1;     ///< share of the int8 libraries' matrix rate in a compiler's products
    double int8_gemv_clocks = 0.35;           ///< the same of int8 x int8

    // Convolution
    double convolution_regret = 1.12;           ///< library's heuristic choice against the best tile (1..1.5)
    double convolution_efficiency = 0.95;       ///< of the GEMM tile's, long channel lists (.5..1)
    double convolution_tap_channels = 4;        ///< address work of one filter tap, in channels of main loop (0..16)
    double convolution_split_grid_share = 0.5;  ///< as split_grid_share; 0 without split-K kernels
    double convolution_step_bytes = 64;         ///< of channels that one step of the main loop takes (16..128)
    double convolution_setup_seconds = 0;       ///< kernel that precomputes addresses before the convolution (0..8 us)
    double convolution_l2_share = 0.5;          ///< of the im2col reads that miss the L1 (1/taps..1)
    double depthwise_efficiency = 0.65;         ///< share of streaming bandwidth in depthwise convolutions (.3..1)
    GemmTiles convolution_simt_tiles;           ///< on FP32 lanes, implicit GEMM
    GemmTiles winograd_tiles;                   ///< on FP32 lanes, the products of the four-kernel algorithm
    double winograd_efficiency = 0.865;         ///< of the FP32 rate in the one-kernel algorithm's products (.5..1)
    double winograd_block_images = 4;     ///< images that one of its blocks spans where they divide the batch (1 or 4)
    double winograd_block_cycles = 2900;  ///< first loads, output transform and store of one of its blocks
    double winograd_transform_efficiency = 0.75;  ///< of the streaming bandwidth in the data transforms (.3..1)
    double winograd_filter_efficiency = 0.60;     ///< of the streaming bandwidth in the filter transform (.1..1)
    double winograd_misaligned_share = 0.78;  ///< of that, where rows of input channels are no whole sectors (.3..1)

    // Attention
    AttentionVariant flash2, flash2_paged, flash3, flash3_paged, memory_efficient, fmha;
    double softmax_instructions = 4;          ///< FP32 instructions a score besides the exponential
    double split_keys_minimum = 128;          ///< least number of keys a split works on
    double split_combine_seconds = 2.5e-6;    ///< kernel that merges split results (0..8 us)
    double causal_tail = 0.25;                ///< of the longest causal block, by which SMs finish apart (0..1)
    double unaligned_head_efficiency = 0.92;  ///< matrix rate with head rows that are no multiple of 32 bytes
    double attention_dram_efficiency = 1.0;   ///< of the streaming DRAM bandwidth, in attention (.8..1.1)
    double page_seconds = 0.5e-6;             ///< stall of a block that walks on to another 2 MiB page (0..3 us)

    // Memory-bound kernels
    std::array<PatternEfficiency, 7> patterns{};  ///< indexed by Pattern
    double resident_threads = 221184;             ///< of a full GPU: SMs x warps x 32, by architecture (40e3..350e3)
    double row_window_share = 0.85;         ///< of the rows in flight that passes between two visits of a row (.5..1.5)
    double row_start_waves = 1.7;           ///< full loads of blocks whose code no memory traffic hides (0..5)
    double bytes_in_flight_per_sm = 65536;  ///< read and written a round trip: 2,048 threads x 16 B each way
    double loaded_latency_factor = 1.65;    ///< round trip of a load under load over the pointer chase (1.5..2.3)
    double posted_latency_factor = 0.58;    ///< the same of a store; half of it where it follows a load (.4..1)
    double l1_bytes_per_clock = 128;        ///< what an SM's threads load and store, hits included (64 or 128)
    double l1_latency_clocks = 33;          ///< a load that hits the L1 (25..40)
    double l2_latency_clocks = 210;         ///< a load that hits the L2 (180..320)
    double statistics_elements_per_clock = 2.6;  ///< one block of a block_reduction: scalar loads, running moments
    double statistics_resident = 4;              ///< such blocks that share one SM
    double sector_bytes = 32;                    ///< L2 and DRAM transfer granule
    /// Limit of DRAM over-fetch for short runs: neighbouring runs find their sector in L2 unless gathered at random.
    double sector_dram_limit = 2;
    /// Footprint beyond usable L2 at which nothing of a tensor is left, as a share of usable L2 (.05..2)
    double eviction_width = 0.5;
    double dirty_share = 0.9;  ///< of a resident write that still goes to DRAM in the end
};

/// Defaults for an architecture: literature and public measurements, see README.md.
[[nodiscard]] CostParameters default_parameters(Architecture architecture);

}  // namespace cupola
