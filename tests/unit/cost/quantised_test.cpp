#include "cupola/cost/cost.hpp"
#include "gpus.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>

using namespace cupola;
using namespace cupola::test;

namespace {

Kernel weight_only(std::int64_t m, std::int64_t n, std::int64_t k, DataType weight) {
    return gemm({1, m, n, k, weight}, DataType::fp16);
}

Kernel block_scaled(std::int64_t m, std::int64_t n, std::int64_t k) {
    return gemm({1, m, n, k, {}, true}, DataType::fp8);
}

}  // namespace

TEST_CASE("few rows are as much faster as their weights are narrower in memory") {
    const Gpu gpu = a100_like();
    const KernelCost fp16 = price(gemm({1, 16, 16384, 16384}), gpu);
    const KernelCost int8 = price(weight_only(16, 16384, 16384, DataType::int8), gpu);
    const KernelCost int4 = price(weight_only(16, 16384, 16384, DataType::int4), gpu);
    CHECK(int8.dram_bytes.value() == doctest::Approx(fp16.dram_bytes.value() / 2).epsilon(0.01));
    CHECK(int4.dram_bytes.value() == doctest::Approx(fp16.dram_bytes.value() / 4).epsilon(0.01));
    CHECK(int8.l2_bytes < fp16.l2_bytes);
    CHECK(int8.time < 0.65 * fp16.time);
    CHECK(int4.time < 0.75 * int8.time);
}

TEST_CASE("many rows gain nothing from narrow weights: dequantisation is work besides the same product") {
    const Gpu gpu = a100_like();
    CostParameters parameters = default_parameters(gpu.architecture);
    const Kernel int4 = weight_only(8192, 8192, 8192, DataType::int4);
    const KernelCost with = price(int4, gpu, parameters);
    CHECK(with.bound == Bound::tensor);
    parameters.dequantise_instructions = 0;
    const KernelCost without = price(int4, gpu, parameters);
    CHECK(with.tensor > without.tensor);
    CHECK(with.tensor < 1.15 * without.tensor);
    // A tile of 16 rows has little matrix work to hide it behind.
    CHECK(price(weight_only(16, 512, 8192, DataType::int4), gpu).tensor >=
          price(weight_only(16, 512, 8192, DataType::int4), gpu, parameters).tensor);
}

TEST_CASE("parts of K that add their sums one after the other make deep splits slow") {
    const Gpu gpu = a100_like();
    CostParameters parameters = default_parameters(gpu.architecture);
    const Kernel kernel = weight_only(32, 512, 12288, DataType::int8);
    const double waits = price(kernel, gpu, parameters).time.value();
    parameters.weight_only_split_seconds = 1e-7;
    CHECK(price(kernel, gpu, parameters).time.value() < waits - 3e-6);
    parameters.weight_only_split_grid_share = 0;
    CHECK(price(kernel, gpu, parameters).time.value() > waits);
}

TEST_CASE("one row of quantised weights takes a matrix-vector kernel, whose loop over K has a latency") {
    const Gpu gpu = a100_like();
    for (const Kernel& narrow :
         {weight_only(1, 256, 65536, DataType::int8), gemm({1, 1, 256, 65536}, DataType::int8)}) {
        CostParameters parameters = default_parameters(gpu.architecture);
        const double time = price(narrow, gpu, parameters).time.value();
        parameters.weight_only_gemv_clocks *= 0.5;
        parameters.int8_gemv_clocks *= 0.5;
        CHECK(price(narrow, gpu, parameters).time.value() < time);
    }
}

TEST_CASE("block scales cost a product its partial sums' rescaling, and nothing where they are operands") {
    const Kernel scaled = block_scaled(8192, 8192, 8192);
    const Kernel plain = gemm({1, 8192, 8192, 8192}, DataType::fp8);
    CHECK(price(scaled, h100_like()).time > price(plain, h100_like()).time);
    CostParameters parameters = default_parameters(Architecture::hopper);
    const double rescaled = price(scaled, h100_like(), parameters).tensor.value();
    parameters.rescale_instructions = 0;
    CHECK(price(scaled, h100_like(), parameters).tensor.value() < rescaled);
    CHECK(default_parameters(Architecture::blackwell).rescale_instructions == 0);
}

TEST_CASE("rows beyond M cost Hopper's block-scaled kernel more than rows") {
    const Gpu gpu = h100_like();
    const double part = price(block_scaled(129, 4096, 8192), gpu).time.value();
    const double full = price(block_scaled(256, 4096, 8192), gpu).time.value();
    CHECK(part > 1.3 * full);  // measured: 46 and 28 us
    CostParameters parameters = default_parameters(gpu.architecture);
    parameters.padding_clocks_per_byte = 0;
    CHECK(price(block_scaled(129, 4096, 8192), gpu, parameters).time.value() <= full);
}

TEST_CASE("a product's output counts as wide as it is written") {
    const Gpu gpu = h100_like();
    Kernel kernel = gemm({1, 8192, 8192, 128}, DataType::fp8);
    const double narrow = price(kernel, gpu).l2_bytes.value();
    kernel.operands[2].bytes *= 2;
    CHECK(price(kernel, gpu).l2_bytes.value() > narrow + 0.9 * 8192 * 8192);
}

TEST_CASE("int8 with k across the rows runs on integer lanes, as measured on an A100") {
    // cuBLASLt 13.0, row-major factors, 32-bit sums: CodeGandee/accelsim-test, gemm_transpose_square_pinned_algo
    // (A100-SXM4-80GB, mean GPU times of cold runs). Nothing was fitted to these.
    struct Row {
        std::int64_t size;
        double measured_us;
    };
    const Gpu gpu = a100_like();
    double total = 0;
    for (const Row& row :
         {Row{1024, 69.2}, {1280, 100.2}, {1536, 153.7}, {2048, 299.2}, {2304, 334.9}, {4096, 1923.0}}) {
        const auto elements = static_cast<double>(row.size * row.size);
        GemmWork work{1, row.size, row.size, row.size};
        Kernel kernel = gemm(work, DataType::int8);
        add_operand(kernel, {Bytes(elements)});
        add_operand(kernel, {Bytes(elements)});
        add_operand(kernel, {.bytes = Bytes(4 * elements), .access = Access::write});
        const double on_matrix_units = price(kernel, gpu).time.value();
        std::get<GemmWork>(kernel.work).integer_lanes = true;
        const double predicted = price(kernel, gpu).time.value();
        CAPTURE(row.size);
        CAPTURE(predicted * 1e6);
        CHECK(predicted > 2 * on_matrix_units);
        const double error = predicted / (row.measured_us * 1e-6) - 1;
        CHECK(std::abs(error) < 0.35);
        total += std::abs(error);
    }
    MESSAGE("mean absolute error " << total / 6);
    CHECK(total / 6 < 0.2);
}
