#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel.hpp"
#include "cupola/kernel/kernel_kind.hpp"
#include "cupola/units/quantity.hpp"
#include "cupola/workload/graph.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// CPU time that a framework spends on a call of each kind, from the line of Python (or of generated code) that makes
/// it until its first kernel is queued, and on each further kernel.
struct DispatchCosts {
    Seconds elementwise, norm, linear, convolution, attention, copy, view, embedding;
    Seconds extra_kernel;        ///< each kernel after an operator's first
    Seconds matmul{};            ///< products without a bias
    Seconds module_call{};       ///< entering a module: nn.Module's __call__ and its look-up of parameters
    Seconds convolution_plan{};  ///< choosing and building the kernel of a convolution of sizes not met before
    /// CPU time a weight of an int8 product that the GPU's library does not take and the CPU computes; 0: the GPU does.
    Seconds host_product{};
};

/// What a framework's own memory-bound kernels take in SM clocks where they do not keep up with memory (MemoryWork).
struct KernelCode {
    float indexed_element = 0;     ///< general element-wise kernel: broadcast, sliced or reordered operands
    float softmax_iteration = 0;   ///< softmax, a block a row: clocks of a block for one loop over its threads
    float layer_norm_element = 0;  ///< layer norm, a block a row
    float layer_norm_row = 0;
};

enum class TensorLayout { channels_first, channels_last };  ///< of convolution tensors

/// A way to compute attention and the calls that it serves.
struct AttentionRule {
    std::string name;                           ///< "flash2", "math"
    std::optional<AttentionKernel> kernel{};    ///< the fused kernel; none: scores are stored between kernels (math)
    std::vector<Architecture> architectures{};  ///< empty: all
    std::vector<DataType> types{};              ///< empty: all
    std::int64_t head_dim_limit = 0;            ///< largest head dimension; 0: any
    std::int64_t head_dim_multiple = 1;         ///< head dimensions are multiples of it
    bool masked = true;                         ///< adds a mask or a bias to the scores
    bool unequal_head_dims = true;              ///< values may be longer or shorter than queries and keys
    bool bf16_before_ampere = false;            ///< bf16 on GPUs without matrix instructions for it

    [[nodiscard]] bool serves(Architecture architecture) const;
    /// Whether it runs this call; a way that stores the scores runs every call.
    [[nodiscard]] bool serves(const Attention& call, DataType type, Architecture architecture) const;
};

/// What eager execution and compiled code differ in besides fusion.
struct Mode {
    DispatchCosts dispatch;
    KernelCode code;
    LibraryChoice libraries;  ///< whose fitted parameters price a kind of kernel; none: the architecture's defaults
    bool epilogues = false;   ///< kernels of products compute an activation or a sum that follows before they store
    Seconds host_per_pass;    ///< Python around a pass: the sampler's step, guards of compiled code
};

/// What stays in the host's memory until a pass needs it.
enum class WeightOffload {
    none,
    component,   ///< a network's weights cross the host link once, before the first pass of each of its stages
    sequential,  ///< all weights of a pass cross the host link in every pass
};

/// A software stack: how operators become kernels and what the host spends on each. Loaded from hwmodels/stacks. The
/// switches come first: whoever holds a Stack may turn them, the facts for either position are all there.
struct Stack {
    std::string name, title;

    /// Generated code: pointwise chains, and one norm or softmax with its neighbours, become one kernel, convolutions
    /// add their bias themselves, and no Python runs between kernels.
    bool compiled = false;
    bool cuda_graphs = false;   ///< what a pass runs of the model is one launch; in either mode
    bool max_autotune = false;  ///< compiled code picks matrix kernels by trying them
    TensorLayout layout = TensorLayout::channels_first;
    bool tf32_convolution = false;         ///< fp32 convolutions run as TF32 where the GPU has it
    bool tf32_matmul = false;              ///< fp32 matrix products (linear, matmul, attention) do
    std::vector<AttentionRule> attention;  ///< by preference: the first that serves a call runs, else math
    WeightOffload offload = WeightOffload::none;
    bool offload_overlapped = false;  ///< the next weights cross while kernels run

    std::vector<DataType> convolution_products{};  ///< narrow types that its convolution kernels multiply
    bool has_compiler = true;                      ///< whether `compiled` and `max_autotune` may be turned on
    std::vector<AttentionRule> attention_kernels;  ///< all that can be asked for, whatever `attention` prefers
    Mode eager_mode, compiled_mode;
    Seconds start_latency, kernel_gap, sync, graph_launch;
    int syncs_per_pass = 0;   ///< times that the host waits for the GPU at the end of a pass (a sampler's .item())
    double host_speed = 1.0;  ///< multiplies every host cost; 1 = the host the costs were taken on
    std::array<double, all_architectures.size()> host_of = filled_with_one();  ///< the same, by the GPU's generation
    double offload_link_share = 1.0;  ///< of the host link's bandwidth that offloaded weights reach
    Bytes runtime_memory;             ///< context and workspace outside tensors
    std::vector<Fact> facts;

    /// What holds in the mode that `compiled` chooses.
    [[nodiscard]] const Mode& mode() const { return compiled ? compiled_mode : eager_mode; }
    /// Whose fitted parameters price each kind of kernel in this mode.
    [[nodiscard]] LibraryChoice libraries() const;
    /// What multiplies host costs beside a GPU of this generation.
    [[nodiscard]] double host_factor(Architecture architecture) const {
        return host_speed * host_of[static_cast<std::size_t>(architecture)];
    }

private:
    [[nodiscard]] static constexpr std::array<double, all_architectures.size()> filled_with_one() {
        std::array<double, all_architectures.size()> values{};
        values.fill(1.0);
        return values;
    }
};

/// The rule of that name among all that the stack knows; null if there is none.
[[nodiscard]] const AttentionRule* find_attention(const Stack& stack, std::string_view name);

/// The fused kernel that runs a call: that of the first rule of `stack.attention` that serves it; none where scores are
/// stored (QKᵀ, softmax, PV as kernels of their own).
[[nodiscard]] std::optional<AttentionKernel> fused_kernel(const Stack& stack, const Attention& call, DataType type,
                                                          Architecture architecture);

/// A kernel in the stream and the operator it came from.
struct KernelInstance {
    std::uint32_t kernel = 0;  ///< index into KernelSequence::kernels
    std::uint32_t operator_index = 0;
    Seconds host;           ///< CPU time before it is queued
    bool captured = false;  ///< a part of a CUDA graph, which is one launch
    bool waits = false;     ///< before that time begins the host waits until the GPU is done
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
