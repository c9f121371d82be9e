#include "cupola/cost/matrix.hpp"

namespace cupola::cost_detail {

namespace {

double product(const std::array<std::int64_t, 3>& values) {
    return extent_of(values[0]) * extent_of(values[1]) * extent_of(values[2]);
}

bool is_pointwise(const ConvolutionWork& work) { return product(work.kernel) == 1 && product(work.stride) == 1; }

/// Whether Winograd's algorithms apply.
bool is_winograd_case(const ConvolutionWork& work) {
    const std::int64_t reach = work.kernel[1];
    const bool square = work.kernel[0] == 1 && work.kernel[2] == reach && (reach == 3 || reach == 5);
    return square && product(work.stride) == 1 && work.groups <= 1;
}

}  // namespace

double least_products_share(const ConvolutionWork& work, DataType type) {
    if (type != DataType::fp32 || !is_winograd_case(work)) return 1;
    constexpr double edge = 4;
    const double reach = extent_of(work.kernel[1]);
    return (edge + reach - 1) * (edge + reach - 1) / (edge * edge * reach * reach);
}

namespace {

/// Channels that the main loop reads for one tap. A plain GEMM pads them to vector loads of 16 bytes (NVIDIA
/// convolution guide). Steps of the main loop do not cross taps otherwise, so each tap takes whole steps (cuDNN 7 on
/// V100: baidu-research/DeepBench; on H100 kernels of depth 32 run 96 channels and of depth 64 the others,
/// AMD-AGI/TraceLens).
double padded_channels(const ConvolutionWork& work, double channels, double element, const CostParameters& parameters) {
    return padded(channels, (is_pointwise(work) ? 16 : parameters.convolution_step_bytes) / element);
}

/// The implicit GEMM: M = batch x output positions, N = output channels, K = taps x padded input channels, one batch
/// entry a group. Each tap costs `convolution_tap_channels` more in address work, except in a 1x1 of stride 1, which
/// is a plain GEMM. Ignores halos (under 10 % of the input's DRAM reads).
MatrixProblem implicit_gemm(const ConvolutionWork& work, const CostParameters& parameters, double element,
                            bool on_matrix_units) {
    const double groups = static_cast<double>(std::max<std::int64_t>(work.groups, 1));
    const double taps = product(work.kernel);
    MatrixProblem problem;
    problem.element = element;
    problem.batch = groups;
    problem.m = extent_of(work.batch) * product(work.output);
    problem.n = extent_of(work.out_channels) / groups;
    const double in_channels = static_cast<double>(work.in_channels) / groups;
    const double channels = on_matrix_units ? padded_channels(work, in_channels, element, parameters) : in_channels;
    problem.k = taps * channels;
    problem.loop_k = problem.k;
    if (!is_pointwise(work)) problem.a_l2_share = std::max(parameters.convolution_l2_share, 1 / taps);
    if (on_matrix_units) {
        problem.split_grid_share = parameters.convolution_split_grid_share;
        problem.regret = parameters.convolution_regret;
        if (!is_pointwise(work)) {
            problem.loop_k = taps * (channels + parameters.convolution_tap_channels);
            problem.efficiency = parameters.convolution_efficiency;
        }
    }
    problem.a_bytes = extent_of(work.batch) * product(work.input) * in_channels * element;
    problem.b_bytes = problem.n * taps * in_channels * element;
    return problem;
}

/// One or few input channels a group leave nothing to a matrix unit: a direct kernel, bound by memory or FP32 lanes.
Terms direct_terms(const MatrixProblem& problem, const Machine& machine, const CostParameters& parameters,
                   double multiply_adds) {
    Terms terms;
    // An FMA, and a load and address work shared by a few neighbours.
    constexpr double instructions_per_product = 2;
    terms.simt = multiply_adds * instructions_per_product / (machine.sms * machine.lanes * machine.simt_clock);
    terms.l2_bytes = problem.first_touch.l2;
    terms.dram_bytes = problem.first_touch.dram;
    terms.l2 = terms.l2_bytes / (machine.l2 * parameters.depthwise_efficiency);
    terms.dram = ramped_dram_time(terms.dram_bytes, machine.dram * parameters.depthwise_efficiency,
                                  machine.dram_latency * parameters.loaded_latency_factor,
                                  machine.sms * parameters.bytes_in_flight_per_sm);
    return terms;
}

}  // namespace

Terms convolution_terms(const ConvolutionWork& work, const Kernel& kernel, const Machine& machine,
                        const CostParameters& parameters) {
    const bool on_matrix_units = machine.matrix_flops_per_clock > 0;
    MatrixProblem problem = implicit_gemm(work, parameters, bytes_per_element(kernel.type), on_matrix_units);
    problem.output_bytes = output_bytes(kernel, problem.batch * problem.m * problem.n * problem.element);
    if (kernel.operand_count == 0) {
        const double bytes = problem.batch * (problem.a_bytes + problem.b_bytes) + problem.output_bytes;
        problem.first_touch = {bytes, bytes};
    } else {
        problem.first_touch = operand_traffic(kernel, machine, parameters);
    }
    Fastest fastest(parameters.overlap_exponent);
    constexpr double few_channels = 4;
    if (static_cast<double>(work.in_channels) <= few_channels * problem.batch && work.groups > 1) {
        fastest.offer(direct_terms(problem, machine, parameters, flops_of(kernel).value() / 2));
    }
    offer_tiles(problem, on_matrix_units ? parameters.convolution_tiles : parameters.convolution_simt_tiles, machine,
                parameters, fastest);
    if (!on_matrix_units && kernel.type == DataType::fp32 && is_winograd_case(work)) {
        offer_winograd(work, problem.first_touch, problem.element, machine, parameters, fastest);
    }
    Terms terms = fastest.terms();
    terms.serial += parameters.convolution_setup_seconds;
    return terms;
}

}  // namespace cupola::cost_detail
