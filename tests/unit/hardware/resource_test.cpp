#include "cupola/hardware/resource.hpp"

#include <doctest/doctest.h>

#include <set>

namespace cupola {
namespace {

Gpu gpu() {
    Gpu gpu;
    gpu.sm_count = 108;
    gpu.boost_clock = gpu.sustained_tensor_clock = gpu.sustained_simt_clock = Hertz(1e9);
    gpu.tensor_rates.fp16 = 2048;
    gpu.fp32_lanes_per_sm = 64;
    gpu.mufu_per_clock_per_sm = 16;
    gpu.dram_bandwidth = BytesPerSecond(2e12);
    gpu.dram_efficiency = 0.9;
    gpu.l2_bandwidth = BytesPerSecond(5e12);
    gpu.l2_capacity = Bytes(40e6);
    gpu.l2_usable_fraction = 0.5;
    gpu.graph_kernel_slot = gpu.stream_kernel_slot = Seconds(2e-6);
    return gpu;
}

TEST_CASE("twice as much of a resource changes that resource and what it brings with it") {
    const Gpu before = gpu();
    CHECK(achieved_dram_bandwidth(with_more(before, Resource::dram_bandwidth, 2)) == BytesPerSecond(3.6e12));
    CHECK(with_more(before, Resource::l2_bandwidth, 2).l2_bandwidth == BytesPerSecond(1e13));
    CHECK(usable_l2(with_more(before, Resource::l2_capacity, 2)) == Bytes(40e6));
    CHECK(with_more(before, Resource::fp32_lanes, 2).fp32_lanes_per_sm == 128);
    CHECK(with_more(before, Resource::special_functions, 2).mufu_per_clock_per_sm == 32);
    CHECK(with_more(before, Resource::kernel_start, 2).graph_kernel_slot == Seconds(1e-6));
    const FlopsPerSecond peak = peak_matrix_throughput(before, DataType::fp16);
    for (const Resource resource : {Resource::matrix_units, Resource::sms, Resource::clock}) {
        CAPTURE(name_of(resource));
        CHECK(peak_matrix_throughput(with_more(before, resource, 2), DataType::fp16) == peak * 2.0);
        CHECK(achieved_dram_bandwidth(with_more(before, resource, 2)) == achieved_dram_bandwidth(before));
    }
}

TEST_CASE("SMs stay whole and at least one") {
    CHECK(with_more(gpu(), Resource::sms, 1.001).sm_count == 108);
    CHECK(with_more(gpu(), Resource::sms, 1e-6).sm_count == 1);
}

TEST_CASE("resources have names of their own") {
    std::set<std::string_view> names;
    for (const Resource resource : all_resources) CHECK(names.insert(name_of(resource)).second);
}

}  // namespace
}  // namespace cupola
