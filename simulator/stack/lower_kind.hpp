#pragma once

#include "cupola/stack/lowering.hpp"

#include <span>
#include <string_view>

namespace cupola {

// What PyTorch launches for one operator outside a fused group, one overload a kind; `std::visit` over `OperatorKind`
// fails to compile until a new kind has one. Each gives the operator's output its memory and layout.
//
// Copies for the sake of layout have names: `copy.…` and `….contiguous` are calls of their own in PyTorch (`clone` in a
// list of dispatched operators), `….input_layout`, `conv.nchw_to_nhwc` and the like happen inside an operator.

void lower_kind(Lowering& lowering, const Convolution& convolution);

void lower_kind(Lowering& lowering, const Linear& linear);
void lower_kind(Lowering& lowering, const Matmul& matmul);

void lower_kind(Lowering& lowering, const Attention& attention);

void lower_kind(Lowering& lowering, const Norm& norm);
void lower_kind(Lowering& lowering, const Softmax& softmax);
void lower_kind(Lowering& lowering, const Reduction& reduction);

void lower_kind(Lowering& lowering, const Activation& activation);
void lower_kind(Lowering& lowering, const GatedActivation& activation);
void lower_kind(Lowering& lowering, const Rope& rope);
void lower_kind(Lowering& lowering, const Elementwise& elementwise);
void lower_kind(Lowering& lowering, const Sinusoid& sinusoid);
void lower_kind(Lowering& lowering, const Cast& cast);

void lower_kind(Lowering& lowering, const Cat& cat);
void lower_kind(Lowering& lowering, const Slice& slice);
void lower_kind(Lowering& lowering, const Rearrange& rearrange);
void lower_kind(Lowering& lowering, const Contiguous& contiguous);
void lower_kind(Lowering& lowering, const Broadcast& broadcast);
void lower_kind(Lowering& lowering, const Pad& pad);
void lower_kind(Lowering& lowering, const Upsample& upsample);
void lower_kind(Lowering& lowering, const AveragePool& pool);
void lower_kind(Lowering& lowering, const PixelShuffle& shuffle);

void lower_kind(Lowering& lowering, const Embedding& embedding);
void lower_kind(Lowering& lowering, const Gather& gather);
void lower_kind(Lowering& lowering, const Sample& sample);
void lower_kind(Lowering& lowering, const CacheAppend& append);
void lower_kind(Lowering& lowering, const CacheReorder& reorder);
void lower_kind(Lowering& lowering, const Parameter& parameter);

/// A kernel of an expression in several steps: reads `sources`, writes `target`.
void step(Lowering& lowering, std::string_view label, std::span<const Tensor> sources, Tensor target, double elements,
          PointwiseWork work = {1, 0});

/// Per element of the output; shared by single kernels and fused groups.
[[nodiscard]] PointwiseWork pointwise_work(ActivationKind kind);
[[nodiscard]] PointwiseWork pointwise_work(ElementwiseKind kind);
[[nodiscard]] ActivationKind gate_of(const GatedActivation& activation);
inline constexpr PointwiseWork rope_work{6, 0};     ///< two products and a sum, with the rotated half negated
inline constexpr PointwiseWork softmax_work{5, 1};  ///< maximum, subtraction, exponential, sum, division
inline constexpr PointwiseWork layer_norm_work{8, 0};

/// The same in the framework's own kernels (ATen native/cuda/SoftMax.cu, PersistentSoftmax.cuh, layer_norm_kernel.cu).
[[nodiscard]] PointwiseWork library_softmax_work(const KernelCode& code, std::int64_t width, DataType type);
[[nodiscard]] inline PointwiseWork library_layer_norm_work(const KernelCode& code) {
    PointwiseWork work = layer_norm_work;
    work.clocks = code.layer_norm_element;
    work.row_clocks = code.layer_norm_row;
    work.row_threads = 128;
    return work;
}

/// A tensor whose fastest axis is its last one, as fused attention needs it: other axes may be strided.
[[nodiscard]] bool has_fast_last_axis(const Shape& shape, const Layout& layout);

}  // namespace cupola
