#include "cupola/hardware/gpu.hpp"

#include <doctest/doctest.h>

using namespace cupola;

namespace {

/// Round numbers, so that expectations are worked out by hand.
Gpu example_gpu() {
    Gpu gpu;
    gpu.sm_count = 100;
    gpu.sustained_tensor_clock = Hertz(1e9);
    gpu.sustained_simt_clock = Hertz(2e9);
    gpu.tensor_rates = {.fp16 = 2000, .bf16 = 2000, .tf32 = 1000, .fp8 = 0, .int8 = 4000};
    gpu.fp32_lanes_per_sm = 64;
    gpu.dram_bandwidth = BytesPerSecond(2e12);
    gpu.dram_efficiency = 0.8;
    gpu.l2_capacity = Bytes(40.0 * 0x1p20);
    gpu.l2_usable_fraction = 0.5;
    return gpu;
}

}  // namespace

TEST_CASE("the matrix peak is SMs x rate x sustained tensor clock") {
    const Gpu gpu = example_gpu();
    CHECK(peak_matrix_throughput(gpu, DataType::fp16).value() == doctest::Approx(200e12));
    CHECK(peak_matrix_throughput(gpu, DataType::tf32).value() == doctest::Approx(100e12));
    CHECK(peak_matrix_throughput(gpu, DataType::int8).value() == doctest::Approx(400e12));
}

TEST_CASE("a type without matrix instruction runs on the FP32 lanes at their clock") {
    const Gpu gpu = example_gpu();
    CHECK(tensor_rate(gpu, DataType::fp32) == 0.0);
    CHECK(tensor_rate(gpu, DataType::fp8) == 0.0);
    CHECK(peak_matrix_throughput(gpu, DataType::fp32).value() == doctest::Approx(25.6e12));
    CHECK(peak_matrix_throughput(gpu, DataType::fp8).value() == doctest::Approx(25.6e12));
}

TEST_CASE("int4 is unpacked and counts as int8") { CHECK(tensor_rate(example_gpu(), DataType::int4) == 4000.0); }

TEST_CASE("memory figures are nominal times achieved") {
    const Gpu gpu = example_gpu();
    CHECK(achieved_dram_bandwidth(gpu).value() == doctest::Approx(1.6e12));
    CHECK(usable_l2(gpu).value() == doctest::Approx(20.0 * 0x1p20));
    CHECK(ridge_point(gpu, DataType::fp16).value() == doctest::Approx(125.0));
}

TEST_CASE("every architecture has a name of its own") {
    CHECK(name_of(Architecture::ampere) == "ampere");
    CHECK(name_of(Architecture::ampere_consumer) == "ampere_consumer");
    CHECK(name_of(Architecture::blackwell) == "blackwell");
}
