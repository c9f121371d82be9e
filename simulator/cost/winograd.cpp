#include "cupola/cost/matrix.hpp"

namespace cupola::cost_detail {

namespace {

/// Sizes that both algorithms share. A kernel of one frame treats frames as images.
struct Planes {
    double images, height, width;  ///< output
    double in_channels, out_channels;
    double reach;  ///< edge of the kernel: 3 or 5
    double element;
    OperandTraffic first_touch;
};

/// One kernel that streams `bytes` through memory at a share of the bandwidth.
Terms transform_terms(double bytes, double share, const Machine& machine, const CostParameters& parameters) {
    Terms terms;
    terms.l2_bytes = terms.dram_bytes = bytes;
    terms.l2 = bytes / (machine.l2 * share);
    terms.dram = ramped_dram_time(bytes, machine.dram * share, machine.dram_latency * parameters.loaded_latency_factor,
                                  machine.sms * parameters.bytes_in_flight_per_sm);
    terms.serial = machine.slot;
    return terms;
}

/// F(2x2, 3x3) in one kernel after a small one that transforms the filter (9 values become 16). A block multiplies 16
/// matrices of 32 output channels x 32 tiles, channels in steps of 8; the 32 tiles of 2x2 outputs lie 4 x 8 in one
/// image or 4 x 2 in four:
///   t = ceil(blocks / SMs) [16 x 32 x 32 C8 / (lanes eta) + block cycles] / f.
/// Source: grids of cuDNN 8.9's kernels (sitar-lab/NeuSight), which it explains without exception.
Terms fused_terms(const Planes& planes, const Machine& machine, const CostParameters& parameters) {
    constexpr double points = 16, channels = 32, tile_count = 32, channel_step = 8;
    double strips = planes.images * tiles(planes.width, 16);
    const double together = parameters.winograd_block_images;
    if (std::fmod(planes.images, together) == 0) {
        strips = std::min(strips, planes.images / together * tiles(planes.width, 16 / together));
    }
    const double blocks = strips * tiles(planes.height, 8) * tiles(planes.out_channels, channels);
    const double depth = padded(planes.in_channels, channel_step);
    const double products = points * channels * tile_count * depth;
    Terms terms;
    terms.simt = tiles(blocks, machine.sms) *
                 (products / (machine.lanes * parameters.winograd_efficiency) + parameters.winograd_block_cycles) /
                 machine.simt_clock;
    const double patch = (8 + 2) * (16 + 2);  // inputs of 8 x 16 outputs
    terms.l2_bytes =
        std::max(planes.first_touch.l2, blocks * planes.in_channels * (patch + points * channels) * planes.element);
    terms.dram_bytes = planes.first_touch.dram;
    terms.l2 = terms.l2_bytes / machine.l2;
    terms.dram = exposed_dram_time(terms.dram_bytes, parameters.matrix_dram_efficiency, machine, parameters);
    const double filter = (9 + points) * planes.in_channels * planes.out_channels * planes.element;
    return in_sequence(transform_terms(filter, parameters.winograd_transform_efficiency, machine, parameters), terms,
                       parameters.overlap_exponent);
}

/// The products of one point each, M = tiles of all images, N = output channels, K = input channels, by the GEMM
/// library.
Terms products_terms(const Planes& planes, double points, double tile_count, const Machine& machine,
                     const CostParameters& parameters) {
    MatrixProblem problem;
    problem.batch = points;
    problem.m = tile_count;
    problem.n = planes.out_channels;
    problem.k = problem.loop_k = planes.in_channels;
    problem.element = planes.element;
    problem.a_bytes = problem.m * problem.k * problem.element;
    problem.b_bytes = problem.n * problem.k * problem.element;
    problem.output_bytes = problem.batch * problem.m * problem.n * problem.element;
    const double bytes = problem.batch * (problem.a_bytes + problem.b_bytes) + problem.output_bytes;
    problem.first_touch = {bytes, bytes};
    Fastest fastest(parameters.overlap_exponent);
    offer_tiles(problem, parameters.winograd_tiles, machine, parameters, fastest);
    Terms terms = fastest.terms();
    terms.serial += machine.slot;
    return terms;
}

/// Share of bandwidth in the filter's transform, which writes rows of one value an input channel: where these are no
/// whole sectors, a small L2 writes the shared ones twice.
double filter_share(const Planes& planes, const CostParameters& parameters) {
    const bool whole_sectors = std::fmod(planes.in_channels * planes.element, parameters.sector_bytes) == 0;
    return parameters.winograd_filter_efficiency * (whole_sectors ? 1 : parameters.winograd_misaligned_share);
}

/// F(4x4, r x r) in four kernels: filter (r^2 values become (3 + r)^2), input (the points of a tile of 16), products,
/// output. Images come in groups of 16. Source: grids of cuDNN 8.9's kernels for 3x3 (sitar-lab/NeuSight), which it
/// explains without exception.
Terms nonfused_terms(const Planes& planes, const Machine& machine, const CostParameters& parameters) {
    constexpr double edge = 4, image_step = 16;
    const double points = (edge + planes.reach - 1) * (edge + planes.reach - 1);
    const double tile_count =
        padded(planes.images, image_step) * tiles(planes.height, edge) * tiles(planes.width, edge);
    const double outputs = planes.images * planes.height * planes.width;
    const double share = parameters.winograd_transform_efficiency;
    const double filter =
        (planes.reach * planes.reach + points) * planes.in_channels * planes.out_channels * planes.element;
    const double input = (outputs + points * tile_count) * planes.in_channels * planes.element;
    const double output = (outputs + points * tile_count) * planes.out_channels * planes.element;
    Terms terms = transform_terms(filter, filter_share(planes, parameters), machine, parameters);
    terms.serial = 0;  // its slot is the kernel's own
    const auto then = [&](const Terms& next) { terms = in_sequence(terms, next, parameters.overlap_exponent); };
    then(transform_terms(input, share, machine, parameters));
    then(products_terms(planes, points, tile_count, machine, parameters));
    then(transform_terms(output, share, machine, parameters));
    return terms;
}

}  // namespace

void offer_winograd(const ConvolutionWork& work, const OperandTraffic& first_touch, double element,
                    const Machine& machine, const CostParameters& parameters, Fastest& fastest) {
    const Planes planes{extent_of(work.batch) * extent_of(work.output[0]),
                        extent_of(work.output[1]),
                        extent_of(work.output[2]),
                        extent_of(work.in_channels),
                        extent_of(work.out_channels),
                        extent_of(work.kernel[1]),
                        element,
                        first_touch};
    if (planes.reach == 3) fastest.offer(fused_terms(planes, machine, parameters));
    fastest.offer(nonfused_terms(planes, machine, parameters));
}

}  // namespace cupola::cost_detail
