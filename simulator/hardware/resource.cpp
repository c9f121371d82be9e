#include "cupola/hardware/resource.hpp"

#include <algorithm>
#include <cmath>

namespace cupola {

std::string_view name_of(Resource resource) {
    switch (resource) {
        case Resource::dram_bandwidth: return "DRAM bandwidth";
        case Resource::l2_bandwidth: return "L2 bandwidth";
        case Resource::l2_capacity: return "L2 capacity";
        case Resource::matrix_units: return "matrix units";
        case Resource::fp32_lanes: return "FP32 lanes";
        case Resource::special_functions: return "special-function units";
        case Resource::sms: return "SMs";
        case Resource::clock: return "SM clock";
        case Resource::kernel_start: return "kernel starts";
    }
    return "";
}

Gpu with_more(const Gpu& gpu, Resource resource, double factor) {
    Gpu more = gpu;
    switch (resource) {
        case Resource::dram_bandwidth: more.dram_bandwidth = gpu.dram_bandwidth * factor; break;
        case Resource::l2_bandwidth: more.l2_bandwidth = gpu.l2_bandwidth * factor; break;
        case Resource::l2_capacity: more.l2_capacity = gpu.l2_capacity * factor; break;
        case Resource::matrix_units:
            for (double* rate : {&more.tensor_rates.fp16, &more.tensor_rates.bf16, &more.tensor_rates.tf32,
                                 &more.tensor_rates.fp8, &more.tensor_rates.int8}) {
                *rate *= factor;
            }
            break;
        case Resource::fp32_lanes: more.fp32_lanes_per_sm = gpu.fp32_lanes_per_sm * factor; break;
        case Resource::special_functions: more.mufu_per_clock_per_sm = gpu.mufu_per_clock_per_sm * factor; break;
        case Resource::sms: more.sm_count = std::max(1, static_cast<int>(std::lround(gpu.sm_count * factor))); break;
        case Resource::clock:
            more.boost_clock = gpu.boost_clock * factor;
            more.sustained_tensor_clock = gpu.sustained_tensor_clock * factor;
            more.sustained_simt_clock = gpu.sustained_simt_clock * factor;
            break;
        case Resource::kernel_start:
            more.stream_kernel_slot = gpu.stream_kernel_slot / factor;
            more.graph_kernel_slot = gpu.graph_kernel_slot / factor;
            break;
    }
    return more;
}

}  // namespace cupola
