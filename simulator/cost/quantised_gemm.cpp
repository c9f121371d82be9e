#include "cupola/cost/quantised_gemm.hpp"

namespace cupola::cost_detail {

namespace {

/// Depth of k over which a block-scaled product sums before it scales.
constexpr double scale_block = 128;
/// Columns of the output that one block of a matrix-vector kernel computes.
constexpr double gemv_columns = 8;
/// Such blocks that share an SM: 128 threads each.
constexpr double gemv_resident = 12;

}  // namespace

const GemmTiles& kernels_for(const GemmWork& work, DataType type, const CostParameters& parameters) {
    if (work.block_scaled) return parameters.block_scaled_tiles;
    if (work.weight) return parameters.weight_only_tiles;
    if (type == DataType::int8) return parameters.int8_tiles;
    return type == DataType::fp8 ? parameters.fp8_tiles : parameters.tensor_tiles;
}

void quantise(const GemmWork& work, DataType type, const Machine& machine, const CostParameters& parameters,
              MatrixProblem& problem) {
    const double lane_second = 1 / (machine.lanes * machine.simt_clock);
    if (work.weight) {
        problem.b_element = bytes_per_element(*work.weight);
        problem.b_conversion_seconds = parameters.dequantise_instructions / problem.b_element * lane_second;
        problem.split_step_seconds = parameters.weight_only_split_seconds;
        problem.split_grid_share = parameters.weight_only_split_grid_share;
    }
    if (work.block_scaled) {
        problem.d_conversion_seconds = parameters.rescale_instructions / scale_block * lane_second;
        problem.padding_seconds =
            problem.element * parameters.padding_clocks_per_byte / (machine.sms * machine.simt_clock);
    }
    if (work.generated && type == DataType::int8) problem.regret /= parameters.generated_int8_efficiency;
    if (work.block_scaled || type == DataType::int8) problem.split_grid_share = 0;
}

void offer_quantised_gemv(const GemmWork& work, DataType type, const MatrixProblem& problem, const Machine& machine,
                          const CostParameters& parameters, Fastest& fastest) {
    const bool int8 = type == DataType::int8;
    if ((!work.weight && !int8) || problem.m > parameters.quantised_gemv_rows) return;
    const double clocks = int8 ? parameters.int8_gemv_clocks : parameters.weight_only_gemv_clocks;
    const double waves = tiles(problem.batch * problem.n / gemv_columns, machine.sms * gemv_resident);
    Terms terms;
    terms.l2_bytes = problem.first_touch.l2;
    terms.dram_bytes = problem.first_touch.dram;
    terms.simt = waves * problem.k * clocks / machine.simt_clock;
    terms.l2 = terms.l2_bytes / machine.l2;
    terms.dram = terms.dram_bytes / (machine.dram * parameters.matrix_dram_efficiency);
    terms.serial = parameters.gemv_prologue_cycles / machine.simt_clock;
    fastest.offer(terms);
}

}  // namespace cupola::cost_detail
