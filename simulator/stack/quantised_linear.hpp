#pragma once

#include "cupola/stack/lowering.hpp"

namespace cupola {

/// A linear layer with a precision of its own: kernels that quantise its input, the product, and what scales its
/// result. REQUIRES: linear.precision.
void lower_quantised(Lowering& lowering, const Linear& linear);

/// Bytes of the layer's input in the product's type, scales included. REQUIRES: precision.activation.
[[nodiscard]] double quantised_bytes(const Linear& linear);

/// Whether the scales of a linear layer's input can be known when one pass over a row is done, so that a compiler makes
/// the narrow tensor in the kernel that makes the input. No for those of a whole tensor and for kernels of libraries.
[[nodiscard]] bool quantises_with_producer(const Linear& linear);

/// Whether the columns' scales come after the product's kernel: torchao's int8 products.
[[nodiscard]] bool scales_after_product(const Linear& linear);

inline constexpr PointwiseWork quantise_work{4, 0};  ///< greatest, product, rounding, clamp

}  // namespace cupola
