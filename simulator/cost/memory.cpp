#include "cupola/cost/terms.hpp"

#include <span>

namespace cupola::cost_detail {

namespace {

/// Time until the busiest SM has streamed its rows, where rows are too few to load the memory system:
/// ceil(rows / SMs) x row bytes / link of one SM. Public measurements: one SM of an H100 reads 67 GB/s.
double row_limited_time(double rows, double bytes, const Machine& machine, const CostParameters& parameters) {
    return tiles(rows, machine.sms) * bytes / rows / (parameters.sm_link_bytes_per_clock * machine.simt_clock);
}

/// PyTorch's moments kernel: one block a row, scalar loads, a running mean with a division for each element.
/// t = ceil(rows / (SMs x blocks an SM)) x elements a row / (elements per clock x f).
/// Source: pytorch aten/src/ATen/native/cuda/group_norm_kernel.cu (one block of 512 threads a group).
double block_limited_time(double rows, double elements, const Machine& machine, const CostParameters& parameters) {
    return tiles(rows, machine.sms * parameters.statistics_resident) * elements / rows /
           (parameters.statistics_elements_per_clock * machine.simt_clock);
}

/// Time of the library's own code where it is what bounds a kernel: SM clocks an element and a row, over all SMs.
///   t = (elements x c_element + rows x c_row) x w / (SMs x f); the constants are the stack's (hwmodels/stacks).
/// Threads that wait for each other in reductions leave the schedulers idle, so fewer resident warps take longer:
/// w = 64 / warps. Index arithmetic keeps the four schedulers of every architecture busy: w = 1.
double code_time(const MemoryWork& work, double elements, double rows, const Machine& machine) {
    const double clocks =
        elements * static_cast<double>(work.sm_clocks_per_element) + rows * static_cast<double>(work.sm_clocks_per_row);
    const double waiting = work.sm_clocks_per_row > 0 ? 64 / machine.warps : 1;
    return clocks * waiting / (machine.sms * machine.simt_clock);
}

/// Code that nothing hides at a kernel's start: the first blocks of all SMs load, reduce and store in step, so that
/// memory waits for arithmetic and the other way round, until they have drifted apart. With T = code_time / rows for
/// one row and R = 64 x 32 / row_threads such rows in an SM: min(code_time, waves x R x T of one SM alone).
/// Public measurements: sitar-lab/NeuSight layer norms and softmaxes of 4,000 to 16,000 rows.
double start_time(const MemoryWork& work, double code, double rows, const Machine& machine,
                  const CostParameters& parameters) {
    if (work.row_threads <= 0) return 0;
    const double resident = machine.warps * 32 / static_cast<double>(work.row_threads);
    return std::min(code, parameters.row_start_waves * resident * (code / rows) * machine.sms);
}

/// Mean latency of a load from a set of `bytes` that a single thread walks at random, again and again:
///   L1 + (1 - share in L1) (L2 - L1) + (1 - share in L2) (DRAM - L2).
/// Data far from an SM still lie in the whole L2, not in its usable part only; 0.75 of it, as replacement is not
/// perfect. Public measurements: RRZE-HPC/gpu-benches gpu-latency.
double load_latency(double bytes, const Machine& machine, const CostParameters& parameters) {
    constexpr double random_share = 0.75;
    const double l1 = parameters.l1_latency_clocks / machine.simt_clock;
    const double l2 = std::max(parameters.l2_latency_clocks / machine.simt_clock, l1);
    const double dram = std::max(machine.dram_latency, l2);
    return l1 + (1 - kept_share(bytes, machine.l1)) * (l2 - l1) +
           (1 - kept_share(bytes, machine.l2_capacity * random_share)) * (dram - l2);
}

/// A thread's round trip to memory in pointer chases: a load waits for others, a store is posted, and of one that
/// follows a load half shows. Public measurements: RRZE-HPC/gpu-benches gpu-stream with few threads.
double round_trip(const Kernel& kernel, const CostParameters& parameters) {
    const auto operands = std::span(kernel.operands).first(kernel.operand_count);
    const auto writes = [](const Operand& operand) { return operand.access == Access::write; };
    if (std::all_of(operands.begin(), operands.end(), writes)) return parameters.posted_latency_factor;
    const bool stores = std::any_of(operands.begin(), operands.end(), writes);
    return parameters.loaded_latency_factor + (stores ? parameters.posted_latency_factor / 2 : 0);
}

/// DRAM time by Little's law: the threads' bytes in flight come back after a loaded round trip, and the first after the
/// plain latency.
double dram_time(const MemoryWork& work, const Kernel& kernel, double bytes, double bandwidth, const Machine& machine,
                 const CostParameters& parameters) {
    const double in_flight =
        work.in_flight_per_sm > 0 ? static_cast<double>(work.in_flight_per_sm) : parameters.bytes_in_flight_per_sm;
    return ramped_dram_time(bytes, bandwidth, machine.dram_latency,
                            machine.sms * in_flight / round_trip(kernel, parameters));
}

}  // namespace

Terms memory_terms(const MemoryWork& work, const Kernel& kernel, const Machine& machine,
                   const CostParameters& parameters) {
    const PatternEfficiency& pattern = parameters.patterns[static_cast<std::size_t>(work.pattern)];
    const double elements = static_cast<double>(work.elements);
    const double rows = static_cast<double>(std::max<std::int64_t>(work.rows, 1));
    const OperandTraffic traffic = operand_traffic(kernel, machine, parameters);

    Terms terms;
    terms.l2_bytes = traffic.l2;
    terms.dram_bytes = traffic.dram;
    terms.l2 = terms.l2_bytes / (machine.l2 * pattern.bandwidth);
    terms.dram = dram_time(work, kernel, terms.dram_bytes, machine.dram * pattern.bandwidth, machine, parameters);
    terms.simt = elements * (static_cast<double>(work.flops_per_element) + pattern.instructions_per_element) /
                 (machine.sms * machine.lanes * machine.simt_clock);
    const double code = code_time(work, elements, rows, machine);
    const double l1 = traffic.l1 / (parameters.l1_bytes_per_clock * machine.sms * machine.simt_clock);
    terms.simt = std::max({terms.simt, code, l1});
    terms.mufu =
        elements * static_cast<double>(work.mufu_per_element) / (machine.sms * machine.mufu * machine.simt_clock);
    if (work.pattern == Pattern::chase && kernel.operand_count > 0) {
        terms.serial = elements * load_latency(kernel.operands[0].bytes.value(), machine, parameters);
    }
    if (work.pattern == Pattern::row_reduction) {
        terms.serial = start_time(work, code, rows, machine, parameters);
        terms.l2 = std::max(terms.l2, row_limited_time(rows, terms.l2_bytes, machine, parameters));
    }
    if (work.pattern == Pattern::block_reduction) {
        terms.simt = std::max(terms.simt, block_limited_time(rows, elements, machine, parameters));
    }
    return terms;
}

}  // namespace cupola::cost_detail
