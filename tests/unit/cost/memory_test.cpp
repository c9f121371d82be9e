#include "cupola/cost/cost.hpp"
#include "gpus.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>

using namespace cupola;
using namespace cupola::test;

namespace {

MemoryWork streaming(std::int64_t elements) {
    MemoryWork work;
    work.elements = elements;
    return work;
}

}  // namespace

TEST_CASE("a large element-wise kernel runs at the achieved DRAM bandwidth") {
    const Gpu gpu = a100_like();
    const KernelCost cost = price(memory(streaming(1 << 28)), gpu);
    const double stream = 4.0 * (1 << 28) / 1.8e12;
    CHECK(cost.bound == Bound::dram);
    CHECK(cost.dram.value() == doctest::Approx(stream).epsilon(0.01));
    CHECK(cost.time.value() == doctest::Approx(stream).epsilon(0.03));
}

TEST_CASE("a tiny kernel takes the launch slot and one trip to memory") {
    const Gpu gpu = a100_like();
    const KernelCost cost = price(memory(streaming(64)), gpu);
    CHECK(cost.bound == Bound::launch);
    CHECK(cost.launch == gpu.graph_kernel_slot);
    CHECK(cost.dram.value() == doctest::Approx(400e-9).epsilon(0.01));
}

TEST_CASE("an input that its producer left in L2 is not read from DRAM") {
    const Gpu gpu = a100_like();  // usable L2: 20 MB
    const std::int64_t elements = 4 << 20;
    const double bytes = 2.0 * static_cast<double>(elements);  // 8.4 MB
    const KernelCost cold = price(memory(streaming(elements)), gpu);
    const KernelCost warm = price(memory(streaming(elements), DataType::fp16, 0), gpu);
    CHECK(cold.dram_bytes.value() == doctest::Approx(2 * bytes));
    CHECK(warm.dram_bytes.value() == doctest::Approx(bytes));
    CHECK(warm.dram.value() < 0.55 * cold.dram.value());
    CHECK(warm.l2_bytes == cold.l2_bytes);
    CHECK(warm.time < cold.time);

    SUBCASE("what was touched since pushes it out in part") {
        const double width = 20e6 * default_parameters(gpu.architecture).eviction_width;
        const KernelCost part = price(memory(streaming(elements), DataType::fp16, 20e6 + width / 2 - bytes), gpu);
        CHECK(part.dram_bytes.value() == doctest::Approx(1.5 * bytes));
        const KernelCost none = price(memory(streaming(elements), DataType::fp16, 20e6 + width - bytes), gpu);
        CHECK(none.dram_bytes.value() == doctest::Approx(2 * bytes));
    }
    SUBCASE("a result that is read soon is still written to DRAM for the most part") {
        Kernel kernel = memory(streaming(elements), DataType::fp16, 0);
        kernel.operands[1].reuse_distance = Bytes(0);
        const double share = default_parameters(gpu.architecture).dirty_share;
        CHECK(share > 0.5);
        CHECK(price(kernel, gpu).dram_bytes.value() == doctest::Approx(share * bytes));
    }
    SUBCASE("weights stay resident by the same rule as activations") {
        Kernel product = gemm({1, 64, 1024, 1024});
        product.operands[1].reuse_distance = Bytes(0);
        CHECK(price(product, gpu).dram_bytes.value() == doctest::Approx(2.0 * 2 * 64 * 1024));
    }
}

TEST_CASE("a second pass hits L2 only as far as the tensor fits") {
    const Gpu gpu = a100_like();
    const auto dram = [&](double bytes) {
        Kernel kernel;
        kernel.work = streaming(static_cast<std::int64_t>(bytes / 2));
        add_tensor(kernel, Access::read, bytes, std::numeric_limits<double>::infinity(), 0, 2);
        return price(kernel, gpu).dram_bytes.value();
    };
    CHECK(dram(10e6) == doctest::Approx(10e6));
    CHECK(dram(60e6) == doctest::Approx(100e6));
}

TEST_CASE("a block that walks its row twice finds it in L2 unless the rows in flight exceed it") {
    const Gpu gpu = a100_like();  // usable L2: 20 MB
    const auto dram = [&](std::int64_t rows, double row_bytes) {
        Kernel kernel;
        MemoryWork work = streaming(static_cast<std::int64_t>(row_bytes / 2) * rows);
        work.pattern = Pattern::row_reduction;
        work.rows = rows;
        kernel.work = work;
        const double bytes = row_bytes * static_cast<double>(rows);
        add_tensor(kernel, Access::read, bytes, std::numeric_limits<double>::infinity(), 0, 2);
        return price(kernel, gpu).dram_bytes.value() / bytes;
    };
    // 108 x 2,048 threads in blocks of 128: 1,728 rows, 0.85 of which pass between two visits
    const auto missed = [](double row_bytes) { return 1 / (1 + std::pow(20e6 / (0.85 * 1728 * row_bytes), 6)); };
    CHECK(dram(65536, 2048) == doctest::Approx(1).epsilon(1e-4));
    CHECK(dram(65536, 16384) == doctest::Approx(1 + missed(16384)));
    CHECK(dram(65536, 65536) == doctest::Approx(2).epsilon(1e-3));
    CHECK(dram(500, 16384) == doctest::Approx(1).epsilon(1e-2));  // fewer rows than the GPU holds
}

