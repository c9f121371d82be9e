#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel.hpp"

#include <limits>

// GPUs and kernels for tests of the cost model, so that these do not depend on data files or their loader.
namespace cupola::test {

/// Round figures near an A100-SXM4-80GB.
inline Gpu a100_like() {
    Gpu gpu;
    gpu.name = "a100-like";
    gpu.architecture = Architecture::ampere;
    gpu.sm_count = 108;
    gpu.boost_clock = Hertz(1.41e9);
    gpu.sustained_tensor_clock = Hertz(1.35e9);
    gpu.sustained_simt_clock = Hertz(1.4e9);
    gpu.tensor_rates = {2048, 2048, 1024, 0, 4096};
    gpu.fp32_lanes_per_sm = 64;
    gpu.mufu_per_clock_per_sm = 16;
    gpu.max_warps_per_sm = 64;
    gpu.shared_memory_per_sm = Bytes(192.0 * 1024);
    gpu.dram_capacity = Bytes(80e9);
    gpu.dram_bandwidth = BytesPerSecond(2.0e12);
    gpu.dram_efficiency = 0.9;
    gpu.dram_latency = Seconds(400e-9);
    gpu.l2_capacity = Bytes(40e6);
    gpu.l2_usable_fraction = 0.5;
    gpu.l2_bandwidth = BytesPerSecond(4.5e12);
    gpu.stream_kernel_slot = Seconds(2.6e-6);
    gpu.graph_kernel_slot = Seconds(1.3e-6);
    gpu.tdp = Watts(400);
    gpu.pcie_bandwidth = BytesPerSecond(25e9);
    return gpu;
}

/// Round figures near a V100-SXM2-16GB.
inline Gpu v100_like() {
    Gpu gpu = a100_like();
    gpu.name = "v100-like";
    gpu.architecture = Architecture::volta;
    gpu.sm_count = 80;
    gpu.boost_clock = Hertz(1.53e9);
    gpu.sustained_tensor_clock = Hertz(1.2e9);
    gpu.sustained_simt_clock = Hertz(1.46e9);
    gpu.tensor_rates = {1024, 0, 0, 0, 0};
    gpu.dram_bandwidth = BytesPerSecond(0.9e12);
    gpu.l2_capacity = Bytes(6e6);
    gpu.l2_bandwidth = BytesPerSecond(2.4e12);
    return gpu;
}

/// Round figures near an H100-SXM5-80GB.
inline Gpu h100_like() {
    Gpu gpu = a100_like();
    gpu.name = "h100-like";
    gpu.architecture = Architecture::hopper;
    gpu.sm_count = 132;
    gpu.boost_clock = Hertz(1.98e9);
    gpu.sustained_tensor_clock = Hertz(1.6e9);
    gpu.sustained_simt_clock = Hertz(1.7e9);
    gpu.tensor_rates = {4096, 4096, 2048, 8192, 8192};
    gpu.fp32_lanes_per_sm = 128;
    gpu.dram_bandwidth = BytesPerSecond(3.35e12);
    gpu.dram_latency = Seconds(340e-9);
    gpu.l2_capacity = Bytes(50e6);
    gpu.l2_bandwidth = BytesPerSecond(6.0e12);
    gpu.graph_kernel_slot = Seconds(1.25e-6);
    gpu.tdp = Watts(700);
    return gpu;
}

inline void add_tensor(Kernel& kernel, Access access, double bytes,
                       double reuse_distance = std::numeric_limits<double>::infinity(), float run_bytes = 0,
                       float passes = 1) {
    Operand operand;
    operand.bytes = Bytes(bytes);
    operand.reuse_distance = Bytes(reuse_distance);
    operand.run_bytes = run_bytes;
    operand.passes = passes;
    operand.access = access;
    add_operand(kernel, operand);
}

/// A GEMM with its three operands, none in L2.
inline Kernel gemm(const GemmWork& work, DataType type = DataType::fp16) {
    Kernel kernel;
    kernel.label = "gemm";
    kernel.category = Category::linear;
    kernel.type = type;
    kernel.work = work;
    const double element = bytes_per_element(type) * static_cast<double>(work.batch);
    const auto m = static_cast<double>(work.m);
    const auto n = static_cast<double>(work.n);
    const auto k = static_cast<double>(work.k);
    const double weight = bytes_per_element(work.weight.value_or(type)) * static_cast<double>(work.batch);
    add_tensor(kernel, Access::read, m * k * element);
    add_tensor(kernel, Access::weight, n * k * weight);
    add_tensor(kernel, Access::write, m * n * element);
    return kernel;
}

/// A convolution with its three operands, none in L2.
inline Kernel convolution(const ConvolutionWork& work, DataType type = DataType::fp16) {
    const auto volume = [](const std::array<std::int64_t, 3>& extents) {
        return static_cast<double>(extents[0] * extents[1] * extents[2]);
    };
    Kernel kernel;
    kernel.label = "conv";
    kernel.category = Category::convolution;
    kernel.type = type;
    kernel.work = work;
    const double element = bytes_per_element(type);
    const auto batch = static_cast<double>(work.batch);
    const auto in = static_cast<double>(work.in_channels);
    const auto out = static_cast<double>(work.out_channels);
    add_tensor(kernel, Access::read, batch * in * volume(work.input) * element);
    add_tensor(kernel, Access::weight, in * out / static_cast<double>(work.groups) * volume(work.kernel) * element);
    add_tensor(kernel, Access::write, batch * out * volume(work.output) * element);
    return kernel;
}

/// Fused attention with Q, K, V and output, none in L2.
inline Kernel attention(const AttentionWork& work, DataType type = DataType::fp16) {
    Kernel kernel;
    kernel.label = "attention";
    kernel.category = Category::attention;
    kernel.type = type;
    kernel.work = work;
    const double element = bytes_per_element(type) * static_cast<double>(work.batch);
    const double rows = static_cast<double>(work.heads * work.queries) * element;
    const double keys = static_cast<double>(work.kv_heads * work.keys) * element;
    add_tensor(kernel, Access::read, rows * static_cast<double>(work.head_dim));
    add_tensor(kernel, Access::read, keys * static_cast<double>(work.head_dim));
    add_tensor(kernel, Access::read, keys * static_cast<double>(work.value_dim));
    add_tensor(kernel, Access::write, rows * static_cast<double>(work.value_dim));
    return kernel;
}

/// One read and one write of `elements` each.
inline Kernel memory(const MemoryWork& work, DataType type = DataType::fp16,
                     double reuse_distance = std::numeric_limits<double>::infinity()) {
    Kernel kernel;
    kernel.label = "memory";
    kernel.type = type;
    kernel.work = work;
    const double bytes = bytes_per_element(type) * static_cast<double>(work.elements);
    add_tensor(kernel, Access::read, bytes, reuse_distance);
    add_tensor(kernel, Access::write, bytes);
    return kernel;
}

}  // namespace cupola::test
