#include "probe/host/reference.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "probe/host/half.hpp"
#include "probe/host/random.hpp"

using namespace cupola::probe;

TEST_CASE("every half-precision number survives a round trip") {
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const float fp16 = from_fp16_bits(half);
        const float bf16 = from_bf16_bits(half);
        if (!std::isnan(fp16)) CHECK_MESSAGE(to_fp16_bits(fp16) == half, bits);
        if (!std::isnan(bf16)) CHECK_MESSAGE(to_bf16_bits(bf16) == half, bits);
    }
    CHECK(std::isnan(from_fp16_bits(to_fp16_bits(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(std::isnan(from_bf16_bits(to_bf16_bits(std::numeric_limits<float>::quiet_NaN()))));
}

TEST_CASE("rounding to half precision is to nearest, ties to even") {
    CHECK(from_fp16_bits(to_fp16_bits(2049.0f)) == 2048.0f);
    CHECK(from_fp16_bits(to_fp16_bits(2051.0f)) == 2052.0f);
    CHECK(from_fp16_bits(to_fp16_bits(65519.0f)) == 65504.0f);
    CHECK(std::isinf(from_fp16_bits(to_fp16_bits(65520.0f))));
    CHECK(from_fp16_bits(to_fp16_bits(3e-8f)) == 5.9604644775390625e-8f);
    CHECK(from_bf16_bits(to_bf16_bits(257.0f)) == 256.0f);
    CHECK(from_bf16_bits(to_bf16_bits(259.0f)) == 260.0f);
}

TEST_CASE("random data has mean 0, standard deviation 1.15 and exact fp16 values") {
    double sum = 0;
    double square = 0;
    const int count = 100000;
    for (int i = 0; i < count; ++i) {
        const float value = random_value(3, static_cast<std::uint64_t>(i), 1);
        sum += value;
        square += value * value;
        CHECK(from_fp16_bits(to_fp16_bits(value)) == value);
    }
    CHECK(std::abs(sum / count) < 0.02);
    CHECK(std::sqrt(square / count) == doctest::Approx(1.15).epsilon(0.02));
}

TEST_CASE("references") {
    const Values ramp = [](std::int64_t i) { return static_cast<double>(i); };
    const auto normal = normalised(ramp, 3);
    CHECK(normal[0] == doctest::Approx(-std::sqrt(1.5)).epsilon(1e-4));
    CHECK(normal[1] == doctest::Approx(0));
    CHECK(rms_normalised(ramp, 2)[1] == doctest::Approx(std::sqrt(2.0)).epsilon(1e-4));
    const auto weights = softmax(ramp, 2);
    CHECK(weights[1] / weights[0] == doctest::Approx(std::exp(1.0)));
    CHECK(gelu(1) == doctest::Approx(0.841345));
    CHECK(silu(1) == doctest::Approx(0.731059));
    const auto one = [](std::int64_t, std::int64_t) { return 1.0; };
    const auto index = [](std::int64_t j, std::int64_t) { return static_cast<double>(j); };
    CHECK(attention_row(ramp, one, index, 5, 4, 1.0)[2] == doctest::Approx(2));  // equal keys: the mean of the values
}

TEST_CASE("relative error") {
    RelativeError error;
    error.add(1.1, 1);
    error.add(2, 2);
    CHECK(error.value() == doctest::Approx(0.1 / std::sqrt(5.0)));
    error.add(std::nan(""), 1);
    CHECK(std::isnan(error.value()));
}
