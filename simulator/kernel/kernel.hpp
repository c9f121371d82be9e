#pragma once

#include "cupola/units/data_type.hpp"
#include "cupola/units/quantity.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>

namespace cupola {

/// What a kernel's time is booked under in reports.
enum class Category {
    convolution,
    linear,
    attention,
    norm,
    elementwise,    ///< activations, residual adds, modulation, rope, softmax outside attention
    data_movement,  ///< layout copies, permutes, cat, pad, upsample
    embedding,      ///< look-ups, gathers, cache writes
    sampling,       ///< top-k, argmax, random choice
};
inline constexpr std::array<Category, 8> all_categories{
    Category::convolution, Category::linear,        Category::attention, Category::norm,
    Category::elementwise, Category::data_movement, Category::embedding, Category::sampling};
[[nodiscard]] std::string_view name_of(Category category);

/// How an operand's bytes are reached.
enum class Access : std::uint8_t {
    read,
    write,
    weight,  ///< a read of parameters
};

/// One tensor that a kernel touches.
struct Operand {
    Bytes bytes;  ///< unique bytes, once
    /// Bytes that all kernels touched since this tensor was last touched (infinite: never, or beyond this pass).
    /// `cost` compares it with the L2 to find what is still resident. For writes: bytes until the next read.
    Bytes reuse_distance{std::numeric_limits<double>::infinity()};
    float run_bytes = 0;  ///< length of a contiguous run in bytes; 0 = fully contiguous (sector rule does not apply)
    float passes = 1;     ///< how often the kernel reads or writes it, each pass over all of it
    Access access = Access::read;

