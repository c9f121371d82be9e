#include "cupola/numerics/attention.hpp"

#include "cupola/numerics/deviation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace cupola::numerics;

namespace {

const Precision exact = precisions(Preset::paper, NumberFormat::fp64).tiled;
const Precision narrow = precisions(Preset::paper, NumberFormat::bf16).tiled;

Tiling tiles(std::size_t query_tile, std::size_t key_tile, LoopOrder outer = LoopOrder::query) {
    return {query_tile, key_tile, outer};
}

}  // namespace

TEST_CASE("attention over three keys is the weighted mean of their values") {
    AttentionInputs inputs{1, 3, 1, {2}, {0, 1, -1}, {10, 20, 30}};
    const double a = std::exp(0), b = std::exp(2), c = std::exp(-2);
    const double expected = (10 * a + 20 * b + 30 * c) / (a + b + c);
    CHECK(baseline_attention(inputs, exact)[0] == doctest::Approx(expected).epsilon(1e-14));
    for (const LoopOrder outer : all_loop_orders) {
        for (const std::size_t key_tile : {1, 2, 3, 100}) {
            const TiledOutput tiled = tiled_attention(inputs, exact, tiles(1, key_tile, outer));
            CHECK(tiled.output[0] == doctest::Approx(expected).epsilon(1e-14));
            CHECK(tiled.raised == (key_tile == 1 ? 1 : 0));
        }
    }
}

TEST_CASE("in fp64 the tiled algorithm is the baseline one, whatever the tiles and the loop order") {
    const AttentionInputs inputs = random_inputs(7, 101, 5, 1, 3);
    const std::vector<double> golden = baseline_attention(inputs, exact);
    for (const LoopOrder outer : all_loop_orders) {
        for (const std::size_t key_tile : {1, 10, 64, 101, 500}) {
            const TiledOutput tiled = tiled_attention(inputs, exact, tiles(3, key_tile, outer));
            CHECK(deviation(tiled.output, golden).largest < 1e-13);
        }
    }
}

TEST_CASE("what is rounded in a step is visible after it") {
    const AttentionInputs inputs = random_inputs(4, 64, 8, 1, 1);
    const std::vector<double> golden = baseline_attention(inputs, exact);
    for (const Step& step : all_steps) {
        CAPTURE(step.name);
        Precision precision = exact;
        precision.*step.format = NumberFormat::bf16;
        for (const LoopOrder outer : all_loop_orders) {
            const double moved =
                deviation(tiled_attention(inputs, precision, tiles(4, 16, outer)).output, golden).relative_l2;
            CHECK(moved < 0.1);
            // exp(s - m) / Σ exp(s - m) is the same for every m, so that a rounded maximum costs next to nothing
            if (step.name == "maximum") {
                CHECK(moved < 1e-13);
            } else {
                CHECK(moved > 1e-4);
            }
        }
        const double moved = deviation(baseline_attention(inputs, precision), golden).relative_l2;
        CHECK((step.name == "maximum" ? moved < 1e-13 : moved > 1e-4));
    }
}

TEST_CASE("the size of a query tile changes nothing, swapping unequal tile sizes does") {
    const AttentionInputs inputs = random_inputs(8, 256, 16, 1, 5);
    for (const LoopOrder outer : all_loop_orders) {
        const auto output = [&](std::size_t query_tile, std::size_t key_tile) {
            return tiled_attention(inputs, narrow, tiles(query_tile, key_tile, outer)).output;
        };
        CHECK(output(2, 32) == output(64, 32));
        CHECK(output(16, 64) != output(64, 16));
    }
}

TEST_CASE("the loop order decides how often the output is normalised, and with one tile nothing") {
    const AttentionInputs inputs = random_inputs(8, 256, 16, 1, 5);
    const auto output = [&](std::size_t key_tile, LoopOrder outer) {
        return tiled_attention(inputs, narrow, tiles(4, key_tile, outer)).output;
    };
    CHECK(output(32, LoopOrder::query) != output(32, LoopOrder::key));
    CHECK(deviation(output(256, LoopOrder::query), output(256, LoopOrder::key)).relative_l2 < 1e-2);
}

TEST_CASE("rescales are the tiles after the first") {
    CHECK(rescales(1, 32) == 0);
    CHECK(rescales(32, 32) == 0);
    CHECK(rescales(33, 32) == 1);
    CHECK(rescales(4096, 32) == 127);
}

TEST_CASE("inputs are normal, follow the seed and are the same everywhere") {
    const AttentionInputs inputs = random_inputs(2, 20'000, 4, 1, 42), again = random_inputs(2, 20'000, 4, 1, 42);
    CHECK(inputs.value == again.value);
    CHECK(inputs.query != random_inputs(2, 20'000, 4, 1, 43).query);
    double mean = 0, square = 0, fourth = 0;
    for (const double v : inputs.value) {
        mean += v - 1;
        square += (v - 1) * (v - 1);
        fourth += std::pow(v - 1, 4);
    }
    const auto count = static_cast<double>(inputs.value.size());
    CHECK(std::abs(mean / count) < 0.02);
    CHECK(square / count == doctest::Approx(1).epsilon(0.03));
    CHECK(fourth / count == doctest::Approx(3).epsilon(0.06));
}
