#pragma once

#include "cupola/cost/parameters.hpp"
#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel.hpp"
#include "cupola/units/quantity.hpp"

#include <array>
#include <string_view>

namespace cupola {

/// The resources that can bound a kernel.
enum class Bound { tensor, simt, mufu, l2, dram, launch };
inline constexpr std::array<Bound, 6> all_bounds{Bound::tensor, Bound::simt, Bound::mufu,
                                                 Bound::l2,     Bound::dram, Bound::launch};
[[nodiscard]] std::string_view name_of(Bound bound);

/// What one kernel takes on one GPU, with every term kept.
struct KernelCost {
    Seconds time;    ///< GPU busy time, including the fixed part `launch`
    Seconds tensor;  ///< matrix units, quantisation of tiles and waves included
    Seconds simt;    ///< FP32 lanes
    Seconds mufu;    ///< special-function units
    Seconds l2;      ///< L2 traffic
    Seconds dram;    ///< DRAM traffic (few-block and latency limits included)
    Seconds launch;  ///< fixed start and drain of a kernel, and serial work that nothing overlaps
    Bytes l2_bytes;
    Bytes dram_bytes;
    Flops flops;                  ///< useful operations, padding not counted
    Bound bound = Bound::launch;  ///< the largest of the terms

    [[nodiscard]] Seconds of(Bound which) const;
};

/// Time and traffic of one kernel alone on a GPU.
/// time = launch + smooth_max(tensor, simt, mufu, l2, dram); see README.md for the terms and what is not modelled.
[[nodiscard]] KernelCost price(const Kernel& kernel, const Gpu& gpu, const CostParameters& parameters);

/// Its roofline: useful work at the sustained peak of the units that do it, or DRAM traffic at the achieved bandwidth,
/// whichever takes longer. Each operand crosses DRAM once, or not at all as far as it is still in L2; no quantisation,
/// no latency, no start (Williams, Waterman, Patterson 2009).
[[nodiscard]] KernelCost roofline(const Kernel& kernel, const Gpu& gpu);

/// Same with the defaults of the GPU's architecture.
[[nodiscard]] KernelCost price(const Kernel& kernel, const Gpu& gpu);

}  // namespace cupola
