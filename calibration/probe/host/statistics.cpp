#include "probe/host/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cupola::probe {

double quantile(std::vector<double> samples, double fraction) {
    if (samples.empty()) return 0;
    std::sort(samples.begin(), samples.end());
    const double position = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    return samples[below] + (position - static_cast<double>(below)) * (samples[above] - samples[below]);
}

Summary summarise(const std::vector<double>& samples) {
    return {quantile(samples, 0.5), quantile(samples, 0), quantile(samples, 0.9), samples.size()};
}

double relative_uncertainty(const std::vector<double>& samples) {
    if (samples.size() < 5) return std::numeric_limits<double>::infinity();
    const double reach = 0.98 / std::sqrt(static_cast<double>(samples.size()));
    const double width = quantile(samples, 0.5 + reach) - quantile(samples, 0.5 - reach);
    const double median = quantile(samples, 0.5);
    return median > 0 ? width / 2 / median : std::numeric_limits<double>::infinity();
}

bool enough(const std::vector<double>& samples, double spent, const Repetition& rule) {
    if (samples.size() < rule.at_least) return false;
    return samples.size() >= rule.at_most || spent >= rule.seconds || relative_uncertainty(samples) <= rule.uncertainty;
}

}  // namespace cupola::probe
