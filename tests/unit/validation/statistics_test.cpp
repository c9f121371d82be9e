#include "cupola/validation/statistics.hpp"

#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace cupola;
using namespace cupola::validation;

TEST_CASE("relative errors have the sign of predicted - measured") {
    CHECK(relative_error(Seconds(1.1), Seconds(1.0)) == doctest::Approx(0.1));
    CHECK(relative_error(Seconds(0.5), Seconds(1.0)) == doctest::Approx(-0.5));
    CHECK(relative_error(Seconds(0), Seconds(2)) == -1);
}

TEST_CASE("a measured time of 0, a negative or an infinite one is refused") {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    for (const double measured : {0.0, -1.0, infinite, std::numeric_limits<double>::quiet_NaN()}) {
        CAPTURE(measured);
        CHECK_THROWS_AS((void)relative_error(Seconds(1), Seconds(measured)), InputError);
    }
    CHECK_THROWS_AS((void)relative_error(Seconds(infinite), Seconds(1)), InputError);
}

TEST_CASE("quantiles interpolate between neighbours") {
    const std::vector<double> sorted{1, 2, 4, 8};
    struct Row {
        double q, value;
    };
    // numpy.quantile([1, 2, 4, 8], q)
    for (const Row& row : {Row{0, 1}, Row{0.25, 1.75}, Row{0.5, 3}, Row{0.9, 6.8}, Row{1, 8}}) {
        CAPTURE(row.q);
        CHECK(quantile(sorted, row.q) == doctest::Approx(row.value));
    }
    CHECK(quantile(std::vector<double>{3}, 0.9) == 3);
}

TEST_CASE("summaries of errors") {
    struct Row {
        std::vector<double> errors;
        ErrorSummary expected;
    };
    const std::vector<Row> rows{
        {{}, {0, 0, 0, 0, 0, 0}},
        {{-0.2}, {1, 0.2, 0.2, 0.2, -0.2, 0.2}},
        {{0.1, -0.1}, {2, 0.1, 0.1, 0.1, 0, 0.1}},
        {{0.1, -0.3, 0.2}, {3, 0.2, 0.2, 0.28, 0, 0.3}},
        {{0, 0, 0, 1}, {4, 0.25, 0, 0.7, 0.25, 1}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.errors.size());
        const ErrorSummary summary = summarise(row.errors);
        CHECK(summary.rows == row.expected.rows);
        CHECK(summary.mape == doctest::Approx(row.expected.mape));
        CHECK(summary.median == doctest::Approx(row.expected.median));
        CHECK(summary.p90 == doctest::Approx(row.expected.p90));
        CHECK(summary.bias == doctest::Approx(row.expected.bias));
        CHECK(summary.worst == doctest::Approx(row.expected.worst));
    }
}
