#pragma once

#include "cupola/cost/calibration.hpp"
#include "cupola/kernel/kernel.hpp"
#include "cupola/units/quantity.hpp"

#include <array>
#include <span>

namespace cupola {

/// How far the measured time of a kernel may lie from the predicted one: its 80 % interval, as ratios.
struct Uncertainty {
    double low = 1, high = 1;   ///< measured / predicted, 10 % and 90 % quantile
    double shared = 1;          ///< share of the variance that all kernels of the kind have in common (0..1)
    bool extrapolated = false;  ///< shape or type outside what was measured
    bool uncalibrated = false;  ///< nothing of this kind was measured on this GPU with this library
};

/// Of the class of the kernel's kind, variant and type whose times are nearest; the widest of the kind where the
/// variant or type was never measured. `general` serves where `library` is null or has nothing of the kind, and widens
/// the interval outside of the measured shapes: there the wider of both counts.
[[nodiscard]] Uncertainty uncertainty_of(const Kernel& kernel, Seconds time, const LibraryCalibration* library,
                                         const LibraryCalibration& general);

/// An 80 % interval of a sum of times.
struct Interval {
    Seconds low, high;
    bool operator==(const Interval&) const = default;
};

/// The interval of a sum of kernels. Medians shift it. The shared parts of one kind add up, so that the interval does
/// not vanish when thousands of kernels are summed; kinds, and the independent parts of distinct kernels, add in
/// quadrature:  half² = Σ_kind (Σ √s·h)² + Σ (1 − s)·h²,  h = half the kernel's interval, s = its shared share.
class IntervalSum {
public:
    /// `time` over all launches of one distinct kernel.
    void add(KernelKind kind, Seconds time, const Uncertainty& uncertainty);
    /// A part of its own kind that is wrong by up to `half` either way.
    void add_independent(Seconds time, Seconds half);
    /// Holds the sum of the times, on whichever side of it most measurements lay.
    [[nodiscard]] Interval interval() const;

private:
    double predicted_ = 0, centre_ = 0, independent_squares_ = 0;
    std::array<double, all_kernel_kinds.size()> shared_{};
};

}  // namespace cupola
