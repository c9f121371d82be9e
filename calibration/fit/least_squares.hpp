#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace cupola::fit {

/// A bounded nonlinear least-squares problem on residuals that are rough to second order: minima over discrete choices.
struct LeastSquares {
    std::vector<double> low, high;  ///< of each unknown
    std::size_t residual_count = 0;
    /// Fills the residuals at x; same x, same residuals.
    std::function<void(const std::vector<double>& x, std::vector<double>& residuals)> residuals;

    [[nodiscard]] std::size_t unknowns() const { return low.size(); }
};

struct LeastSquaresOptions {
    double difference = 0.01;  ///< step of a derivative, share of an unknown's range: spans the kinks between choices
    int evaluations = 60;      ///< of the Jacobian, at most
};

struct Solution {
    std::vector<double> x;
    double loss = 0;  ///< half the sum of squares
};

/// A local minimum from `start` (Levenberg-Marquardt; bounds by x = low + (high - low) (1 + sin u) / 2).
[[nodiscard]] Solution minimise(const LeastSquares& problem, const std::vector<double>& start,
                                const LeastSquaresOptions& options = {});

/// d residual / d (x / range) by central differences, one-sided at a bound; one column an unknown.
[[nodiscard]] std::vector<std::vector<double>> scaled_jacobian(const LeastSquares& problem,
                                                               const std::vector<double>& x, double difference);

/// A residual whose square grows like |r| beyond `kink` (pseudo-Huber loss): sign(r) sqrt(2 k² (sqrt(1 + (r/k)²) - 1)).
[[nodiscard]] double robust(double residual, double kink);

}  // namespace cupola::fit
