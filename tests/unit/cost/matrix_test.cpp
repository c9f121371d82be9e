#include "cupola/cost/cost.hpp"
#include "gpus.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace cupola;
using namespace cupola::test;

namespace {

/// One tile, no overheads: the formulas by hand.
CostParameters single_tile(const GemmTile& tile) {
    CostParameters parameters = default_parameters(Architecture::ampere);
    parameters.tensor_tiles.tiles[0] = tile;
    parameters.tensor_tiles.count = 1;
    parameters.tensor_tiles.efficiency = 1;
    parameters.tensor_tiles.step_seconds = 0;
    parameters.tensor_tiles.prologue_cycles = parameters.tensor_tiles.epilogue_cycles = 0;
    parameters.tensor_tiles.k = 32;
    parameters.convolution_tiles = parameters.tensor_tiles;
    parameters.convolution_regret = 1;
    parameters.split_grid_share = 0;
    return parameters;
}

}  // namespace

TEST_CASE("a tile that the output does not fill costs as much as a full one") {
    const Gpu gpu = a100_like();
    const CostParameters parameters = single_tile({128, 128, 1.0, 1, 1.0});
    const double part = price(gemm({1, 64, 64, 4096}), gpu, parameters).tensor.value();
    const double full = price(gemm({1, 128, 128, 4096}), gpu, parameters).tensor.value();
    CHECK(part == doctest::Approx(full));
    // 2 x 128 x 128 x 4096 FLOP at 2048 a clock
    CHECK(full == doctest::Approx(2.0 * 128 * 128 * 4096 / 2048 / 1.35e9));
}

TEST_CASE("one tile more than the GPU has SMs costs a whole wave more") {
    const Gpu gpu = a100_like();
    const CostParameters parameters = single_tile({128, 128, 1.0, 1, 1.0});
    const auto tensor = [&](std::int64_t tiles) {
        return price(gemm({1, 128 * tiles, 128, 4096}), gpu, parameters).tensor.value();
    };
    CHECK(tensor(108) == doctest::Approx(tensor(1)));
    CHECK(tensor(109) == doctest::Approx(2 * tensor(108)));
    CHECK(tensor(216) == doctest::Approx(2 * tensor(108)));
}

TEST_CASE("a last wave with one block on an SM costs more than its share") {
    const Gpu gpu = a100_like();
    const CostParameters parameters = single_tile({128, 128, 1.0, 2, 1.3});
    const auto tensor = [&](std::int64_t tiles) {
        return price(gemm({1, 128 * tiles, 128, 4096}), gpu, parameters).tensor.value();
    };
    CHECK(tensor(216) == doctest::Approx(2 / 1.3 * tensor(108)));  // two blocks an SM, nothing exposed
    CHECK(tensor(217) == doctest::Approx(3.3 / 1.3 * tensor(108)));
}

TEST_CASE("a block takes at least the latency of its steps, which resident blocks hide") {
    const Gpu gpu = a100_like();
    CostParameters parameters = single_tile({64, 64, 1.0, 4, 1.0});
    const auto tensor = [&](std::int64_t tiles) {
        return price(gemm({1, 64 * tiles, 64, 4096}), gpu, parameters).tensor.value();
    };
    const double work = tensor(1);
    parameters.tensor_tiles.step_seconds = 2 * work / (4096.0 / 64);
    CHECK(tensor(1) == doctest::Approx(2 * work));
    CHECK(tensor(2 * 108) == doctest::Approx(2 * work));
    CHECK(tensor(4 * 108) == doctest::Approx(4 * work));
    CHECK(tensor(5 * 108) == doctest::Approx(6 * work));
}

TEST_CASE("the epilogue is in proportion to the tile, and later waves pay it unless the kernel is persistent") {
    const Gpu gpu = a100_like();
    CostParameters parameters = single_tile({256, 128, 1.0, 1, 1.0});
    const Kernel two_waves = gemm({1, 256 * 109, 128, 4096});
    const KernelCost without = price(two_waves, gpu, parameters);
    parameters.tensor_tiles.epilogue_cycles = 1350;
    const KernelCost with = price(two_waves, gpu, parameters);
    CHECK(with.launch.value() - without.launch.value() == doctest::Approx(2e-6));
    CHECK(with.tensor.value() - without.tensor.value() == doctest::Approx(2e-6));
    parameters.tensor_tiles.persistent = true;
    CHECK(price(two_waves, gpu, parameters).tensor == without.tensor);
}

