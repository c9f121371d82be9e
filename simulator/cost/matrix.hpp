#pragma once

#include "cupola/cost/terms.hpp"

namespace cupola::cost_detail {

/// A (batched) matrix product, as GEMM and implicit-GEMM convolution put it to the tile search.
struct MatrixProblem {
    double batch = 1, m = 1, n = 1;
    double k = 1;                     ///< reduction length, channel padding included
    double loop_k = 1;                ///< k plus main-loop overhead in elements of k (k for a plain GEMM)
    double element = 2;               ///< bytes of an element of A, and of B unless `b_element` says otherwise
    double b_element = 0;             ///< bytes of an element of B in memory; 0: as A's
    double b_conversion_seconds = 0;  ///< of one SM's FP32 lanes for an element of B in a tile
    double d_conversion_seconds = 0;  ///< the same for an element of D in a tile and a unit of k
    double padding_seconds = 0;       ///< that a row beyond M costs every column of tiles and unit of k
    double efficiency = 1;            ///< multiplies the tile's: alignment, address work
    double regret = 1;                ///< multiplies the matrix time: library's choice against the best
    double a_bytes = 0, b_bytes = 0;  ///< unique bytes of one batch entry of A and B, for DRAM re-reads
    double a_l2_share = 1;            ///< of the reads of A that reach L2
    double output_bytes = 0;          ///< all of D
    double split_grid_share = 0;  ///< of the blocks resident at once that split-K kernels may fill; 0: no such kernels
    double split_step_seconds = 0;  ///< parts of K reduced one after the other: for each but the first; 0: at once
    OperandTraffic first_touch;     ///< of all operands
};

/// Bytes of D: of what the kernel writes, or `dimension_bytes` where it names no operands.
[[nodiscard]] double output_bytes(const Kernel& kernel, double dimension_bytes);

/// Offers every tile of `table`, with and without split K, to `fastest`. Without a matrix instruction for the type the
/// kernels run on FP32 lanes; the caller passes their table then.
void offer_tiles(const MatrixProblem& problem, const GemmTiles& table, const Machine& machine,
                 const CostParameters& parameters, Fastest& fastest);

/// Offers cuDNN's Winograd algorithms for 3x3 and 5x5 kernels of stride 1 on FP32 lanes to `fastest`.
void offer_winograd(const ConvolutionWork& work, const OperandTraffic& first_touch, double element,
                    const Machine& machine, const CostParameters& parameters, Fastest& fastest);

/// Multiplications that the algorithm with the fewest takes, as a share of the direct ones: Winograd's F(4x4, r x r)
/// for fp32, (3 + r)^2 for 16 outputs of r^2 each; else 1.
[[nodiscard]] double least_products_share(const ConvolutionWork& work, DataType type);

}  // namespace cupola::cost_detail
