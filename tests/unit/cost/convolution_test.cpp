#include "gpus.hpp"

#include "cupola/cost/cost.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using namespace cupola::test;

namespace {

ConvolutionWork square(std::int64_t batch, std::int64_t in_channels, std::int64_t out_channels, std::int64_t extent,
                       std::int64_t reach) {
    ConvolutionWork work;
    work.batch = batch;
    work.in_channels = in_channels;
    work.out_channels = out_channels;
    work.input = work.output = {1, extent, extent};
    work.kernel = {1, reach, reach};
    return work;
}

/// Multiply-adds at the full FP32 rate.
double direct_seconds(const ConvolutionWork& work, const Gpu& gpu) {
    const double flops = flops_of(convolution(work, DataType::fp32)).value();
    return flops / (2 * gpu.fp32_lanes_per_sm * gpu.sm_count * gpu.sustained_simt_clock.value());
}

}  // namespace

TEST_CASE("Winograd beats the direct FP32 rate for 3x3 and 5x5 of stride 1, and nothing else does") {
    const Gpu gpu = a100_like();
    for (const std::int64_t reach : {3, 5}) {
        const ConvolutionWork work = square(16, 512, 512, 56, reach);
        CHECK(price(convolution(work, DataType::fp32), gpu).time.value() < 0.7 * direct_seconds(work, gpu));
    }
    // The roofline counts what the best of the algorithms multiplies; in bf16, on lanes as well, there is none.
    const ConvolutionWork work = square(16, 512, 512, 56, 3);
    Gpu lanes = gpu;
    lanes.tensor_rates.bf16 = 0;
    const Kernel single = convolution(work, DataType::fp32), narrow = convolution(work, DataType::bf16);
    CHECK(roofline(single, gpu).time.value() == doctest::Approx(direct_seconds(work, gpu) / 4).epsilon(1e-6).scale(0));
    CHECK(price(single, gpu).time > roofline(single, gpu).time);
    CHECK(price(narrow, lanes).time.value() > direct_seconds(work, gpu));
    CHECK(roofline(narrow, lanes).time.value() == doctest::Approx(direct_seconds(work, gpu)).epsilon(1e-6).scale(0));
    ConvolutionWork strided = square(16, 512, 512, 56, 3);
    strided.stride = {1, 2, 2};
    strided.output = {1, 28, 28};
    CHECK(price(convolution(strided, DataType::fp32), gpu).time.value() > direct_seconds(strided, gpu));
    const ConvolutionWork seven = square(16, 512, 512, 56, 7);
    CHECK(price(convolution(seven, DataType::fp32), gpu).time.value() > direct_seconds(seven, gpu));
}

TEST_CASE("fp32 convolutions as cuDNN 8.9 ran them on an A100 at 1.1 GHz (sitar-lab/NeuSight), host time apart") {
    Gpu gpu = a100_like();
    gpu.sustained_simt_clock = Hertz(1.1e9);
    gpu.dram_bandwidth = BytesPerSecond(1.935e12);
    struct Row {
        ConvolutionWork work;
        double seconds;
    };
    for (const Row& row : {Row{square(55, 1701, 569, 5, 3), 1.996e-3},    // four kernels
                           Row{square(47, 16, 1071, 34, 3), 1.29e-3},     // four kernels, transforms dominate
                           Row{square(5, 119, 758, 24, 3), 0.248e-3}}) {  // one kernel
        CHECK(price(convolution(row.work, DataType::fp32), gpu).time.value() ==
              doctest::Approx(row.seconds).epsilon(0.15));
    }
}

TEST_CASE("a kernel that precomputes addresses comes first where the library has one") {
    const Gpu gpu = a100_like();
    CostParameters parameters = default_parameters(gpu.architecture);
    const Kernel kernel = convolution(square(1, 64, 64, 32, 3));
    const double before = price(kernel, gpu, parameters).time.value();
    parameters.convolution_setup_seconds += 5e-6;
    CHECK(price(kernel, gpu, parameters).time.value() == doctest::Approx(before + 5e-6));
}