TEST_CASE("a large half-precision GEMM runs near the matrix peak") {
    for (const Gpu& gpu : {a100_like(), h100_like()}) {
        const KernelCost cost = price(gemm({1, 8192, 8192, 8192}), gpu);
        const double peak = gpu.sm_count * gpu.tensor_rates.fp16 * gpu.sustained_tensor_clock.value();
        const double share = cost.flops.value() / cost.time.value() / peak;
        CAPTURE(gpu.name);
        CHECK(cost.bound == Bound::tensor);
        CHECK(share > 0.78);
        CHECK(share < 0.96);
    }
}

TEST_CASE("a matrix-vector product takes the time of reading the matrix") {
    const Gpu gpu = a100_like();
    for (const DataType type : {DataType::fp16, DataType::fp32}) {
        const KernelCost cost = price(gemm({1, 1, 16384, 16384}, type), gpu);
        const double stream = bytes_per_element(type) * 16384 * 16384 / 1.8e12;
        CAPTURE(name_of(type));
        CHECK(cost.bound == Bound::dram);
        CHECK(cost.time.value() > stream);
        CHECK(cost.time.value() < 1.25 * stream);
    }
}

TEST_CASE("K is split where the output tiles would leave most SMs idle") {
    const Gpu gpu = a100_like();
    const CostParameters with = default_parameters(gpu.architecture);
    CostParameters without = with;
    without.split_grid_share = 0;
    const Kernel deep = gemm({1, 256, 256, 16384});
    CHECK(price(deep, gpu, with).time < 0.6 * price(deep, gpu, without).time);
    CHECK(price(deep, gpu, with).launch > price(deep, gpu, without).launch);  // the second phase
    const Kernel wide = gemm({1, 4096, 4096, 4096});
    CHECK(price(wide, gpu, with).time == price(wide, gpu, without).time);
}

TEST_CASE("a split works on whole steps of the main loop, so more of K opens no faster one") {
    const Gpu gpu = h100_like();
    CostParameters parameters = default_parameters(gpu.architecture);
    parameters.split_minimum_depth = 230;  // four steps of 64 hold it
    parameters.split_reduction_seconds = 5e-7;
    parameters.tensor_tiles.step_seconds = 1.2e-6;
    Seconds last(0);
    for (std::int64_t k = 64; k <= 4096; k += 64) {
        const Seconds time = price(gemm({1, 64, 64, k}), gpu, parameters).time;
        CAPTURE(k);
        CHECK(time >= last);
        last = time;
    }
}

TEST_CASE("the fastest candidate is the fastest by the exponent that its time is summed with") {
    const Gpu gpu = a100_like();
    CostParameters parameters = default_parameters(gpu.architecture);
    parameters.overlap_exponent = 4;
    const Kernel kernel = gemm({182, 10, 128, 3227}, DataType::tf32);
    parameters.tensor_tiles.overlap_exponent = 4;
    const Seconds alike = price(kernel, gpu, parameters).time;
    parameters.tensor_tiles.overlap_exponent = 8;
    CHECK(price(kernel, gpu, parameters).time == alike);
}

TEST_CASE("fp32 runs on the FP32 lanes, tf32 on matrix units") {
    const Gpu gpu = a100_like();
    const KernelCost plain = price(gemm({1, 4096, 4096, 4096}, DataType::fp32), gpu);
    CHECK(plain.tensor.value() == 0);
    CHECK(plain.bound == Bound::simt);
    CHECK(plain.simt.value() >= 2 * std::pow(4096.0, 3) / (108 * 128 * 1.4e9));
    const KernelCost reduced = price(gemm({1, 4096, 4096, 4096}, DataType::tf32), gpu);
    CHECK(reduced.simt.value() == 0);
    CHECK(reduced.time < 0.25 * plain.time);
}

