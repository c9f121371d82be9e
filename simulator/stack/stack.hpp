#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel.hpp"
#include "cupola/kernel/kernel_kind.hpp"
#include "cupola/units/quantity.hpp"
#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cupola {

/// CPU time that a framework spends per operator before its first kernel is queued, and per further kernel.
struct DispatchCosts {
    Seconds elementwise, norm, linear, convolution, attention, copy, view, embedding;
    Seconds extra_kernel;  ///< each kernel after an operator's first
};

/// What a framework's own memory-bound kernels take in SM clocks where they do not keep up with memory (MemoryWork).
struct KernelCode {
    float indexed_element = 0;     ///< general element-wise kernel: broadcast, sliced or reordered operands
    float softmax_iteration = 0;   ///< softmax, a block a row: clocks of a block for one loop over its threads
    float layer_norm_element = 0;  ///< layer norm, a block a row
    float layer_norm_row = 0;
};

enum class AttentionImplementation { math, fused };
enum class TensorLayout { channels_first, channels_last };  ///< of convolution tensors

/// A software stack: how operators become kernels and what the host spends on each. Loaded from hwmodels/stacks.
struct Stack {
    std::string name, title;
    AttentionImplementation attention = AttentionImplementation::fused;
    TensorLayout layout = TensorLayout::channels_first;
    bool fuse_pointwise = false;  ///< pointwise chains, and one norm or softmax with its neighbours, become one kernel
    bool cuda_graphs = false;
    bool fuse_conv_bias = false;    ///< the convolution adds its bias itself
    bool tf32_convolution = false;  ///< fp32 convolutions run as TF32 where the GPU has it
    bool tf32_matmul = false;       ///< fp32 matrix products (linear, matmul, attention) do
    LibraryChoice libraries;  ///< whose fitted parameters price a kind of kernel; none: the architecture's defaults
    DispatchCosts dispatch;
    KernelCode code;
    Seconds start_latency, kernel_gap, sync, graph_launch, host_per_pass;
    bool sync_each_pass = false;
    double host_speed = 1.0;  ///< multiplies every host cost; 1 = the host the costs were taken on
    Bytes runtime_memory;     ///< context and workspace outside tensors
    std::vector<Fact> facts;
};

/// A kernel in the stream and the operator it came from.
struct KernelInstance {
    std::uint32_t kernel = 0;  ///< index into KernelSequence::kernels
    std::uint32_t operator_index = 0;
    Seconds host;  ///< CPU time before it is queued
};

/// The launches of one pass, equal kernels stored once.
struct KernelSequence {
    std::vector<Kernel> kernels;           ///< distinct
    std::vector<KernelInstance> launches;  ///< in order
    Seconds trailing_host;                 ///< CPU time of the views after the last launch
    Bytes peak_activation_bytes;           ///< largest sum of live tensors (weights not counted)
};

/// Lowers one pass. Which fused attention kernel runs and whether TF32 exists depend on the GPU's architecture; nothing
/// else does.
[[nodiscard]] KernelSequence lower(const Graph& graph, const Stack& stack, Architecture architecture);

}  // namespace cupola
