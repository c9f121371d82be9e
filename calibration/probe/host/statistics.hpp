#pragma once

#include <cstddef>
#include <vector>

namespace cupola::probe {

/// What a set of repetitions comes to, in the unit of the samples.
struct Summary {
    double median = 0;
    double minimum = 0;
    double p90 = 0;
    std::size_t repetitions = 0;
};

/// Linear interpolation between order statistics, `fraction` in 0 to 1; 0 for no samples.
double quantile(std::vector<double> samples, double fraction);

Summary summarise(const std::vector<double>& samples);

/// Half the width of a 95 % confidence interval of the median, relative to it: 0.98 sqrt(n) order statistics to each
/// side. Infinite below 5 samples.
double relative_uncertainty(const std::vector<double>& samples);

/// When to stop repeating.
struct Repetition {
    std::size_t at_least = 7;
    std::size_t at_most = 200;
    double seconds = 0.08;       ///< spent on one case, unless it is not yet repeated `at_least` times
    double uncertainty = 0.005;  ///< relative; reached: stop
};

/// Whether `samples`, which took `spent` seconds to collect, are enough.
bool enough(const std::vector<double>& samples, double spent, const Repetition& rule);

}  // namespace cupola::probe
