#pragma once

#include "cupola/workload/linear_precision.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace cupola {

// Operators are semantic: what the model asks for, not what a library launches. Each is a plain struct with the sizes
// that its work follows from; tensors (shapes, dtypes) stand in the graph's values. Adding a kind is a compile error
// in every room that visits `OperatorKind` until it is handled there.

/// conv1d/2d/3d and transposed, over the trailing entries of the spatial arrays (frames, height, width).
struct Convolution {
    std::int64_t batch = 1, in_channels = 1, out_channels = 1, groups = 1;
    std::array<std::int64_t, 3> input{1, 1, 1}, output{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1};
    std::array<std::int64_t, 3> pad_before{0, 0, 0}, pad_after{0, 0, 0};
    int spatial_rank = 2;
    bool transposed = false, bias = true;
    std::optional<DataType> product{};  ///< of both factors, quantised with known scales; empty: as the tensors
    bool operator==(const Convolution&) const = default;
};

/// y[rows, out] = x[rows, in] Wᵀ + b
struct Linear {
    std::int64_t rows = 1, in = 1, out = 1;
    bool bias = true;
    std::optional<LinearPrecision> precision{};  ///< empty: as its tensors
};

enum class AttentionScore : std::uint8_t { softmax, silu };
enum class AttentionSpan : std::uint8_t { spatial, temporal, cross, causal, joint };  ///< what attends to what

/// softmax(Q Kᵀ + bias) V over [batch, heads, queries | keys, dim]; inputs Q, K, V (, bias).
struct Attention {
    std::int64_t batch = 1, heads = 1, kv_heads = 1, queries = 1, keys = 1, head_dim = 64, value_dim = 64;
    bool causal = false, mask = false, bias = false;
    AttentionScore score = AttentionScore::softmax;
    AttentionSpan span = AttentionSpan::spatial;
    std::int64_t score_heads = 0;    ///< heads of Q and K; the others take over their scores (clustered heads). 0: all
    std::int64_t window = 0;         ///< causal: a query sees at most so many keys up to its own. 0: all
    std::int64_t computed_keys = 0;  ///< that a query sees on average where blocks of keys are left out. 0: all
    std::optional<AttentionPrecision> precision{};  ///< empty: as its tensors
};

/// Heads with scores of their own.
[[nodiscard]] constexpr std::int64_t scored_heads(const Attention& attention) {
    return attention.score_heads > 0 ? attention.score_heads : attention.heads;
}
/// Keys that a query sees: all, those of its window, or those of the blocks that are computed.
[[nodiscard]] constexpr std::int64_t seen_keys(const Attention& attention) {
    std::int64_t keys = attention.keys;
    if (attention.window > 0 && attention.window < keys) keys = attention.window;
    if (attention.computed_keys > 0 && attention.computed_keys < keys) keys = attention.computed_keys;
    return keys;
}

/// Batched product of two activations, C[batch][m,n].
struct Matmul {
    std::int64_t batch = 1, m = 1, n = 1, k = 1;
};

enum class NormKind : std::uint8_t { group, layer, rms, l2 };
struct Norm {
    NormKind kind = NormKind::layer;
    std::int64_t groups = 1;    ///< group norm only
    std::int64_t rows = 1;      ///< independent statistics
    std::int64_t width = 1;     ///< elements that each covers
    std::int64_t channels = 1;  ///< of scale and shift
    bool scale = true, shift = true;
};

struct Softmax {
    std::int64_t rows = 1, width = 1;
};

enum class ActivationKind : std::uint8_t {
    silu,
    gelu,
    gelu_tanh,
    quick_gelu,
    relu,
    leaky_relu,
    sigmoid,
    tanh,
    exp,
    sin,
    cos,
    elu,
    softplus,
};
struct Activation {
    ActivationKind kind = ActivationKind::silu;
};

/// x · f(gate): geglu (gelu), swiglu (silu), glu (sigmoid). One input of twice the width, or two inputs.
struct GatedActivation {
    ActivationKind gate = ActivationKind::gelu;
    bool split_input = true;  ///< one input, halves along channels
};

/// How a model's code rotates, which decides the kernels of eager execution.
enum class RopeForm : std::uint8_t {
    halves,       ///< x cos + rotate_half(x) sin in the model's type: the halves of a head are the pairs (LLaMA)
    interleaved,  ///< neighbours are the pairs, both products and the sum in fp32 (FLUX, HunyuanVideo, CogVideoX, LTX)
    pairs,        ///< products of even and of odd elements in fp32, written to every second place (Wan)
};
/// Rotary position embedding of one tensor (queries or keys).
struct Rope {
    std::int64_t head_dim = 64;
    RopeForm form = RopeForm::halves;
};

