#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "probe/host/half.hpp"

// The parts of CUDA that the probe's kernels use, on the host: the threads of a block are fibres that run in turn, each
// until a barrier or a warp-wide operation. For tests only; slow, and without the races a GPU would have.

#define PROBE_KERNEL void
#define PROBE_DEVICE inline
#define __shared__ static
#define PROBE_DYNAMIC_SHARED(name) unsigned char* const name = cupola::probe::emulation::dynamic_shared

namespace cupola::probe {

struct alignas(16) [[gnu::may_alias]] uint4 {
    std::uint32_t x, y, z, w;
};
struct alignas(8) [[gnu::may_alias]] uint2 {
    std::uint32_t x, y;
};

/// Binary16, as the GPU's type.
struct Fp16 {
    std::uint16_t bits;
};
/// Bfloat16, as the GPU's type.
struct Bf16 {
    std::uint16_t bits;
};

inline float to_float(Fp16 value) { return from_fp16_bits(value.bits); }
inline float to_float(Bf16 value) { return from_bf16_bits(value.bits); }
inline float to_float(float value) { return value; }

template <class T>
T from_float(float value);
template <>
inline Fp16 from_float<Fp16>(float value) {
    return {to_fp16_bits(value)};
}
template <>
inline Bf16 from_float<Bf16>(float value) {
    return {to_bf16_bits(value)};
}
template <>
inline float from_float<float>(float value) {
    return value;
}

inline void store_word(void* address, std::uint32_t word) { std::memcpy(address, &word, sizeof word); }
inline float fast_exp2(float x) { return std::exp2(x); }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline float __fdividef(float a, float b) { return a / b; }

struct Dim3 {
    unsigned x = 1, y = 1, z = 1;
};

inline Dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

inline unsigned char* dynamic_shared = nullptr;

/// One block's threads: fibres, and what they exchange.
struct Block {
    std::vector<ucontext_t> fibres;
    std::vector<char> is_over;
    std::vector<std::vector<char>> stacks;
    std::vector<std::uint64_t> slots;                  // what each thread offers to its warp
    std::vector<std::vector<std::uint32_t>> operands;  // of a warp-wide matrix operation
    ucontext_t scheduler{};
    unsigned current = 0;
    std::function<void()> body;
};

inline Block* block = nullptr;

inline void enter() {
    block->body();
    block->is_over[block->current] = 1;
}

/// Lets every other thread of the block come to its own next call. All threads make the same calls, so that one round
/// is a barrier of the block and of each warp.
inline void barrier() { ::swapcontext(&block->fibres[block->current], &block->scheduler); }

/// Runs one block of `threads` threads. All of them must take part in every barrier until they return.
inline void run_block(unsigned threads, const std::function<void()>& body) {
    constexpr std::size_t stack_bytes = 128 * 1024;
    Block own;
    own.fibres.resize(threads);
    own.is_over.assign(threads, 0);
    own.stacks.assign(threads, std::vector<char>(stack_bytes));
    own.slots.resize(threads);
    own.operands.resize(threads);
    own.body = body;
    block = &own;
    for (unsigned t = 0; t < threads; ++t) {
        ::getcontext(&own.fibres[t]);
        own.fibres[t].uc_stack.ss_sp = own.stacks[t].data();
        own.fibres[t].uc_stack.ss_size = stack_bytes;
        own.fibres[t].uc_link = &own.scheduler;
        ::makecontext(&own.fibres[t], enter, 0);
    }
    for (bool any_left = true; any_left;) {
        any_left = false;
        for (unsigned t = 0; t < threads; ++t) {
            if (own.is_over[t] != 0) continue;
            any_left = true;
            own.current = t;
            threadIdx = {t, 0, 0};
            ::swapcontext(&own.scheduler, &own.fibres[t]);
        }
    }
    block = nullptr;
}

/// Runs `kernel` for every block of the grid, in order.
inline void launch(Dim3 grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& kernel) {
    std::vector<uint4> shared(shared_bytes / 16 + 1);
    dynamic_shared = reinterpret_cast<unsigned char*>(shared.data());
    gridDim = grid;
    blockDim = {threads, 1, 1};
    for (unsigned z = 0; z < grid.z; ++z) {
        for (unsigned y = 0; y < grid.y; ++y) {
            for (unsigned x = 0; x < grid.x; ++x) {
                blockIdx = {x, y, z};
                run_block(threads, kernel);
            }
        }
    }
}

}  // namespace emulation

