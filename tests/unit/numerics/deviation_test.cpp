#include "cupola/numerics/deviation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace cupola::numerics;

TEST_CASE("the deviation of two outputs") {
    const std::vector<double> a{1, 2, 3, 4}, b{2, 2, 3, 0};
    const Deviation d = deviation(a, b);
    CHECK(d.largest == 4);
    CHECK(d.relative_l2 == doctest::Approx(std::sqrt(17.0 / 17.0)));
    CHECK(d.wasserstein == doctest::Approx(3.0 / 4.0));  // 1 2 3 4 beside 0 2 2 3: 1 + 0 + 1 + 1
    const Deviation none = deviation(a, a);
    CHECK(none.largest == 0);
    CHECK(none.relative_l2 == 0);
    CHECK(none.wasserstein == 0);
}

TEST_CASE("the Wasserstein distance does not see where a number stands") {
    const std::vector<double> a{1, 2, 3}, b{3, 1, 2}, shifted{4, 2, 3};
    CHECK(wasserstein_distance(a, b) == 0);
    CHECK(wasserstein_distance(a, shifted) == doctest::Approx(1));
}

TEST_CASE("an output that overflowed has no deviation") {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double bad : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) {
        const std::vector<double> a{1, bad}, b{1, 2};
        CHECK(std::isnan(deviation(a, b).largest));
        CHECK(std::isnan(deviation(b, a).wasserstein));
        CHECK(std::isnan(deviation(a, a).relative_l2));
    }
}
