#include "cupola/cost/cost.hpp"
#include "cupola/cost/terms.hpp"

namespace cupola {

namespace cost_detail {

namespace {

double fourth_power(double x) { return (x * x) * (x * x); }

/// (sum x^p)^(1/p) of terms in units of the largest, p = 4 or 8, which need no pow; infinity where it is not below
/// limit.
template <bool eighth>
double norm_below(const Terms& terms, double scale, double limit) {
    const auto power = [](double x) { return eighth ? fourth_power(x) * fourth_power(x) : fourth_power(x); };
    const double sum = power(terms.tensor * scale) + power(terms.simt * scale) + power(terms.mufu * scale) +
                       power(terms.l2 * scale) + power(terms.dram * scale);
    if (limit < infinite_time && sum >= power(limit * scale)) return infinite_time;
    const double root = std::sqrt(std::sqrt(sum));
    return std::max(eighth ? std::sqrt(root) : root, 1.0);
}

}  // namespace

double smooth_max(const Terms& terms, double exponent) { return smooth_max_below(terms, exponent, infinite_time); }

double smooth_max_below(const Terms& terms, double exponent, double limit) {
    const double largest = greatest(terms);
    if (largest <= 0) return 0;
    const double scale = 1 / largest;
    if (exponent == 8) return largest * norm_below<true>(terms, scale, limit);
    if (exponent == 4) return largest * norm_below<false>(terms, scale, limit);
    double sum = 0;
    for (const double term : {terms.tensor, terms.simt, terms.mufu, terms.l2, terms.dram}) {
        sum += std::pow(term * scale, exponent);
    }
    return largest * std::max(std::pow(sum, 1 / exponent), 1.0);
}

Terms in_sequence(const Terms& first, const Terms& second, double exponent) {
    Terms sum;
    sum.tensor = first.tensor + second.tensor;
    sum.simt = first.simt + second.simt;
    sum.mufu = first.mufu + second.mufu;
    sum.l2 = first.l2 + second.l2;
    sum.dram = first.dram + second.dram;
    sum.l2_bytes = first.l2_bytes + second.l2_bytes;
    sum.dram_bytes = first.dram_bytes + second.dram_bytes;
    const double apart = smooth_max(first, exponent) + smooth_max(second, exponent);
    sum.serial = first.serial + second.serial + std::max(apart - smooth_max(sum, exponent), 0.0);
    return sum;
}

double ramped_dram_time(double bytes, double bandwidth, double latency, double in_flight) {
    if (bytes <= 0) return 0;
    const double latency_bound = latency * std::max(1.0, bytes / in_flight);
    const double bandwidth_bound = bytes / bandwidth;
    return std::sqrt(latency_bound * latency_bound + bandwidth_bound * bandwidth_bound);
}

namespace {

Machine machine_of(const Gpu& gpu, DataType type) {
    Machine machine{};
    machine.sms = gpu.sm_count;
    machine.matrix_flops_per_clock = tensor_rate(gpu, type);
    machine.scores_flops_per_clock = machine.values_flops_per_clock = machine.matrix_flops_per_clock;
    machine.matrix_clock = gpu.sustained_tensor_clock.value();
    machine.simt_clock = gpu.sustained_simt_clock.value();
    machine.lanes = gpu.fp32_lanes_per_sm;
    machine.mufu = gpu.mufu_per_clock_per_sm;
    machine.warps = gpu.max_warps_per_sm;
    machine.l1 = gpu.shared_memory_per_sm.value();
    machine.dram = achieved_dram_bandwidth(gpu).value();
    machine.dram_latency = gpu.dram_latency.value();
    machine.l2 = gpu.l2_bandwidth.value();
    machine.usable_l2 = usable_l2(gpu).value();
    machine.l2_capacity = gpu.l2_capacity.value();
    machine.slot = gpu.graph_kernel_slot.value();
    return machine;
}

/// Visits the four kinds of work.
struct TermsOf {
    const Kernel& kernel;
    const Machine& machine;
    const CostParameters& parameters;

    Terms operator()(const GemmWork& work) const { return gemm_terms(work, kernel, machine, parameters); }
    Terms operator()(const ConvolutionWork& work) const { return convolution_terms(work, kernel, machine, parameters); }
    Terms operator()(const AttentionWork& work) const { return attention_terms(work, kernel, machine, parameters); }
    Terms operator()(const MemoryWork& work) const { return memory_terms(work, kernel, machine, parameters); }
};

}  // namespace

}  // namespace cost_detail

std::string_view name_of(Bound bound) {
    switch (bound) {
        case Bound::tensor: return "tensor";
        case Bound::simt: return "simt";
        case Bound::mufu: return "mufu";
        case Bound::l2: return "l2";
        case Bound::dram: return "dram";
        case Bound::launch: return "launch";
    }
    return "";
}

Seconds KernelCost::of(Bound which) const {
    switch (which) {
        case Bound::tensor: return tensor;
        case Bound::simt: return simt;
        case Bound::mufu: return mufu;
        case Bound::l2: return l2;
        case Bound::dram: return dram;
        case Bound::launch: return launch;
    }
    return Seconds(0);
}

KernelCost price(const Kernel& kernel, const Gpu& gpu, const CostParameters& parameters) {
    using namespace cost_detail;
    Machine machine = machine_of(gpu, kernel.type);
    if (const auto* attention = std::get_if<AttentionWork>(&kernel.work)) {
        machine.scores_flops_per_clock = tensor_rate(gpu, attention->scores.value_or(kernel.type));
        machine.values_flops_per_clock = tensor_rate(gpu, attention->values.value_or(kernel.type));
    }
    const Terms terms = std::visit(TermsOf{kernel, machine, parameters}, kernel.work);

    KernelCost cost;
    cost.tensor = Seconds(terms.tensor);
    cost.simt = Seconds(terms.simt);
    cost.mufu = Seconds(terms.mufu);
    cost.l2 = Seconds(terms.l2);
    cost.dram = Seconds(terms.dram);
    cost.launch = Seconds(machine.slot + terms.serial);
    cost.time = cost.launch + Seconds(smooth_max(terms, parameters.overlap_exponent));
    cost.l2_bytes = Bytes(terms.l2_bytes);
    cost.dram_bytes = Bytes(terms.dram_bytes);
    cost.flops = flops_of(kernel);
    for (const Bound bound : all_bounds) {
        if (cost.of(bound) > cost.of(cost.bound)) cost.bound = bound;
    }
    return cost;
}

KernelCost price(const Kernel& kernel, const Gpu& gpu) {
    return price(kernel, gpu, default_parameters(gpu.architecture));
}

}  // namespace cupola