inline void __syncthreads() {
    const Dim3 self = threadIdx;
    emulation::barrier();
    threadIdx = self;
}
inline void __syncwarp() { __syncthreads(); }

inline float __shfl_xor_sync(unsigned, float value, int mask) {
    const unsigned self = threadIdx.x;
    std::memcpy(&emulation::block->slots[self], &value, sizeof value);
    __syncthreads();
    float other;
    std::memcpy(&other, &emulation::block->slots[self ^ static_cast<unsigned>(mask)], sizeof other);
    __syncthreads();
    return other;
}

inline float atomicAdd(float* address, float value) {
    const float before = *address;
    *address += value;
    return before;
}

/// mma.sync.m16n8k16: the fragments of all lanes, laid out as the PTX manual says.
template <class T>
void mma_16x8x16(float* d, const std::uint32_t* a, const std::uint32_t* b) {
    const unsigned self = threadIdx.x;
    const unsigned warp = self / 32 * 32;
    auto& operands = emulation::block->operands;
    operands[self] = {a[0], a[1], a[2], a[3], b[0], b[1]};
    __syncthreads();
    const auto element = [](std::uint32_t word, unsigned half) {
        return to_float(T{static_cast<std::uint16_t>(word >> (16 * half))});
    };
    const unsigned lane = self % 32;
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = lane / 4 + (i / 2) * 8;
        const unsigned column = lane % 4 * 2 + i % 2;
        for (unsigned k = 0; k < 16; ++k) {
            const auto& from_a = operands[warp + row % 8 * 4 + k % 8 / 2];
            const auto& from_b = operands[warp + column * 4 + k % 8 / 2];
            d[i] += element(from_a[row / 8 + k / 8 * 2], k % 2) * element(from_b[4 + k / 8], k % 2);
        }
    }
    __syncthreads();
}

/// ldmatrix.x4: lane i gives the address of row i % 8 of matrix i / 8; each lane receives two elements of each matrix.
inline void load_matrix_x4(std::uint32_t* words, const void* row, bool is_transposed) {
    const unsigned self = threadIdx.x;
    const unsigned warp = self / 32 * 32;
    auto& slots = emulation::block->slots;
    slots[self] = reinterpret_cast<std::uint64_t>(row);
    __syncthreads();
    const unsigned lane = self % 32;
    for (unsigned m = 0; m < 4; ++m) {
        std::uint16_t halves[2];
        for (unsigned h = 0; h < 2; ++h) {
            const unsigned r = is_transposed ? lane % 4 * 2 + h : lane / 4;
            const unsigned c = is_transposed ? lane / 4 : lane % 4 * 2 + h;
            const auto* source = reinterpret_cast<const std::uint16_t*>(slots[warp + m * 8 + r]);
            std::memcpy(&halves[h], source + c, sizeof halves[h]);
        }
        words[m] = halves[0] | (static_cast<std::uint32_t>(halves[1]) << 16);
    }
    __syncthreads();
}

/// cp.async of 16 bytes; zeros where `is_valid` is false.
inline void copy_async_16(void* shared, const void* global, bool is_valid) {
    if (is_valid) {
        std::memcpy(shared, global, 16);
    } else {
        std::memset(shared, 0, 16);
    }
}
inline void commit_copies() {}
template <int pending>
void wait_copies() {}

}  // namespace cupola::probe
