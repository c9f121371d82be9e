#include "cupola/cost/quantised_gemm.hpp"

namespace cupola::cost_detail {

namespace {

/// Share of the matrix rate that rows of `length` elements allow: vector loads need 16-byte rows.
/// Public measurements: stas00/ml-engineering, H100, d_ff 10922 at 0.68 of 10944; odd lengths estimated.
double alignment_efficiency(double length, double element, const CostParameters& parameters) {
    if (std::fmod(length * element, 16.0) == 0) return 1;
    return std::fmod(length, 2.0) == 0 ? parameters.misaligned_even_efficiency : parameters.misaligned_odd_efficiency;
}

/// Operand traffic, or that of A, B and D once each where the kernel names no operands.
OperandTraffic traffic_or_compulsory(const Kernel& kernel, double dimension_bytes, const Machine& machine,
                                     const CostParameters& parameters) {
    if (kernel.operand_count == 0) return {dimension_bytes, dimension_bytes};
    return operand_traffic(kernel, machine, parameters);
}

/// A matrix-vector kernel: every element of the matrix is read once, by FP32 lanes, at nearly streaming bandwidth.
/// Source: PrincetonUniversity/LLMCompass special-cases m = 1 likewise; valid up to `gemv_rows` rows.
Terms gemv_terms(const MatrixProblem& problem, const Machine& machine, const CostParameters& parameters) {
    Terms terms;
    const double products = problem.batch * problem.m * problem.n * problem.k;
    terms.simt =
        products * parameters.gemv_instructions_per_product / (machine.sms * machine.lanes * machine.simt_clock);
    terms.l2_bytes = problem.first_touch.l2;
    terms.dram_bytes = problem.first_touch.dram;
    terms.l2 = terms.l2_bytes / machine.l2;
    terms.dram = terms.dram_bytes / (machine.dram * parameters.matrix_dram_efficiency);
    terms.serial = parameters.gemv_prologue_cycles / machine.simt_clock;
    return terms;
}

/// The SM as integer lanes see it: 64 of them (CUDA C++ programming guide, throughput of integer multiply-adds, 7.0 to
/// 9.0), each of which multiplies and adds four pairs of bytes a clock.
Machine with_integer_lanes(Machine machine) {
    machine.matrix_flops_per_clock = 0;
    machine.lanes = 64 * 4;
    return machine;
}

Terms product_terms(const GemmWork& work, const Kernel& kernel, const Machine& machine,
                    const CostParameters& parameters) {
    MatrixProblem problem;
    problem.batch = extent_of(work.batch);
    problem.m = extent_of(work.m);
    problem.n = extent_of(work.n);
    problem.k = problem.loop_k = extent_of(work.k);
    problem.element = bytes_per_element(kernel.type);
    problem.a_bytes = problem.m * problem.k * problem.element;
    problem.b_bytes = problem.n * problem.k * bytes_per_element(work.weight.value_or(kernel.type));
    problem.output_bytes = output_bytes(kernel, problem.batch * problem.m * problem.n * problem.element);
    problem.first_touch = traffic_or_compulsory(
        kernel, problem.batch * (problem.a_bytes + problem.b_bytes) + problem.output_bytes, machine, parameters);
    problem.regret = work.batch > 1 ? parameters.batched_regret : 1;
    problem.split_grid_share = parameters.split_grid_share;
    quantise(work, kernel.type, machine, parameters, problem);

    const bool on_matrix_units = machine.matrix_flops_per_clock > 0;
    const GemmTiles& table = on_matrix_units ? kernels_for(work, kernel.type, parameters) : parameters.simt_tiles;
    if (on_matrix_units) {
        problem.efficiency = std::min(alignment_efficiency(problem.k, problem.element, parameters),
                                      alignment_efficiency(problem.n, problem.element, parameters));
    }
    // No more than what the sum of all kernels' bounds is taken with, or the fastest candidate would be another there.
    const double exponent = std::min(table.overlap_exponent, parameters.overlap_exponent);
    Fastest fastest(exponent);
    // On matrix units tiles of few rows do as well.
    if (!on_matrix_units && std::min(problem.m, problem.n) <= parameters.gemv_rows) {
        fastest.offer(gemv_terms(problem, machine, parameters));
    }
    offer_quantised_gemv(work, kernel.type, problem, machine, parameters, fastest);
    offer_tiles(problem, table, machine, parameters, fastest);
    Terms terms = fastest.terms();
    // What its bounds disturb each other more than those of other kernels do counts as serial.
    terms.serial += smooth_max(terms, exponent) - smooth_max(terms, parameters.overlap_exponent);
    return terms;
}

}  // namespace

Terms gemm_terms(const GemmWork& work, const Kernel& kernel, const Machine& machine, const CostParameters& parameters) {
    return product_terms(work, kernel, work.integer_lanes ? with_integer_lanes(machine) : machine, parameters);
}

}  // namespace cupola::cost_detail