TEST_CASE("short runs move whole sectors") {
    const Gpu gpu = a100_like();
    const double bytes = 1e6;
    const auto cost = [&](float run, Pattern pattern) {
        Kernel kernel;
        MemoryWork work = streaming(static_cast<std::int64_t>(bytes / 2));
        work.pattern = pattern;
        kernel.work = work;
        add_tensor(kernel, Access::read, bytes, std::numeric_limits<double>::infinity(), run);
        return price(kernel, gpu);
    };
    CHECK(cost(64, Pattern::strided_copy).l2_bytes.value() == doctest::Approx(bytes));
    CHECK(cost(40, Pattern::strided_copy).l2_bytes.value() == doctest::Approx(1.6 * bytes));
    CHECK(cost(2, Pattern::strided_copy).l2_bytes.value() == doctest::Approx(16 * bytes));
    // neighbouring runs find their sector in L2; random rows do not
    CHECK(cost(2, Pattern::strided_copy).dram_bytes.value() == doctest::Approx(2 * bytes));
    CHECK(cost(2, Pattern::gather).dram_bytes.value() == doctest::Approx(16 * bytes));
}

TEST_CASE("a transposed copy reads a sector for each element from the L2") {
    // pytorch/pytorch#113560, H100: 32,768 x 8,192 elements of one byte in 1.98 ms
    constexpr std::int64_t elements = 32768 * 8192;
    Kernel kernel;
    MemoryWork work = streaming(elements);
    work.pattern = Pattern::strided_copy;
    kernel.type = DataType::fp8;
    kernel.work = work;
    add_tensor(kernel, Access::read, elements, std::numeric_limits<double>::infinity(), 1);
    add_tensor(kernel, Access::write, elements);
    const KernelCost cost = price(kernel, h100_like());
    CHECK(cost.bound == Bound::l2);
    CHECK(std::abs(cost.time.value() / 1.98e-3 - 1) < 0.05);
}

TEST_CASE("group-norm statistics are slow where there are few groups") {
    const Gpu gpu = a100_like();
    MemoryWork work;
    work.pattern = Pattern::block_reduction;
    work.elements = 2LL * 320 * 128 * 128;
    work.rows = 2LL * 32;
    const auto seconds = [&](std::int64_t rows) {
        work.rows = rows;
        Kernel kernel;
        kernel.work = work;
        add_tensor(kernel, Access::read, 2.0 * static_cast<double>(work.elements));
        return price(kernel, gpu).time.value();
    };
    const double few = seconds(64);
    // 64 blocks, 2.6 elements a clock each
    CHECK(few == doctest::Approx(static_cast<double>(work.elements) / 64 / (2.6 * 1.4e9) + 1.3e-6).epsilon(0.02));
    CHECK(seconds(640) < 0.5 * few);
    work.pattern = Pattern::row_reduction;
    CHECK(seconds(64) < few);
}

TEST_CASE("a few long rows cannot load the memory system") {
    const Gpu gpu = a100_like();
    const auto seconds = [&](std::int64_t rows) {
        MemoryWork work = streaming(1 << 24);
        work.pattern = Pattern::row_reduction;
        work.rows = rows;
        return price(memory(work), gpu).time.value();
    };
    CHECK(seconds(4) > 4 * seconds(4096));
}

TEST_CASE("bandwidth follows the bytes that threads keep in flight") {
    const Gpu gpu = a100_like();
    MemoryWork work = streaming(1 << 28);
    const double bytes = 4.0 * (1 << 28);
    work.in_flight_per_sm = 1024;
    CHECK(price(memory(work), gpu).dram.value() ==
          doctest::Approx(bytes * (1.65 + 0.58 / 2) * 400e-9 / (108 * 1024)).epsilon(0.01));  // latency-bound
    work.in_flight_per_sm = 8192;
    const double half = price(memory(work), gpu).dram.value();
    work.in_flight_per_sm = 65536;
    CHECK(price(memory(work), gpu).dram.value() < half);
    CHECK(price(memory(work), gpu).dram == price(memory(streaming(1 << 28)), gpu).dram);
}

TEST_CASE("the code of the first blocks overlaps with nothing") {
    const Gpu gpu = a100_like();
    MemoryWork work = streaming(1 << 26);
    work.pattern = Pattern::row_reduction;
    work.rows = 1 << 16;
    work.sm_clocks_per_row = 450;
    const double together = price(memory(work), gpu).launch.value();
    work.row_threads = 128;  // 16 blocks an SM
    CHECK(price(memory(work), gpu).launch.value() - together ==
          doctest::Approx(1.7 * 16 * 450 / gpu.sustained_simt_clock.value()));
    work.rows = 108;  // one block an SM
    CHECK(price(memory(work), gpu).launch.value() - together ==
          doctest::Approx(450 / gpu.sustained_simt_clock.value()));
}

