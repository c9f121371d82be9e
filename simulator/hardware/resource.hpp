#pragma once

#include "cupola/hardware/gpu.hpp"

#include <array>
#include <string_view>

namespace cupola {

/// What an architect could build more of.
enum class Resource {
    dram_bandwidth,
    l2_bandwidth,
    l2_capacity,
    matrix_units,
    fp32_lanes,
    special_functions,
    sms,
    clock,
    kernel_start,  ///< how quickly one kernel follows another
};
inline constexpr std::array<Resource, 9> all_resources{
    Resource::dram_bandwidth, Resource::l2_bandwidth,      Resource::l2_capacity, Resource::matrix_units,
    Resource::fp32_lanes,     Resource::special_functions, Resource::sms,         Resource::clock,
    Resource::kernel_start};
/// "DRAM bandwidth", "matrix units" …
[[nodiscard]] std::string_view name_of(Resource resource);

/// The GPU with `factor` (> 0) times as much of one resource and all else as it is. SMs bring their matrix units, lanes
/// and L1, not L2 or DRAM; their number is rounded to a whole one, at least 1. The clock is that of the SMs.
[[nodiscard]] Gpu with_more(const Gpu& gpu, Resource resource, double factor);

}  // namespace cupola
