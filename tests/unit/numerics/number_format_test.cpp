#include "cupola/numerics/number_format.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace cupola::numerics;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

bool same(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

/// Every finite number of a format that is not negative, in order, spelled out from its definition.
std::vector<double> numbers_of(NumberFormat format) {
    const FormatTraits traits = traits_of(format);
    const int fraction_bits = traits.digits - 1;
    std::vector<double> numbers;
    for (int fraction = 0; fraction < 1 << fraction_bits; ++fraction) {
        numbers.push_back(std::ldexp(fraction, traits.min_exponent - fraction_bits));
    }
    for (int exponent = traits.min_exponent;; ++exponent) {
        for (int fraction = 0; fraction < 1 << fraction_bits; ++fraction) {
            numbers.push_back(std::ldexp((1 << fraction_bits) + fraction, exponent - fraction_bits));
            if (numbers.back() == traits.largest) return numbers;
        }
    }
}

}  // namespace

TEST_CASE("numbers of a format stay, those between them go to the nearer one, the middle to the even one") {
    for (const NumberFormat format : {NumberFormat::fp16, NumberFormat::bf16, NumberFormat::fp8}) {
        CAPTURE(name_of(format));
        const std::vector<double> numbers = numbers_of(format);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
            const double low = numbers[i], high = numbers[i + 1], middle = low / 2 + high / 2;
            for (const double sign : {1.0, -1.0}) {
                const auto becomes = [&](double x, double expected) {
                    if (!same(rounded(sign * x, format), sign * expected)) ++wrong;
                };
                becomes(low, low);
                becomes(std::nextafter(middle, low), low);
                becomes(middle, i % 2 == 0 ? low : high);  // neighbours alternate between even and odd
                becomes(std::nextafter(middle, high), high);
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("rounding to fp32 is the processor's") {
    std::mt19937_64 bits(7);
    std::size_t wrong = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        // exponents from far below fp32's subnormals to far beyond its largest number
        const double fraction = 1 + std::ldexp(static_cast<double>(bits() >> 12U), -52);
        const double x = std::ldexp(bits() % 2 == 0 ? fraction : -fraction, static_cast<int>(bits() % 320) - 170);
        const double expected = std::abs(x) >= 0x1.FFFFFFp127 ? std::copysign(infinity, x) : static_cast<float>(x);
        if (!same(rounded(x, NumberFormat::fp32), expected)) ++wrong;
    }
    CHECK(wrong == 0);
}

TEST_CASE("beyond the largest number lies infinity, or NaN where the format has none") {
    struct Row {
        NumberFormat format;
        double x, expected;
    };
    for (const Row& row : {
             Row{NumberFormat::fp16, 65519.99, 65504},
             {NumberFormat::fp16, 65520, infinity},
             {NumberFormat::fp16, -1e300, -infinity},
             {NumberFormat::bf16, 3.39e38, 0x1.FEp127},
             {NumberFormat::bf16, 3.4e38, infinity},
             {NumberFormat::fp32, 1e39, infinity},
             {NumberFormat::fp8, 464, 448},  // 480 would be the even neighbour's other side, but is no number
             {NumberFormat::fp8, 464.01, not_a_number},
             {NumberFormat::fp8, -infinity, not_a_number},
             {NumberFormat::fp16, infinity, infinity},
             {NumberFormat::bf16, not_a_number, not_a_number},
             {NumberFormat::fp64, 1e300, 1e300},
             {NumberFormat::fp16, 0.0, 0.0},
             {NumberFormat::fp16, -0.0, -0.0},
             {NumberFormat::fp16, -1e-30, -0.0},
             {NumberFormat::fp16, 5e-324, 0.0},
         }) {
        CAPTURE(name_of(row.format));
        CAPTURE(row.x);
        CHECK(same(rounded(row.x, row.format), row.expected));
    }
}
