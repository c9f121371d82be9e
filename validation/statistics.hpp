#pragma once

#include "cupola/units/quantity.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace cupola::validation {

/// (predicted - measured) / measured: 0.1 is 10 % too slow. Throws InputError unless `measured` is above 0 and both are
/// finite.
[[nodiscard]] double relative_error(Seconds predicted, Seconds measured);
/// The same of values in any one unit. REQUIRES: `measured` above 0, both finite.
[[nodiscard]] constexpr double relative_error(double predicted, double measured) {
    return (predicted - measured) / measured;
}

/// What a set of relative errors amounts to; every member 0 for an empty set.
struct ErrorSummary {
    std::size_t rows = 0;
    double mape = 0;    ///< mean |error|
    double median = 0;  ///< of |error|
    double p90 = 0;     ///< 90th percentile of |error|
    double bias = 0;    ///< mean error: above 0 is too slow
    double worst = 0;   ///< largest |error|
};
[[nodiscard]] ErrorSummary summarise(std::span<const double> errors);

/// The value below which the share `q` (0..1) of the sorted values lies, linear between neighbours: at index
/// q (n - 1), as numpy.quantile has it. REQUIRES: sorted, not empty.
[[nodiscard]] double quantile(std::span<const double> sorted, double q);

}  // namespace cupola::validation
