#include "cupola/hardware/gpu.hpp"

namespace cupola {

std::string_view name_of(Architecture architecture) {
    switch (architecture) {
        case Architecture::volta: return "volta";
        case Architecture::turing: return "turing";
        case Architecture::ampere: return "ampere";
        case Architecture::ampere_consumer: return "ampere_consumer";
        case Architecture::ada: return "ada";
        case Architecture::hopper: return "hopper";
        case Architecture::blackwell: return "blackwell";
    }
    return "unknown";
}

double tensor_rate(const Gpu& gpu, DataType type) {
    switch (type) {
        case DataType::fp16: return gpu.tensor_rates.fp16;
        case DataType::bf16: return gpu.tensor_rates.bf16;
        case DataType::tf32: return gpu.tensor_rates.tf32;
        case DataType::fp8: return gpu.tensor_rates.fp8;
        case DataType::fp4: return gpu.tensor_rates.fp4;
        case DataType::int8:
        case DataType::int4: return gpu.tensor_rates.int8;
        case DataType::fp32:
        case DataType::int32:
        case DataType::int64: return 0.0;
    }
    return 0.0;
}

FlopsPerSecond peak_matrix_throughput(const Gpu& gpu, DataType type) {
    const double rate = tensor_rate(gpu, type);
    if (rate > 0.0) return FlopsPerSecond(gpu.sm_count * rate * gpu.sustained_tensor_clock.value());
    constexpr double flops_per_fma = 2.0;
    return FlopsPerSecond(gpu.sm_count * gpu.fp32_lanes_per_sm * flops_per_fma * gpu.sustained_simt_clock.value());
}

BytesPerSecond achieved_dram_bandwidth(const Gpu& gpu) { return gpu.dram_bandwidth * gpu.dram_efficiency; }

Bytes usable_l2(const Gpu& gpu) { return gpu.l2_capacity * gpu.l2_usable_fraction; }

FlopsPerByte ridge_point(const Gpu& gpu, DataType type) {
    return peak_matrix_throughput(gpu, type) / achieved_dram_bandwidth(gpu);
}

}  // namespace cupola
