#include "cupola/numerics/deviation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace cupola::numerics {

double wasserstein_distance(std::span<const double> a, std::span<const double> b) {
    std::vector<double> left(a.begin(), a.end()), right(b.begin(), b.end());
    std::sort(left.begin(), left.end());
    std::sort(right.begin(), right.end());
    double sum = 0;
    for (std::size_t i = 0; i < left.size(); ++i) sum += std::abs(left[i] - right[i]);
    return sum / static_cast<double>(left.size());
}

Deviation deviation(std::span<const double> a, std::span<const double> b) {
    Deviation result;
    double squares = 0, reference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = a[i] - b[i];
        if (!std::isfinite(difference)) {
            constexpr double nan = std::numeric_limits<double>::quiet_NaN();
            return {nan, nan, nan};
        }
        result.largest = std::max(result.largest, std::abs(difference));
        squares += difference * difference;
        reference += b[i] * b[i];
    }
    result.relative_l2 = squares > 0 ? std::sqrt(squares / reference) : 0;
    result.wasserstein = wasserstein_distance(a, b);
    return result;
}

}  // namespace cupola::numerics
