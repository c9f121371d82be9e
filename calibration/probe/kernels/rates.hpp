#pragma once

#include "probe/kernels/device.hpp"

// Loops of one instruction each, for the rate of one unit. For nvcc only: the emulation has no such units.

namespace cupola::probe {

inline constexpr int rate_threads = 256;
inline constexpr int rate_chains = 8;  // independent instructions a thread has in flight
inline constexpr int rate_iterations = 4096;

/// Fused multiply-adds in fp32: 2 operations each.
PROBE_KERNEL fma_kernel(float* out, float factor) {
    float value[rate_chains];
#pragma unroll
    for (int c = 0; c < rate_chains; ++c) value[c] = static_cast<float>(threadIdx.x + c);
    for (int i = 0; i < rate_iterations; ++i) {
#pragma unroll
        for (int c = 0; c < rate_chains; ++c) value[c] = fmaf(value[c], factor, 1.0f);
    }
    float sum = 0;
#pragma unroll
    for (int c = 0; c < rate_chains; ++c) sum += value[c];
    if (sum == -1.0f) out[0] = sum;  // keeps the loop
}

/// Base-2 exponentials in the special function unit.
PROBE_KERNEL mufu_kernel(float* out, float start) {
    float value[rate_chains];
#pragma unroll
    for (int c = 0; c < rate_chains; ++c) value[c] = start * static_cast<float>(threadIdx.x + c);
    for (int i = 0; i < rate_iterations; ++i) {
#pragma unroll
        for (int c = 0; c < rate_chains; ++c) {
            asm volatile("ex2.approx.ftz.f32 %0, %0;" : "+f"(value[c]));
        }
    }
    float sum = 0;
#pragma unroll
    for (int c = 0; c < rate_chains; ++c) sum += value[c];
    if (sum == -1.0f) out[0] = sum;
}

/// The operand types of mma.sync, and the shape of one instruction.
enum class MmaType { fp16, bf16, tf32, int8, fp8 };

/// Multiply-adds of one instruction.
constexpr int mma_size(MmaType type) {
    return type == MmaType::tf32                           ? 16 * 8 * 8
           : type == MmaType::int8 || type == MmaType::fp8 ? 16 * 8 * 32
                                                           : 16 * 8 * 16;
}

#define PROBE_MMA_FLOAT(shape)                                                                      \
    asm volatile("mma.sync.aligned." shape " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                   \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))

/// d += a b; operands are what is in the registers.
template <MmaType type>
PROBE_DEVICE void mma_step(float* d, const unsigned* a, const unsigned* b) {
    if constexpr (type == MmaType::fp16) PROBE_MMA_FLOAT("m16n8k16.row.col.f32.f16.f16.f32");
    if constexpr (type == MmaType::bf16) PROBE_MMA_FLOAT("m16n8k16.row.col.f32.bf16.bf16.f32");
    if constexpr (type == MmaType::tf32) PROBE_MMA_FLOAT("m16n8k8.row.col.f32.tf32.tf32.f32");
    if constexpr (type == MmaType::int8) {
        int* const sums = reinterpret_cast<int*>(d);
        asm volatile(
            "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    if constexpr (type == MmaType::fp8) PROBE_MMA_FLOAT("m16n8k32.row.col.f32.e4m3.e4m3.f32");
#endif
}

/// Tensor-core products of operands that stay in registers: `operands` holds 6 words a lane.
template <MmaType type>
PROBE_KERNEL mma_kernel(float* out, const unsigned* operands) {
    unsigned a[4];
    unsigned b[2];
    const unsigned lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 4; ++i) a[i] = operands[lane * 6 + i];
#pragma unroll
    for (int i = 0; i < 2; ++i) b[i] = operands[lane * 6 + 4 + i];
    float d[rate_chains][4] = {};
    for (int i = 0; i < rate_iterations; ++i) {
#pragma unroll
        for (int c = 0; c < rate_chains; ++c) mma_step<type>(d[c], a, b);
    }
    float sum = 0;
#pragma unroll
    for (int c = 0; c < rate_chains; ++c) sum += d[c][0] + d[c][1] + d[c][2] + d[c][3];
    if (sum == -1.25f) out[0] = sum;
}

}  // namespace cupola::probe
