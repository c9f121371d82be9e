#include "probe/host/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace cupola::probe;

TEST_CASE("quantiles interpolate between order statistics") {
    CHECK(quantile({3, 1, 2}, 0.5) == doctest::Approx(2));
    CHECK(quantile({4, 1, 2, 3}, 0.5) == doctest::Approx(2.5));
    CHECK(quantile({7}, 0.9) == doctest::Approx(7));
    CHECK(quantile({}, 0.5) == 0);
    const Summary summary = summarise({5, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11});
    CHECK(summary.median == doctest::Approx(6));
    CHECK(summary.minimum == doctest::Approx(1));
    CHECK(summary.p90 == doctest::Approx(10));
    CHECK(summary.repetitions == 11);
}

TEST_CASE("repetition ends when the median is known, at the latest when time or patience is spent") {
    const Repetition rule{7, 20, 1.0, 0.01};
    CHECK_FALSE(enough(std::vector<double>(6, 1.0), 100, rule));  // never below at_least
    CHECK(enough(std::vector<double>(7, 1.0), 0, rule));          // equal samples: known
    const std::vector<double> noisy = {1, 2, 1, 2, 1, 2, 1, 2};
    CHECK(relative_uncertainty(noisy) > 0.1);
    CHECK_FALSE(enough(noisy, 0.5, rule));
    CHECK(enough(noisy, 1.0, rule));
    CHECK(std::isinf(relative_uncertainty({1, 1})));
    std::vector<double> many(20, 1.0);
    for (std::size_t i = 0; i < many.size(); i += 2) many[i] = 3;
    CHECK(enough(many, 0, rule));
}

TEST_CASE("an outlier moves neither median nor the decision") {
    std::vector<double> samples(30, 2.0);
    samples[3] = 500;
    CHECK(summarise(samples).median == doctest::Approx(2));
    CHECK(relative_uncertainty(samples) == doctest::Approx(0));
}
