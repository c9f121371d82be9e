#pragma once

#include <span>

namespace cupola::numerics {

/// How far one output lies from another; every member NaN where a number of either is not finite.
struct Deviation {
    double largest = 0;      ///< max |a - b|
    double relative_l2 = 0;  ///< ‖a - b‖₂ / ‖b‖₂
    double wasserstein = 0;  ///< W₁ between the two sets of numbers, wherever in the output they stand
};
/// REQUIRES: as many numbers on both sides, at least one.
[[nodiscard]] Deviation deviation(std::span<const double> a, std::span<const double> b);

/// The 1-D Wasserstein distance of two sets of equally many numbers: the mean |a_i - b_i| of both sorted.
[[nodiscard]] double wasserstein_distance(std::span<const double> a, std::span<const double> b);

}  // namespace cupola::numerics
