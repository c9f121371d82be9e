#include "cupola/validation/statistics.hpp"

#include "cupola/units/input_error.hpp"
#include "cupola/units/text.hpp"

#include <algorithm>
#include <cmath>

namespace cupola::validation {

double relative_error(Seconds predicted, Seconds measured) {
    if (measured > Seconds(0) && std::isfinite(measured.value()) && std::isfinite(predicted.value())) {
        return relative_error(predicted.value(), measured.value());
    }
    throw InputError({{},
                      "",
                      "a measured time of " + format(measured) + " and a predicted one of " + format(predicted),
                      "finite times, the measured one above 0",
                      ""});
}

double quantile(std::span<const double> sorted, double q) {
    const double at = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

ErrorSummary summarise(std::span<const double> errors) {
    ErrorSummary summary;
    if (errors.empty()) return summary;
    summary.rows = errors.size();
    std::vector<double> sizes;
    sizes.reserve(errors.size());
    for (const double error : errors) {
        sizes.push_back(std::abs(error));
        summary.mape += std::abs(error);
        summary.bias += error;
    }
    std::sort(sizes.begin(), sizes.end());
    summary.mape /= static_cast<double>(errors.size());
    summary.bias /= static_cast<double>(errors.size());
    summary.median = quantile(sizes, 0.5);
    summary.p90 = quantile(sizes, 0.9);
    summary.worst = sizes.back();
    return summary;
}

}  // namespace cupola::validation
