#pragma once

#include "cupola/units/data_type.hpp"
#include "cupola/units/quantity.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace cupola {

/// Instruction-set family: decides which matrix instruction, tile list and attention kernels exist.
enum class Architecture { volta, turing, ampere, ampere_consumer, ada, hopper, blackwell };
inline constexpr std::array<Architecture, 7> all_architectures{
    Architecture::volta, Architecture::turing, Architecture::ampere,   Architecture::ampere_consumer,
    Architecture::ada,   Architecture::hopper, Architecture::blackwell};

/// Dense matrix-instruction throughput of one SM in FLOP per clock (2 per multiply-add), fp32 accumulation;
/// 0 where the GPU has no such instruction.
struct TensorRates {
    double fp16 = 0, bf16 = 0, tf32 = 0, fp8 = 0, int8 = 0, fp4 = 0;
};

/// One number's origin, kept for `cupola show`.
struct Fact {
    std::string field;      ///< key in the YAML file
    std::string value;      ///< as written there
    std::string source;     ///< document, repository or measurement
    bool recalled = false;  ///< true: stated from memory or by analogy, not read or measured
};

/// A GPU as the cost model sees it. Loaded from hwmodels/gpus/<name>.yaml; valid once built.
struct Gpu {
    std::string name;     ///< "a100-sxm4-80gb"
    std::string product;  ///< "NVIDIA A100-SXM4-80GB"
    Architecture architecture = Architecture::ampere;

    // Streaming multiprocessors
    int sm_count = 0;
    Hertz boost_clock;             ///< highest clock the device runs at
    Hertz sustained_tensor_clock;  ///< clock held in long matrix kernels on random data (power limit included)
    Hertz sustained_simt_clock;    ///< clock held in long FP32 and memory-bound kernels
    TensorRates tensor_rates;
    double fp32_lanes_per_sm = 0;      ///< FP32 FMA per clock per SM (2 FLOP each)
    double mufu_per_clock_per_sm = 0;  ///< special-function operations (exp, rsqrt …) per clock per SM
    int max_warps_per_sm = 0;
    Bytes shared_memory_per_sm;  ///< L1 + shared memory

    // Memory
    Bytes dram_capacity;
    BytesPerSecond dram_bandwidth;  ///< pin bandwidth
    double dram_efficiency = 0;     ///< share of it that a large streaming kernel reaches (0..1)
    Seconds dram_latency;           ///< unloaded pointer chase
    Bytes l2_capacity;
    double l2_usable_fraction = 0;  ///< share that holds one working set (0.5 where two partitions duplicate data)
    BytesPerSecond l2_bandwidth;    ///< achieved read bandwidth

    // Launch path (GPU side)
    Seconds stream_kernel_slot;  ///< smallest period of back-to-back tiny kernels launched on a stream
    Seconds graph_kernel_slot;   ///< same inside a CUDA graph

    // Power and links
    Watts tdp;
    BytesPerSecond pcie_bandwidth;                   ///< achieved host-to-device, pinned
    std::optional<BytesPerSecond> nvlink_bandwidth;  ///< bidirectional, absent without NVLink

    std::vector<Fact> facts;
};

/// "ampere", "ada", …
[[nodiscard]] std::string_view name_of(Architecture architecture);

/// Dense matrix FLOP/clk/SM of a data type; fp32 has no matrix instruction and gives 0, int4 counts as int8.
[[nodiscard]] double tensor_rate(const Gpu& gpu, DataType type);

/// Peak of the matrix units at the sustained clock; falls back to the FP32 lanes where there is no instruction.
[[nodiscard]] FlopsPerSecond peak_matrix_throughput(const Gpu& gpu, DataType type);

/// dram_bandwidth x dram_efficiency.
[[nodiscard]] BytesPerSecond achieved_dram_bandwidth(const Gpu& gpu);

/// l2_capacity x l2_usable_fraction: the bytes that stay resident between kernels.
[[nodiscard]] Bytes usable_l2(const Gpu& gpu);

/// Arithmetic intensity at which the matrix units and DRAM take equal time.
[[nodiscard]] FlopsPerByte ridge_point(const Gpu& gpu, DataType type);

}  // namespace cupola