TEST_CASE("rows that are not whole 16-byte vectors slow the matrix units down") {
    const Gpu gpu = a100_like();
    const double aligned = price(gemm({1, 4096, 4096, 4096}), gpu).tensor.value();
    CHECK(price(gemm({1, 4096, 4094, 4096}), gpu).tensor.value() == doctest::Approx(aligned / 0.68).epsilon(0.05));
    CHECK(price(gemm({1, 4096, 4095, 4096}), gpu).tensor.value() == doctest::Approx(aligned / 0.5).epsilon(0.05));
}

TEST_CASE("an operand that exceeds the L2 is read again by later waves") {
    const Gpu gpu = a100_like();
    const KernelCost small = price(gemm({1, 2048, 2048, 2048}), gpu);  // 8 MB each: stays
    CHECK(small.dram_bytes.value() == doctest::Approx(3 * 2.0 * 2048 * 2048));
    const KernelCost large = price(gemm({1, 16384, 16384, 16384}), gpu);  // 0.5 GB each
    CHECK(large.dram_bytes.value() > 2 * 3 * 2.0 * 16384 * 16384);
    CHECK(large.dram < large.tensor);
}

TEST_CASE("a kernel without operands is charged its matrices") {
    Kernel bare;
    bare.work = GemmWork{1, 512, 512, 512};
    CHECK(price(bare, a100_like()).dram_bytes.value() == doctest::Approx(3 * 2.0 * 512 * 512));
}

TEST_CASE("a 1x1 convolution of stride 1 does the matrix work of the GEMM, a 3x3 nine times that and more") {
    const Gpu gpu = a100_like();
    const CostParameters parameters = single_tile({128, 128, 1.0, 1, 1.0});
    ConvolutionWork work;
    work.batch = 2;
    work.in_channels = work.out_channels = 640;
    work.input = work.output = {1, 64, 64};
    const double one = price(convolution(work), gpu, parameters).tensor.value();
    CHECK(one == doctest::Approx(price(gemm({1, 8192, 640, 640}), gpu, parameters).tensor.value()));
    work.kernel = {1, 3, 3};
    const double nine = price(convolution(work), gpu, parameters).tensor.value();
    CHECK(nine > 9 * one);
    CHECK(nine < 9 * 1.15 * one);
}

TEST_CASE("channels are padded to whole steps of the main loop") {
    const Gpu gpu = a100_like();
    ConvolutionWork work;
    work.in_channels = 4;
    work.out_channels = 320;
    work.input = work.output = {1, 128, 128};
    work.kernel = {1, 3, 3};
    const double four = price(convolution(work), gpu).tensor.value();
    work.in_channels = 32;
    CHECK(price(convolution(work), gpu).tensor.value() == doctest::Approx(four));
    work.in_channels = 40;
    CHECK(price(convolution(work), gpu).tensor.value() > 1.5 * four);
}

TEST_CASE("few output channels waste most of a tile") {
    const Gpu gpu = a100_like();
    ConvolutionWork work;
    work.in_channels = 320;
    work.input = work.output = {1, 128, 128};
    work.kernel = {1, 3, 3};
    work.out_channels = 4;
    const KernelCost four = price(convolution(work), gpu);
    work.out_channels = 32;
    const KernelCost full = price(convolution(work), gpu);
    CHECK(four.tensor.value() == doctest::Approx(full.tensor.value()));
}

TEST_CASE("a depthwise convolution is bound by memory, not by matrix units") {
    const Gpu gpu = a100_like();
    ConvolutionWork work;
    work.in_channels = work.out_channels = work.groups = 1024;
    work.input = work.output = {1, 128, 128};
    work.kernel = {1, 3, 3};
    const KernelCost cost = price(convolution(work), gpu);
    CHECK(cost.tensor.value() == 0);
    CHECK(cost.bound == Bound::dram);
    CHECK(cost.time.value() < 3 * cost.dram_bytes.value() / 1.8e12);
}

TEST_CASE("empty work costs little and nothing that is not a number") {
    const Gpu gpu = a100_like();
    for (const Work& work : {Work{GemmWork{0, 0, 0, 0}}, Work{ConvolutionWork{0, 0, 0, 0}},
                             Work{AttentionWork{0, 0, 0, 0, 0, 0, 0}}, Work{MemoryWork{}}}) {
        Kernel kernel;
        kernel.work = work;
        const double time = price(kernel, gpu).time.value();
        CHECK(std::isfinite(time));
        CHECK(time > 0);
        CHECK(time < 10e-6);
    }
}