TEST_CASE("a chase of pointers takes the latency of the cache that holds the set") {
    const Gpu gpu = a100_like();
    const auto latency = [&](double bytes) {
        Kernel kernel;
        MemoryWork work = streaming(1000000);
        work.pattern = Pattern::chase;
        kernel.work = work;
        add_tensor(kernel, Access::read, bytes);
        return price(kernel, gpu).launch.value() * 1e-6;
    };
    CHECK(latency(16e3) == doctest::Approx(33 / 1.4e9).epsilon(0.01));
    CHECK(latency(3e6) == doctest::Approx(206 / 1.4e9).epsilon(0.01));
    CHECK(latency(1e9) == doctest::Approx(400e-9).epsilon(0.01));
}

TEST_CASE("parameters that every row reads come from the L1 where they fit") {
    const Gpu gpu = a100_like();
    const auto cost = [&](double parameter_bytes) {
        Kernel kernel;
        MemoryWork work = streaming(1 << 16);
        work.pattern = Pattern::row_reduction;
        work.rows = 1 << 14;
        kernel.work = work;
        add_tensor(kernel, Access::weight, parameter_bytes);
        return price(kernel, gpu);
    };
    CHECK(cost(16e3).l2_bytes.value() < 1.1 * 16e3);
    CHECK(cost(2e6).l2_bytes.value() == doctest::Approx(2e6 * (1 << 14)).epsilon(0.01));
    CHECK(cost(64e3).simt.value() ==
          doctest::Approx(64e3 * (1 << 14) / (128 * 108 * gpu.sustained_simt_clock.value())).epsilon(0.01));
    CHECK(cost(2e6).dram_bytes.value() == doctest::Approx(2e6));
}

TEST_CASE("a generic permute is slower than a copy, and transcendental work can bound a kernel") {
    const Gpu gpu = a100_like();
    MemoryWork work = streaming(1 << 26);
    const double copy = price(memory(work), gpu).time.value();
    work.pattern = Pattern::strided_copy;
    CHECK(price(memory(work), gpu).time.value() > 1.25 * copy);
    work.pattern = Pattern::streaming;
    work.mufu_per_element = 20;
    const KernelCost heavy = price(memory(work), gpu);
    CHECK(heavy.bound == Bound::mufu);
    CHECK(heavy.mufu.value() == doctest::Approx(20.0 * (1 << 26) / (108 * 16 * 1.4e9)));
}

TEST_CASE("time is the launch part plus a smooth maximum of the bounds") {
    const KernelCost cost = price(memory(streaming(1 << 22)), a100_like());
    const double largest = cost.dram.value();
    CHECK(cost.time.value() >= cost.launch.value() + largest);
    CHECK(cost.time.value() <= cost.launch.value() + 1.23 * largest);
}

TEST_CASE("bounds have distinct names") {
    std::set<std::string> names;
    for (const Bound bound : all_bounds) names.insert(std::string(name_of(bound)));
    CHECK(names.size() == all_bounds.size());
    CHECK(names.count("") == 0);
}

TEST_CASE("a kernel whose own code is slower than memory takes its clocks over all SMs") {
    const Gpu gpu = a100_like();
    MemoryWork work = streaming(1 << 26);
    work.rows = 1 << 14;
    const KernelCost fast = price(memory(work), gpu);
    work.sm_clocks_per_element = 0.7F;
    work.sm_clocks_per_row = 300;
    const KernelCost slow = price(memory(work), gpu);
    const double clocks = 0.7F * (1 << 26) + 300.0 * (1 << 14);
    CHECK(slow.simt.value() ==
          doctest::Approx(clocks / (gpu.sm_count * gpu.sustained_simt_clock.value())).epsilon(1e-9));
    CHECK(slow.bound == Bound::simt);
    CHECK(slow.time > fast.time);
    CHECK(slow.dram_bytes == fast.dram_bytes);
}

TEST_CASE("fewer resident warps delay code that waits at reductions, not index arithmetic") {
    const auto seconds = [](int warps, float clocks_per_row) {
        Gpu gpu = a100_like();
        gpu.max_warps_per_sm = warps;
        MemoryWork work = streaming(1 << 26);
        work.sm_clocks_per_element = 0.7F;
        work.sm_clocks_per_row = clocks_per_row;
        return price(memory(work), gpu).simt.value();
    };
    CHECK(seconds(32, 300) == doctest::Approx(2 * seconds(64, 300)).epsilon(1e-9));
    CHECK(seconds(32, 0) == doctest::Approx(seconds(64, 0)).epsilon(1e-9));
}