    bool operator==(const Operand&) const = default;
};

/// C[batch][m,n] = A[batch][m,k] B[batch][k,n] on matrix units, or SIMT lanes where `type` has none.
struct GemmWork {
    std::int64_t batch = 1, m = 1, n = 1, k = 1;
    /// Type of B in memory where narrower than the product's: weights that the kernel dequantises in registers.
    std::optional<DataType> weight{};
    /// A scale for each 1 x 128 of A and 128 x 128 of B, which FP32 lanes apply to the partial sums of every 128 of k.
    bool block_scaled = false;
    bool generated = false;  ///< a compiler's kernel, not a library's
    /// int8 on the SMs' integer lanes, four products a lane and clock (dp4a): what cuBLAS has where k is not the
    /// fastest axis of both factors.
    bool integer_lanes = false;
    bool operator==(const GemmWork&) const = default;
};

/// Implicit-GEMM forward convolution over up to three spatial axes (leading ones 1 where unused).
struct ConvolutionWork {
    std::int64_t batch = 1, in_channels = 1, out_channels = 1, groups = 1;
    std::array<std::int64_t, 3> input{1, 1, 1}, output{1, 1, 1};  ///< spatial extents: frames, height, width
    std::array<std::int64_t, 3> kernel{1, 1, 1}, stride{1, 1, 1};
    bool operator==(const ConvolutionWork&) const = default;
};

/// Which fused attention kernel runs; decides tile shape and how far exponentials overlap with matrix work.
enum class AttentionKernel : std::uint8_t {
    flash2,
    flash3,
    memory_efficient,
    fmha,   ///< TensorRT-LLM's context kernels
    cudnn,  ///< cuDNN's on Hopper and Blackwell: wgmma and TMA as FlashAttention-3, and priced by its law, unmeasured
};
inline constexpr std::array<AttentionKernel, 5> all_attention_kernels{AttentionKernel::flash2, AttentionKernel::flash3,
                                                                      AttentionKernel::memory_efficient,
                                                                      AttentionKernel::fmha, AttentionKernel::cudnn};
[[nodiscard]] std::string_view name_of(AttentionKernel kernel);

/// softmax(Q Kᵀ) V in one kernel.
struct AttentionWork {
    std::int64_t batch = 1, heads = 1, kv_heads = 1, queries = 1, keys = 1;
    std::int64_t head_dim = 64, value_dim = 64;
    bool causal = false;  ///< only keys <= query position (+ keys - queries) are computed
    AttentionKernel kernel = AttentionKernel::flash2;
    std::int64_t window = 0;  ///< a query sees at most so many keys up to its own; 0 = all. Causal or a single query
    bool paged = false;       ///< keys and values lie in the pages of a cache; another build of the kernel
    bool split = true;        ///< the library may share out the keys where blocks leave SMs idle
    std::optional<DataType> scores{};  ///< of queries and keys in memory and in QKᵀ; none: the kernel's type
    std::optional<DataType> values{};  ///< of values in memory and of PV
    bool operator==(const AttentionWork&) const = default;
};

/// How the threads of a memory-bound kernel walk through memory.
enum class Pattern : std::uint8_t {
    streaming,        ///< vectorised, coalesced: element-wise, cat, contiguous copy
    row_reduction,    ///< one block a row: softmax, layer norm, rms norm
    block_reduction,  ///< `rows` blocks only, scalar loads: PyTorch's GroupNorm statistics
    strided_copy,     ///< generic permute: index arithmetic, one side uncoalesced
    transpose,        ///< tiled transpose through shared memory
    gather,           ///< row look-ups
    chase,            ///< each load waits for the one before: lists, trees
};
inline constexpr std::array<Pattern, 7> all_patterns{
    Pattern::streaming, Pattern::row_reduction, Pattern::block_reduction, Pattern::strided_copy, Pattern::transpose,
    Pattern::gather,    Pattern::chase};
[[nodiscard]] std::string_view name_of(Pattern pattern);

/// A kernel bound by memory traffic, special functions or parallelism.
struct MemoryWork {
    Pattern pattern = Pattern::streaming;
    std::int64_t elements = 0;  ///< of the largest operand
    std::int64_t rows = 1;      ///< independent reductions (blocks) of the two reduction patterns
    float flops_per_element = 1;
    float mufu_per_element = 0;  ///< exp, rsqrt, tanh …
    /// SM clocks that the library's code takes for an element and for a row besides the arithmetic, whatever the lanes:
    /// index arithmetic, passes over shared memory, block reductions. 0: the kernel keeps up with memory.
    /// With clocks a row both are those of an SM that 64 warps fill.
    float sm_clocks_per_element = 0;
    float sm_clocks_per_row = 0;
    float row_threads = 0;       ///< of the block that works on one row (row_reduction); 0: unknown
    float in_flight_per_sm = 0;  ///< bytes that an SM's threads read and write a round trip to memory; 0: enough
    bool operator==(const MemoryWork&) const = default;
};

using Work = std::variant<GemmWork, ConvolutionWork, AttentionWork, MemoryWork>;

/// One launch on the GPU. A plain value: equal kernels take equal time, and are priced once.
struct Kernel {
    static constexpr std::size_t max_operands = 6;

    std::string_view label;  ///< "gemm", "conv.nchw_to_nhwc", "group_norm.statistics"; static storage
    Category category = Category::elementwise;
    DataType type = DataType::fp16;
    Work work;
    std::array<Operand, max_operands> operands{};
    std::uint8_t operand_count = 0;

    bool operator==(const Kernel&) const = default;
};

/// 64-bit hash over every field that `==` compares.
[[nodiscard]] std::uint64_t hash_of(const Kernel& kernel);

/// Adds an operand; beyond `max_operands` it is merged into the last one of the same access.
void add_operand(Kernel& kernel, const Operand& operand);

/// Unique bytes over all operands, times their passes: what must cross L2 at least.
[[nodiscard]] Bytes compulsory_bytes(const Kernel& kernel);

/// Floating-point operations: 2 per multiply-add for matrix work, elements x flops_per_element for memory work.
[[nodiscard]] Flops flops_of(const Kernel& kernel);

}  // namespace cupola
