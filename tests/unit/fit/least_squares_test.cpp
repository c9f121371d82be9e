#include "cupola/fit/least_squares.hpp"

#include "cupola/fit/identify.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace cupola::fit;

namespace {

/// y = a exp(-b t) at t = 0, 0.1, …, with a and b in 0.1..10.
LeastSquares decay(double a, double b) {
    LeastSquares problem;
    problem.low = {0.1, 0.1};
    problem.high = {10, 10};
    problem.residual_count = 30;
    problem.residuals = [a, b](const std::vector<double>& x, std::vector<double>& residuals) {
        for (std::size_t i = 0; i < residuals.size(); ++i) {
            const double t = 0.1 * static_cast<double>(i);
            residuals[i] = x[0] * std::exp(-x[1] * t) - a * std::exp(-b * t);
        }
    };
    return problem;
}

}  // namespace

TEST_CASE("the minimum of a smooth problem is found from either side") {
    for (const std::vector<double>& start : {std::vector<double>{0.5, 9}, {9, 0.5}, {0.1, 0.1}, {10, 10}}) {
        CAPTURE(start[0]);
        const Solution solution = minimise(decay(3, 1.5), start);
        CHECK(solution.x[0] == doctest::Approx(3).epsilon(1e-3));
        CHECK(solution.x[1] == doctest::Approx(1.5).epsilon(1e-3));
        CHECK(solution.loss < 1e-5);
    }
}

TEST_CASE("a minimum beyond a bound ends on the bound") {
    const Solution solution = minimise(decay(20, 1.5), {5, 5});
    CHECK(solution.x[0] == doctest::Approx(10).epsilon(1e-3));
    CHECK(solution.x[1] < 1.5);
}

TEST_CASE("steps do not hide a slope: a derivative spans them") {
    LeastSquares problem;  // |floor(200 x) / 200 - 0.6|, tile by tile
    problem.low = {0};
    problem.high = {1};
    problem.residual_count = 1;
    problem.residuals = [](const std::vector<double>& x, std::vector<double>& residuals) {
        residuals[0] = std::floor(x[0] * 200) / 200 - 0.6;
    };
    CHECK(minimise(problem, {0.1}).x[0] == doctest::Approx(0.6).epsilon(0.02));
}

TEST_CASE("robust residuals are the residuals while small and grow like a square root beyond the kink") {
    CHECK(robust(0.001, 0.05) == doctest::Approx(0.001).epsilon(1e-3));
    CHECK(robust(-0.001, 0.05) == doctest::Approx(-0.001).epsilon(1e-3));
    CHECK(robust(1e-12, 0.05) == doctest::Approx(1e-12));
    const double far = robust(5, 0.05);
    CHECK(far * far == doctest::Approx(2 * 0.05 * 5).epsilon(0.02));
    CHECK(robust(0, 0.05) == 0);
}

TEST_CASE("an outlier does not move a robust fit by much") {
    LeastSquares problem;  // a constant through 1, 1, …, 1 and one 4
    problem.low = {0};
    problem.high = {10};
    problem.residual_count = 21;
    problem.residuals = [](const std::vector<double>& x, std::vector<double>& residuals) {
        for (std::size_t i = 0; i < residuals.size(); ++i) residuals[i] = robust(x[0] - (i == 7 ? 4 : 1), 0.05);
    };
    CHECK(minimise(problem, {6}).x[0] == doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("standard errors are those of linear regression where rows are independent") {
    // y = x0 + x1 t at t = -1, 0, 1, …; residuals alternate, clusters are single rows
    std::vector<std::vector<double>> columns(2);
    std::vector<double> residuals;
    std::vector<std::uint32_t> clusters, groups;
    for (int i = 0; i < 400; ++i) {
        columns[0].push_back(1);
        columns[1].push_back((i % 20) / 10.0 - 0.95);
        residuals.push_back(i / 20 % 2 == 0 ? 0.1 : -0.1);
        clusters.push_back(static_cast<std::uint32_t>(i));
        groups.push_back(i < 200 ? 0 : 1);
    }
    const Evidence evidence = evidence_of(columns, residuals, clusters, groups);
    CHECK(evidence.standard_error[0] == doctest::Approx(0.1 / 20).epsilon(0.01));
    CHECK(evidence.correlation[0][1] == doctest::Approx(0).epsilon(0.01));
    CHECK(evidence.pinned_factor[0] == doctest::Approx(std::sqrt(2)).epsilon(0.01));
    CHECK_FALSE(worst_doubt(evidence).exists);
    // Twenty rows of one shape that err together say no more than one.
    for (std::size_t i = 0; i < clusters.size(); ++i) clusters[i] = static_cast<std::uint32_t>(i / 20);
    CHECK(evidence_of(columns, residuals, clusters, groups).standard_error[0] ==
          doctest::Approx(0.1 / std::sqrt(20)).epsilon(0.05));
}

TEST_CASE("what no row moves and what moves with another are doubted") {
    const std::vector<double> residuals{0.1, -0.1, 0.1, -0.1};
    const std::vector<std::uint32_t> clusters{0, 1, 2, 3}, groups{0, 0, 1, 1};
    const Doubt silent = worst_doubt(evidence_of({{1, 2, 3, 4}, {0, 0, 0, 0}}, residuals, clusters, groups));
    CHECK(silent.exists);
    CHECK(silent.unknown == 1);
    CHECK_FALSE(silent.correlated);
    const Doubt twins = worst_doubt(
        evidence_of({{10, 20, 30, 40}, {10.01, 20, 30, 40.02}}, {1e-6, -1e-6, 1e-6, -1e-6}, clusters, groups));
    CHECK(twins.exists);
    CHECK(twins.correlated);
    CHECK(worst_doubt(evidence_of({{1, 1, 1, 1}}, {9, 9, -9, -8}, clusters, groups)).exists);  // vague
}

TEST_CASE("an unknown is pinned by the group that alone moves it") {
    const Evidence evidence =
        evidence_of({{1, 1, 0, 0}, {0, 0, 1, 1}}, {0.1, -0.1, 0.1, -0.1}, {0, 1, 2, 3}, {0, 0, 1, 1});
    CHECK(evidence.pinned_by[0] == 0);
    CHECK(evidence.pinned_by[1] == 1);
    CHECK(evidence.pinned_factor[0] > 1000);
}
