#pragma once

#include "cupola/stack/lowering.hpp"

namespace cupola {

/// A linear layer with a precision of its own: kernels that quantise its input, the product, and what scales its
/// result. REQUIRES: linear.precision.
void lower_quantised(Lowering& lowering, const Linear& linear);

/// Bytes of the layer's input in the product's type, scales included. REQUIRES: precision.activation.
[[nodiscard]] double quantised_bytes(const Linear& linear);

/// The same of a convolution with a type of its own (`product`), whose scales are known: no bytes for them.
[[nodiscard]] double input_elements(const Convolution& convolution);
[[nodiscard]] double quantised_bytes(const Convolution& convolution);

/// Whether the scales of a linear layer's input can be known when one pass over a row is done, so that a compiler makes
/// the narrow tensor in the kernel that makes the input. No for those of a whole tensor and for kernels of libraries.
[[nodiscard]] bool quantises_with_producer(const Linear& linear);

/// Whether the columns' scales come after the product's kernel: torchao's int8 products.
[[nodiscard]] bool scales_after_product(const Linear& linear);

/// Elements of the layer's input, and bytes of their scales, one a row or one a tensor. REQUIRES: linear.precision.
[[nodiscard]] double input_elements(const Linear& linear);
[[nodiscard]] double scales_of(const Linear& linear);
inline constexpr double scale_width = 4;  ///< bytes of an activation's scale

/// Kernels of torchao without a compiler: the input in the product's type; the int8 product of it, scaled; the layer
/// with narrow weights alone.
void torchao_quantise(Lowering& lowering, const Linear& linear, DataType type, Tensor source, Tensor target);
void torchao_int8_product(Lowering& lowering, const Linear& linear, Tensor input, Tensor weights, Tensor out);
void torchao_weight_only(Lowering& lowering, const Linear& linear, Tensor source, Tensor weights, Tensor out);

inline constexpr PointwiseWork quantise_work{4, 0};  ///< greatest, product, rounding, clamp

}  // namespace cupola
