#pragma once

#include <cstdint>
#include <cstring>

#include "probe/host/random.hpp"

// What kernels use of the GPU. Without nvcc the same names come from an emulation on the host, on which tests check
// every kernel's arithmetic and indexing.
#if defined(__CUDACC__)

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#define PROBE_KERNEL __global__ void
#define PROBE_DEVICE __device__ __forceinline__
#define PROBE_DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]

namespace cupola::probe {

using Fp16 = __half;
using Bf16 = __nv_bfloat16;

PROBE_DEVICE float to_float(Fp16 value) { return __half2float(value); }
PROBE_DEVICE float to_float(Bf16 value) { return __bfloat162float(value); }
PROBE_DEVICE float to_float(float value) { return value; }

template <class T>
PROBE_DEVICE T from_float(float value);
template <>
PROBE_DEVICE Fp16 from_float<Fp16>(float value) {
    return __float2half_rn(value);
}
template <>
PROBE_DEVICE Bf16 from_float<Bf16>(float value) {
    return __float2bfloat16_rn(value);
}
template <>
PROBE_DEVICE float from_float<float>(float value) {
    return value;
}

PROBE_DEVICE void store_word(void* address, std::uint32_t word) { *static_cast<std::uint32_t*>(address) = word; }

PROBE_DEVICE float fast_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

}  // namespace cupola::probe

#else

#include "probe/kernels/emulation.hpp"

#endif

namespace cupola::probe {

/// 16 bytes of elements, moved by one instruction.
template <class T>
struct alignas(16) Pack {
    static constexpr int size = 16 / sizeof(T);
    T values[size];
};

template <class T>
PROBE_DEVICE Pack<T> load_pack(const T* address) {
    const uint4 raw = *reinterpret_cast<const uint4*>(address);
    Pack<T> pack;
    memcpy(&pack, &raw, sizeof raw);
    return pack;
}

template <class T>
PROBE_DEVICE void store_pack(T* address, const Pack<T>& pack) {
    uint4 raw;
    memcpy(&raw, &pack, sizeof raw);
    *reinterpret_cast<uint4*>(address) = raw;
}

/// Index of this thread among all of the grid, and how many there are: grids and blocks of one dimension.
PROBE_DEVICE std::int64_t thread_index() { return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
PROBE_DEVICE std::int64_t thread_count() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

struct Sum {
    PROBE_DEVICE static float of(float a, float b) { return a + b; }
    PROBE_DEVICE static float neutral() { return 0; }
};

struct Maximum {
    PROBE_DEVICE static float of(float a, float b) { return a > b ? a : b; }
    PROBE_DEVICE static float neutral() { return -INFINITY; }
};

/// `value` of all threads of the block joined, the same in each. `partial` is shared memory for 33 floats; the block is
/// a multiple of 32 threads, all of which take part.
template <class Operation>
PROBE_DEVICE float block_reduce(float value, float* partial) {
    for (int step = 16; step > 0; step /= 2) value = Operation::of(value, __shfl_xor_sync(0xffffffffu, value, step));
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if (lane == 0) partial[warp] = value;
    __syncthreads();
    const int warps = static_cast<int>(blockDim.x) / 32;
    float joined = lane < warps ? partial[lane] : Operation::neutral();
    for (int step = 16; step > 0; step /= 2) joined = Operation::of(joined, __shfl_xor_sync(0xffffffffu, joined, step));
    __syncthreads();  // `partial` may be used again at once
    return joined;
}

}  // namespace cupola::probe
