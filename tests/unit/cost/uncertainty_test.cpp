#include "cupola/cost/uncertainty.hpp"

#include "cupola/cost/cost_model.hpp"
#include "gpus.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace cupola;
using namespace cupola::test;

namespace {

/// Two size classes of fp16 GEMM, 64..4096 in each dimension.
LibraryCalibration measured_library() {
    LibraryCalibration library;
    library.name = "cublas";
    library.parameters = {{"gemm.prologue_cycles", 5432, 12, "gemm"}};
    library.errors = {{KernelKind::gemm, "", DataType::fp16, Seconds(0), Seconds(20e-6), 100, -0.2, 0.3, 0.5},
                      {KernelKind::gemm, "", DataType::fp16, Seconds(20e-6), Seconds(1), 100, -0.1, 0.1, 0.25}};
    library.ranges = {{KernelKind::gemm, "", DataType::fp16, {1, 64, 64, 64}, {1, 4096, 4096, 4096}}};
    return library;
}

LibraryCalibration general_errors() {
    LibraryCalibration general;
    general.errors = {{KernelKind::gemm, "", DataType::fp16, Seconds(0), Seconds(1), 100, -0.3, 0.15, 1}};
    return general;
}

Kernel square(std::int64_t n, DataType type = DataType::fp16) { return gemm(GemmWork{1, n, n, n}, type); }

}  // namespace

TEST_CASE("a kernel's interval is that of the class of its type and time") {
    const LibraryCalibration library = measured_library();
    const Uncertainty small = uncertainty_of(square(128), Seconds(5e-6), &library, general_errors());
    CHECK(small.low == doctest::Approx(std::exp(-0.2)));
    CHECK(small.high == doctest::Approx(std::exp(0.3)));
    CHECK(small.shared == 0.5);
    CHECK_FALSE(small.extrapolated);
    CHECK_FALSE(small.uncalibrated);
    CHECK(uncertainty_of(square(4096), Seconds(5e-4), &library, {}).high == doctest::Approx(std::exp(0.1)));
    CHECK(uncertainty_of(square(4096), Seconds(7), &library, {}).high == doctest::Approx(std::exp(0.1)));
}

TEST_CASE("outside of the measured shapes the wider interval counts, for an unmeasured type the widest of the kind") {
    const LibraryCalibration library = measured_library();
    const Uncertainty far = uncertainty_of(square(8192), Seconds(1e-3), &library, general_errors());
    CHECK(far.extrapolated);
    CHECK_FALSE(far.uncalibrated);
    CHECK(far.low == doctest::Approx(std::exp(-0.3)));
    CHECK(far.high == doctest::Approx(std::exp(0.15)));
    const Uncertainty other_type = uncertainty_of(square(4096, DataType::int8), Seconds(1e-3), &library, {});
    CHECK(other_type.extrapolated);
    CHECK(other_type.low == doctest::Approx(std::exp(-0.2)));
    CHECK(other_type.high == doctest::Approx(std::exp(0.3)));
    CHECK(other_type.shared == 1);
}

TEST_CASE("without data for the kind the general error counts, and without any a factor of two") {
    const LibraryCalibration library = measured_library();
    const Kernel copy = memory(MemoryWork{});
    CHECK(uncertainty_of(square(512), Seconds(1e-5), nullptr, general_errors()).uncalibrated);
    CHECK(uncertainty_of(square(512), Seconds(1e-5), nullptr, general_errors()).low == doctest::Approx(std::exp(-0.3)));
    const Uncertainty unknown = uncertainty_of(copy, Seconds(1e-5), &library, general_errors());
    CHECK(unknown.uncalibrated);
    CHECK(unknown.low == 0.5);
    CHECK(unknown.high == 2.0);
}

TEST_CASE("an interval holds its prediction, and without a calibration no number of kernels narrows it") {
    LibraryCalibration biased = measured_library();
    for (ErrorClass& error : biased.errors) error.low = 0.1;
    const Uncertainty slow = uncertainty_of(square(128), Seconds(5e-6), &biased, {});
    CHECK(slow.low == 1);
    CHECK(slow.high == doctest::Approx(std::exp(0.3)));
    for (ErrorClass& error : biased.errors)
        error = {error.kind, "", error.type, error.from, error.to, 100, -0.2, -0.1, 0};
    CHECK(uncertainty_of(square(128), Seconds(5e-6), &biased, {}).high == 1);
    biased.errors.front().shared = 0.2;
    CHECK(uncertainty_of(square(128), Seconds(5e-6), &biased, {}).shared == 0.2);
    CHECK(uncertainty_of(square(128), Seconds(5e-6), nullptr, biased).shared == 1);
}

