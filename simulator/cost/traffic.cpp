#include "cupola/cost/terms.hpp"

namespace cupola::cost_detail {

namespace {

/// Bytes that cross L2 for one byte wanted, in contiguous runs of `run` bytes: whole sectors, 32 ceil(run / 32) / run.
/// Ignores misaligned starts (at most one more sector a run). Source: CUDA C++ programming guide, global memory.
double sector_amplification(double run, double sector) { return run > 0 ? padded(run, sector) / run : 1.0; }

/// Bytes of a tensor still in L2. Walked in the same order as before, each of its bytes has waited for all that was
/// touched since and for the tensor itself: F bytes. All are there while F fits; then sets overflow, and soon none is:
///   share = 1 - (F / U - 1) / width, within 0 and 1.
/// Public measurements: weights that take turns, ai-dynamo/aiconfigurator L40S (all at 0.96, none at 1.09 of 96 MB).
double resident_part(const Operand& operand, double usable_l2, double width) {
    const double footprint = operand.reuse_distance.value() + operand.bytes.value();
    if (footprint <= usable_l2) return operand.bytes.value();
    return operand.bytes.value() * std::max(1 - (footprint / usable_l2 - 1) / width, 0.0);
}

/// The kernel as a reduction of rows, one block a row, or null.
const MemoryWork* row_reduction(const Kernel& kernel) {
    const auto* memory = std::get_if<MemoryWork>(&kernel.work);
    return memory != nullptr && memory->pattern == Pattern::row_reduction ? memory : nullptr;
}

/// Bytes that a later pass over an operand finds in L2. A tensor walked whole from end to end: what the cache holds.
/// One block a row walks its row several times before the next block starts, so only the rows in flight must fit:
/// window = min(rows, threads / threads a row) x row x share. (The GPU's threads are a constant because a GPU with more
/// SMs would otherwise pay for them.)
double repeated_hits(const Kernel& kernel, double bytes, double usable_l2, const CostParameters& parameters) {
    const MemoryWork* reduction = row_reduction(kernel);
    if (reduction == nullptr) return std::min(bytes, usable_l2);
    const double rows = extent_of(reduction->rows);
    const double row_threads = reduction->row_threads > 0 ? static_cast<double>(reduction->row_threads) : 128;
    const double in_flight = std::min(rows, parameters.resident_threads / row_threads);
    return bytes * kept_share(bytes / rows * in_flight * parameters.row_window_share, usable_l2);
}

/// DRAM bytes of one operand. Reads: the part that is not resident, and on every later pass what the cache cannot hold.
/// Writes: all, but only `dirty_share` of what the next reader finds in L2 (its write-back comes later, and part of it
/// never). Not decreasing in bytes and passes, not increasing in the cache's size.
double dram_bytes(const Kernel& kernel, const Operand& operand, double usable_l2, const CostParameters& parameters) {
    const double bytes = operand.bytes.value();
    const double later_passes = std::max(static_cast<double>(operand.passes) - 1.0, 0.0);
    const double first = std::min(static_cast<double>(operand.passes), 1.0);
    const double resident = resident_part(operand, usable_l2, parameters.eviction_width);
    if (operand.access == Access::write) {
        return first * (bytes - (1 - parameters.dirty_share) * resident) + later_passes * bytes;
    }
    return first * (bytes - resident) + later_passes * (bytes - repeated_hits(kernel, bytes, usable_l2, parameters));
}

bool gathers(const Kernel& kernel) {
    const auto* memory = std::get_if<MemoryWork>(&kernel.work);
    return memory != nullptr && memory->pattern == Pattern::gather;
}

}  // namespace

OperandTraffic operand_traffic(const Kernel& kernel, const Machine& machine, const CostParameters& parameters) {
    OperandTraffic traffic;
    const double dram_limit = gathers(kernel) ? std::numeric_limits<double>::infinity() : parameters.sector_dram_limit;
    const MemoryWork* reduction = row_reduction(kernel);
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        const Operand& operand = kernel.operands[i];
        const double amplification =
            sector_amplification(static_cast<double>(operand.run_bytes), parameters.sector_bytes);
        const double moved = operand.bytes.value() * static_cast<double>(operand.passes) * amplification;
        // Every row reads a reduction's parameters, mostly in the L1.
        const bool every_row = reduction != nullptr && operand.access == Access::weight;
        const double readers = every_row ? extent_of(reduction->rows) : 1;
        const double missed = every_row ? 1 - kept_share(operand.bytes.value(), machine.l1) : 0;
        traffic.l1 += moved * readers;
        traffic.l2 += moved * (1 + (readers - 1) * missed);
        traffic.dram +=
            dram_bytes(kernel, operand, machine.usable_l2, parameters) * std::min(amplification, dram_limit);
    }
    return traffic;
}

}  // namespace cupola::cost_detail
