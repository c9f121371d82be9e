#pragma once

#include "cupola/cost/matrix.hpp"

namespace cupola::cost_detail {

/// The kernels that serve a product: the library's for weights in a narrower type, for block scales, for int8, or plain
/// ones.
[[nodiscard]] const GemmTiles& kernels_for(const GemmWork& work, DataType type, const CostParameters& parameters);

/// Adds to a plain product what narrow weights and block scales change: bytes of B, work on the FP32 lanes, how the
/// library splits K.
void quantise(const GemmWork& work, DataType type, const Machine& machine, const CostParameters& parameters,
              MatrixProblem& problem);

/// Offers the matrix-vector kernel that libraries of quantised weights have for few rows.
void offer_quantised_gemv(const GemmWork& work, DataType type, const MatrixProblem& problem, const Machine& machine,
                          const CostParameters& parameters, Fastest& fastest);

/// Defaults of what this file reads. Literature and public measurements, see README.md.
void set_quantised_parameters(Architecture architecture, CostParameters& parameters);

}  // namespace cupola::cost_detail