TEST_CASE("the interval of a sum holds the sum where all its parts lie to one side") {
    IntervalSum sum;
    for (int i = 0; i < 10'000; ++i) sum.add(KernelKind::gemm, Seconds(1e-4), {1.0, 1.2, 0});
    CHECK(sum.interval().low.value() == doctest::Approx(1.0).epsilon(1e-9));
    CHECK(sum.interval().high.value() > 1.1);
    CHECK(sum.interval().high.value() < 1.11);
}

TEST_CASE("the shared part of an interval stays when many kernels are summed, the independent part falls") {
    const auto relative_half = [](double shared, int kernels) {
        IntervalSum sum;
        for (int i = 0; i < kernels; ++i) sum.add(KernelKind::gemm, Seconds(1.0 / kernels), {0.9, 1.1, shared});
        return 0.5 * (sum.interval().high - sum.interval().low).value();
    };
    CHECK(relative_half(1, 1) == doctest::Approx(0.1));
    CHECK(relative_half(1, 10'000) == doctest::Approx(0.1));
    CHECK(relative_half(0, 10'000) == doctest::Approx(0.001));
    CHECK(relative_half(0.25, 10'000) == doctest::Approx(std::sqrt(0.05 * 0.05 + 0.75 * 1e-6)));
}

TEST_CASE("kinds add in quadrature, and an asymmetric interval shifts the sum") {
    IntervalSum sum;
    sum.add(KernelKind::gemm, Seconds(1), {0.97, 1.03, 1});
    sum.add(KernelKind::memory, Seconds(1), {0.96, 1.04, 1});
    CHECK(sum.interval().high.value() == doctest::Approx(2.05));
    IntervalSum slow;
    slow.add(KernelKind::gemm, Seconds(1), {1.0, 1.2, 1});
    slow.add_independent(Seconds(1), Seconds(0.1));
    CHECK(slow.interval().low.value() == doctest::Approx(2.1 - std::sqrt(0.02)));
    CHECK(IntervalSum().interval() == Interval{});
}

TEST_CASE("fitted parameters lie over the architecture's defaults, for the library that has them") {
    const Gpu gpu = a100_like();
    Calibration calibration;
    calibration.libraries = {measured_library()};
    CHECK(parameters(gpu, &calibration, "cublas").tensor_tiles.prologue_cycles == 5432);
    const double standard = default_parameters(gpu.architecture).tensor_tiles.prologue_cycles;
    CHECK(parameters(gpu, &calibration, "sglang").tensor_tiles.prologue_cycles == standard);
    CHECK(parameters(gpu, nullptr, "cublas").tensor_tiles.prologue_cycles == standard);
}

TEST_CASE("a cost model takes the first library that was calibrated for a kind, and the defaults elsewhere") {
    const Gpu gpu = a100_like();
    Calibration calibration;
    calibration.libraries = {measured_library()};
    LibraryChoice choice;
    choice[index_of(KernelKind::gemm)] = {"cublaslt", "cublas"};
    choice[index_of(KernelKind::attention)] = {"cublas"};  // knows no attention
    const CostModel model(gpu, calibration, choice, general_errors());
    REQUIRE(model.library(KernelKind::gemm) != nullptr);
    CHECK(model.library(KernelKind::gemm)->name == "cublas");
    CHECK(model.library(KernelKind::attention) == nullptr);
    const Kernel kernel = square(256);
    const KernelCost cost = model.price(kernel);
    CHECK(cost.time == price(kernel, gpu, parameters(gpu, &calibration, "cublas")).time);
    CHECK(cost.time > price(kernel, gpu).time);
    CHECK_FALSE(model.uncertainty(kernel, cost.time).uncalibrated);
    CHECK(CostModel(gpu).price(kernel).time == price(kernel, gpu).time);
    CHECK(CostModel(gpu).uncertainty(kernel, cost.time).uncalibrated);
}
