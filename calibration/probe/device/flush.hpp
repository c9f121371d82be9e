#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace cupola::probe {

/// Name of the kernel of `enqueue_flush`, as a part of its mangled name.
inline constexpr const char* flush_kernel_name = "flush_kernel";

/// Reads `bytes` of memory: what lies in L2 afterwards is clean, and none of it an operand.
void enqueue_flush(const void* memory, std::size_t bytes, unsigned* sink, int sms, cudaStream_t stream);

/// A kernel that does nothing.
void enqueue_empty(int blocks, int threads, cudaStream_t stream);

/// A kernel that one thread keeps running for about `cycles` clock cycles.
void enqueue_delay(long long cycles, cudaStream_t stream);

}  // namespace cupola::probe
