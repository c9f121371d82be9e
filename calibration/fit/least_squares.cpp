#include "cupola/fit/least_squares.hpp"

#include <Eigen/Dense>
#include <unsupported/Eigen/LevenbergMarquardt>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cupola::fit {
namespace {

/// Starts on a bound move this far inside, where the map to the unbounded variable has a slope.
constexpr double least_inset = 0.02;

double bounded(double u, double low, double high) { return low + (high - low) * 0.5 * (1 + std::sin(u)); }

double unbounded(double x, double low, double high) {
    const double share = std::clamp((x - low) / (high - low), least_inset, 1 - least_inset);
    return std::asin(2 * share - 1);
}

/// The problem as Eigen wants it, in the unbounded variable.
struct Functor : Eigen::DenseFunctor<double> {
    Functor(const LeastSquares& p, double step)
        : DenseFunctor(static_cast<int>(p.unknowns()), static_cast<int>(p.residual_count)),
          problem(p),
          difference(step) {}

    [[nodiscard]] std::vector<double> inside(const Eigen::VectorXd& u) const {
        std::vector<double> x(problem.unknowns());
        for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] = bounded(u[static_cast<Eigen::Index>(i)], problem.low[i], problem.high[i]);
        }
        return x;
    }
    int operator()(const Eigen::VectorXd& u, Eigen::VectorXd& residuals) const {
        std::vector<double> values(problem.residual_count);
        problem.residuals(inside(u), values);
        residuals = Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
        return 0;
    }
    int df(const Eigen::VectorXd& u, Eigen::MatrixXd& jacobian) const {
        const auto columns = scaled_jacobian(problem, inside(u), difference);
        for (Eigen::Index i = 0; i < u.size(); ++i) {  // d (x / range) / d u = cos(u) / 2
            const auto& column = columns[static_cast<std::size_t>(i)];
            jacobian.col(i) =
                Eigen::Map<const Eigen::VectorXd>(column.data(), static_cast<Eigen::Index>(column.size()));
            jacobian.col(i) *= 0.5 * std::cos(u[i]);
        }
        return 0;
    }

    const LeastSquares& problem;
    double difference;
};

}  // namespace

Solution minimise(const LeastSquares& problem, const std::vector<double>& start, const LeastSquaresOptions& options) {
    Eigen::VectorXd u(static_cast<Eigen::Index>(problem.unknowns()));
    for (std::size_t i = 0; i < problem.unknowns(); ++i) {
        u[static_cast<Eigen::Index>(i)] = unbounded(start[i], problem.low[i], problem.high[i]);
    }
    Functor functor(problem, options.difference);
    Eigen::LevenbergMarquardt<Functor> solver(functor);
    solver.setFactor(1);  // first steps of at most the variable's own size: bounds are near
    solver.setFtol(1e-6);
    solver.setXtol(1e-5);
    solver.setMaxfev(options.evaluations);
    solver.minimize(u);
    return {functor.inside(u), 0.5 * solver.fnorm() * solver.fnorm()};
}

std::vector<std::vector<double>> scaled_jacobian(const LeastSquares& problem, const std::vector<double>& x,
                                                 double difference) {
    std::vector<std::vector<double>> columns(x.size());
    std::vector<double> above(problem.residual_count), below(problem.residual_count);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double range = problem.high[i] - problem.low[i];
        std::vector<double> up = x, down = x;
        up[i] = std::min(x[i] + difference * range, problem.high[i]);
        down[i] = std::max(x[i] - difference * range, problem.low[i]);
        problem.residuals(up, above);
        problem.residuals(down, below);
        const double scale = range / (up[i] - down[i]);
        columns[i].resize(problem.residual_count);
        for (std::size_t row = 0; row < columns[i].size(); ++row) columns[i][row] = (above[row] - below[row]) * scale;
    }
    return columns;
}

double robust(double residual, double kink) {
    const double ratio = residual / kink;
    // 2 (sqrt(1 + r²) - 1) = 2 r² / (sqrt(1 + r²) + 1), which does not cancel for small r.
    const double square = 2 * ratio * ratio / (std::sqrt(1 + ratio * ratio) + 1);
    return std::copysign(kink * std::sqrt(square), residual);
}

}  // namespace cupola::fit