enum class ElementwiseKind : std::uint8_t {
    add,
    subtract,
    multiply,
    divide,
    scale,     ///< times a constant
    offset,    ///< plus a constant
    modulate,  ///< x (1 + scale) + shift, inputs x, scale, shift
    gate,      ///< residual + gate · x, inputs residual, x, gate
    clamp,
    lerp,  ///< a blend of two tensors by a learned scalar
    where,
};
struct Elementwise {
    ElementwiseKind kind = ElementwiseKind::add;
};

enum class ReductionKind : std::uint8_t { mean, sum, max };
struct Reduction {
    ReductionKind kind = ReductionKind::mean;
    std::int64_t rows = 1, width = 1;
};

struct Cat {};         ///< joins its inputs along one axis
struct Slice {};       ///< a view of a part of its input along one axis
struct Rearrange {};   ///< permutes, folds and unfolds axes; a copy only if the stack needs one
struct Contiguous {};  ///< asks for logical order in memory; nothing if it is so already
struct Broadcast {};   ///< repeats a tensor along a new or unit axis, materialised
struct Cast {};        ///< converts to the type of its result: to fp32 and back

enum class PadMode : std::uint8_t { zero, replicate, reflect };
struct Pad {
    PadMode mode = PadMode::zero;
};

enum class UpsampleMode : std::uint8_t { nearest, bilinear };
struct Upsample {
    UpsampleMode mode = UpsampleMode::nearest;
};

struct AveragePool {
    std::int64_t window = 4;  ///< elements averaged into one
};
struct PixelShuffle {
    bool inverse = false;  ///< unshuffle: space to depth
};

/// Rows of a table chosen by integer ids.
struct Embedding {
    std::int64_t rows = 1, width = 1, vocabulary = 1;
};
struct Gather {};  ///< rows of an activation chosen by ids

/// Choice of the next token or tokens: softmax, top-k, draw.
struct Sample {
    std::int64_t rows = 1, vocabulary = 1, top_k = 1;
};

/// Writes new keys or values behind those of earlier steps.
struct CacheAppend {
    bool grown = false;  ///< each step copies old and new rows into a longer cache
};
/// Beam search: copies a cache in another order.
struct CacheReorder {
    bool in_place = false;  ///< back into the memory that it had, as a CUDA graph needs it: one copy more
};

/// A learned or constant tensor enters the graph (position embedding, query tokens); no kernel.
struct Parameter {};

/// Sinusoidal embedding of a few scalars (time steps, sizes): a handful of tiny kernels in eager mode.
struct Sinusoid {
    std::int64_t rows = 1, width = 1;
};

using OperatorKind =
    std::variant<Convolution, Linear, Attention, Matmul, Norm, Softmax, Activation, GatedActivation, Rope, Elementwise,
                 Reduction, Cat, Slice, Rearrange, Contiguous, Broadcast, Pad, Upsample, AveragePool, PixelShuffle,
                 Embedding, Gather, Sample, CacheAppend, CacheReorder, Parameter, Sinusoid, Cast>;

/// "conv", "linear", "attention", "group_norm", "silu", "add", "cat" …
[[nodiscard]] std::string_view name_of(const OperatorKind& kind);
[[nodiscard]] std::string_view name_of(ActivationKind kind);
[[nodiscard]] std::string_view name_of(AttentionSpan span);
[[nodiscard]] std::string_view name_of(RopeForm form);

/// Multiply-adds, in the convention of the field: conv and linear weights x positions; attention QKᵀ + PV without
/// causal halving; 0 for everything else.
[[nodiscard]] double macs_of(const OperatorKind& kind);

/// Floating-point operations: 2 a multiply-add; of the rest one for each arithmetic step of each element, whatever it
/// costs on a machine (an exponential counts as one). Moves and look-ups have none.
[[nodiscard]] double flops_of(const OperatorKind& kind, double output_elements);

/// Trainable parameters that the operator's sizes imply (weights, biases, norm scales and shifts, tables).
/// Saturates at 2^62. `Parameter` operators carry theirs as the size of their value.
[[nodiscard]] std::int64_t parameters_of(const OperatorKind& kind);

/// Bytes of a layer's parameters between tensors of `type`: weights, their scales, bias.
[[nodiscard]] double parameter_bytes(const Linear& linear, DataType type);
[[nodiscard]] double parameter_bytes(const Convolution& convolution, DataType type);

}  // namespace cupola
