#pragma once

#include "cupola/cost/cost.hpp"
#include "cupola/cost/parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

// Inside of the cost room: what the four kernel models share. Plain doubles in SI units.
namespace cupola::cost_detail {

/// The GPU as the formulas need it: rates of the whole device and of one SM.
struct Machine {
    double sms;
    double matrix_flops_per_clock;  ///< one SM, the kernel's type; 0 without an instruction for it
    double scores_flops_per_clock, values_flops_per_clock;  ///< the same in the two products of attention
    double matrix_clock, simt_clock;
    double lanes, mufu;  ///< a clock, one SM
    double warps;        ///< that fill one SM
    double l1;           ///< bytes, one SM
    double dram;         ///< achieved bytes/s
    double dram_latency;
    double l2;  ///< bytes/s
    double usable_l2;
    double l2_capacity;
    double slot;  ///< fixed part of a kernel, s
};

/// Bounds of one way to run a kernel, s, and its traffic, bytes. `serial` overlaps with nothing.
struct Terms {
    double tensor = 0, simt = 0, mufu = 0, l2 = 0, dram = 0, serial = 0;
    double l2_bytes = 0, dram_bytes = 0;
};

[[nodiscard]] inline double greatest(const Terms& t) { return std::max({t.tensor, t.simt, t.mufu, t.l2, t.dram}); }

/// (sum x^p)^(1/p) over the five overlapping bounds: the greatest one, plus at most 22 % (p = 8) where all five tie and
/// 9 % where two do, which is what real kernels lose there. Never below any bound, and increasing in each.
[[nodiscard]] double smooth_max(const Terms& terms, double exponent);

/// Kernels that run one after the other: bounds, traffic and times add up. What the smooth maximum of the summed bounds
/// leaves out (it is a norm, so never negative) becomes serial.
[[nodiscard]] Terms in_sequence(const Terms& first, const Terms& second, double exponent);

inline constexpr double infinite_time = std::numeric_limits<double>::infinity();

/// The same, or infinity without taking roots where it is seen not to be below `limit`.
[[nodiscard]] double smooth_max_below(const Terms& terms, double exponent, double limit);

/// Keeps the fastest of the candidates offered to it.
/// The minimum over a set of candidates grows with work if each candidate does and the set does not widen.
class Fastest {
public:
    explicit Fastest(double exponent) : exponent_(exponent) {}
    /// Whether a candidate loses by the terms known so far (more terms only add to it).
    [[nodiscard]] bool beats(const Terms& terms) const { return greatest(terms) + terms.serial >= time_; }
    void offer(const Terms& terms) {
        if (beats(terms)) return;
        const double time = smooth_max_below(terms, exponent_, time_ - terms.serial) + terms.serial;
        if (time >= time_) return;
        time_ = time;
        terms_ = terms;
    }
    [[nodiscard]] const Terms& terms() const { return terms_; }

private:
    double exponent_;
    double time_ = infinite_time;
    Terms terms_;
};

/// An extent for the formulas; an empty dimension counts as one.
[[nodiscard]] inline double extent_of(std::int64_t value) {
    return static_cast<double>(std::max<std::int64_t>(value, 1));
}

/// Number of tiles of `size` that cover `extent` (both positive, quotient below 2^62). Where the compiler may not
/// assume SSE 4.1, std::ceil is a call, and the tile search is made of these.
[[nodiscard]] inline double tiles(double extent, double size) {
    const double quotient = extent / size;
    const auto whole = static_cast<double>(static_cast<std::int64_t>(quotient));
    return whole < quotient ? whole + 1 : whole;
}

/// `extent` rounded up to a multiple of `size`.
[[nodiscard]] inline double padded(double extent, double size) { return tiles(extent, size) * size; }

/// Time of the busiest SM in units of one block's share of a full SM: ceil(blocks / sms), and `alone` instead of 1 for
/// a last wave that leaves one block on it. Wave quantisation; not decreasing in blocks, not increasing in SMs, for
/// alone <= 2 (then x + alone - 1 <= x + 1).
[[nodiscard]] inline double busiest_sm(double blocks, double sms, double resident, double alone) {
    const double each = tiles(blocks, sms);
    if (resident < 2 || alone <= 1) return each;
    const double last = each - resident * (tiles(each, resident) - 1);  // 1 .. resident
    return last == 1 ? each + std::min(alone, 2.0) - 1 : each;
}

/// DRAM time of `bytes` of which at most `in_flight` are requested at once (Little's law): latency-bound below
/// b x latency, bandwidth-bound above, smoothly between: [(latency max(1, V / in_flight))^2 + (V / b)^2]^(1/2).
/// Not decreasing in bytes, not increasing in b and in_flight. Public measurements: RRZE-HPC/gpu-benches, gpu-stream.
[[nodiscard]] double ramped_dram_time(double bytes, double bandwidth, double latency, double in_flight);

/// DRAM time of a kernel of few long reads at a share of the streaming bandwidth: V / b and an exposed ramp and tail,
/// at most half as long as the transfer itself. Public measurements: ai-dynamo/aiconfigurator GEMMs with few rows on
/// A100 and H100, cold weights.
[[nodiscard]] inline double exposed_dram_time(double bytes, double efficiency, const Machine& machine,
                                              const CostParameters& parameters) {
    const double transfer = bytes / (machine.dram * efficiency);
    return transfer + std::min(0.5 * transfer, parameters.exposed_memory_seconds);
}

/// Bytes that all operands move, first touches judged by their reuse distance.
struct OperandTraffic {
    double l2 = 0;    ///< every pass, whole sectors; parameters that every row reads: what misses the L1
    double dram = 0;  ///< misses of the first touch and of later passes, writes
    double l1 = 0;    ///< what threads load and store
};
[[nodiscard]] OperandTraffic operand_traffic(const Kernel& kernel, const Machine& machine,
                                             const CostParameters& parameters);

/// Share of a set of `window` bytes, visited again and again, that a cache of `capacity` bytes keeps: one while it
/// fits, none when it is much larger, 1 / (1 + (window / capacity)^6). Least recently used would drop at once from one
/// to none; replacement in hardware and two-part caches blur that. Public measurements: sitar-lab/NeuSight layer norms
/// against row length on V100, A100, T4. Not decreasing in capacity, not increasing in window.
[[nodiscard]] inline double kept_share(double window, double capacity) {
    const double ratio = capacity > 0 ? window / capacity : infinite_time;
    const double cube = ratio * ratio * ratio;
    return 1 / (1 + cube * cube);
}

// The models, one file each.
[[nodiscard]] Terms gemm_terms(const GemmWork& work, const Kernel& kernel, const Machine& machine,
                               const CostParameters& parameters);
[[nodiscard]] Terms convolution_terms(const ConvolutionWork& work, const Kernel& kernel, const Machine& machine,
                                      const CostParameters& parameters);
[[nodiscard]] Terms attention_terms(const AttentionWork& work, const Kernel& kernel, const Machine& machine,
                                    const CostParameters& parameters);
[[nodiscard]] Terms memory_terms(const MemoryWork& work, const Kernel& kernel, const Machine& machine,
                                 const CostParameters& parameters);

}  // namespace cupola::cost_detail
