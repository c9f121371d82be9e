#include "cupola/predict/ladder.hpp"

#include <doctest/doctest.h>

namespace cupola {
namespace {

PredictedKernel kernel(std::string_view label, double launches, double seconds, double dram_bytes) {
    PredictedKernel result;
    result.kernel.label = label;
    result.launches = launches;
    result.total = Seconds(seconds);
    result.cost.dram_bytes = Bytes(dram_bytes / launches);
    return result;
}

Prediction prediction(std::vector<PredictedKernel> kernels) {
    Prediction result;
    result.kernels = std::move(kernels);
    return result;
}

TEST_CASE("what changed between two predictions, by label, the largest change of time first") {
    const Prediction before =
        prediction({kernel("conv", 10, 5, 100), kernel("softmax", 4, 3, 40), kernel("add", 2, 1, 8)});
    const Prediction after = prediction(
        {kernel("conv", 6, 3, 60), kernel("conv", 4, 1.5, 40), kernel("add", 2, 1, 8), kernel("attention", 4, 1, 10)});
    const auto changes = kernel_changes(before, after);
    REQUIRE(changes.size() == 3);  // add is as it was
    CHECK(changes[0].label == "softmax");
    CHECK(changes[0].launches_before == 4);
    CHECK(changes[0].launches_after == 0);
    CHECK(changes[0].dram_before.value() == doctest::Approx(40));
    CHECK(changes[1].label == "attention");
    CHECK(changes[1].time_after.value() == doctest::Approx(1));
    CHECK(changes[2].label == "conv");
    CHECK(changes[2].launches_after == 10);
    CHECK(changes[2].time_after.value() == doctest::Approx(4.5));
    CHECK(launches_of(after) == 16);
}

TEST_CASE("a prediction does not differ from itself") {
    const Prediction same = prediction({kernel("conv", 10, 5, 100), kernel("conv", 1, 2, 3)});
    CHECK(kernel_changes(same, same).empty());
}

}  // namespace
}  // namespace cupola
