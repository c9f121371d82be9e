#pragma once

#include "cupola/stack/layout.hpp"
#include "cupola/stack/recorder.hpp"
#include "cupola/stack/stack.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cupola {

/// What a kernel operand stands for: all or a part of a storage.
struct Tensor {
    StorageId storage = no_id;
    double bytes = 0;
};

/// Arithmetic of one element: FP32 operations and special-function operations (exp, rsqrt, tanh …).
struct PointwiseWork {
    float flops = 1;
    float mufu = 0;
    float clocks = 0;       ///< SM clocks of an element, see MemoryWork
    float row_clocks = 0;   ///< SM clocks of a row
    float row_threads = 0;  ///< of the block that works on a row
};

/// The state of lowering one pass: where each value lies in memory, and the kernels so far. The functions in
/// `lower_kind.hpp` work on it, one operator at a time.
class Lowering {
public:
    Lowering(const Graph& graph, const Stack& stack, Architecture architecture);

    const Graph& graph;
    const Stack& stack;
    const Architecture architecture;
    Recorder recorder;

    // The current operator
    void set_operator(std::uint32_t index);
    [[nodiscard]] const Operator& op() const { return *operator_; }
    [[nodiscard]] std::uint32_t operator_index() const { return operator_index_; }
    [[nodiscard]] std::size_t input_count() const { return operator_->input_count; }
    [[nodiscard]] ValueId input(std::size_t i) const { return graph.operands[operator_->first_input + i]; }
    [[nodiscard]] ValueId output() const { return operator_->output; }
    /// How it runs: in generated code or by the framework's own kernels, and whether as a part of a CUDA graph.
    [[nodiscard]] bool compiled() const { return stack.compiled && operator_->limit != Execution::eager; }
    [[nodiscard]] bool captured() const { return stack.cuda_graphs && operator_->limit == Execution::captured; }
    [[nodiscard]] const Mode& mode() const { return compiled() ? stack.compiled_mode : stack.eager_mode; }

    // Values
    [[nodiscard]] const Shape& shape(ValueId value) const { return graph.values[value].shape; }
    [[nodiscard]] DataType type(ValueId value) const { return graph.values[value].type; }
    [[nodiscard]] double elements(ValueId value) const { return states_[value].elements; }
    [[nodiscard]] const Layout& layout(ValueId value) const { return states_[value].layout; }
    void set_layout(ValueId value, const Layout& layout) { states_[value].layout = layout; }
    [[nodiscard]] Tensor tensor(ValueId value) const { return {states_[value].storage, states_[value].bytes}; }
    /// Gives a value its own memory in the given layout.
    Tensor create(ValueId value, const Layout& layout);
    /// Makes a value a view of another's memory.
    void alias(ValueId value, ValueId source, const Layout& layout);
    /// Memory that only the current operator uses.
    Tensor temporary(double bytes) { return {recorder.add_storage(bytes, Lifetime::activation), bytes}; }
    /// The operator's parameters, `elements` of them.
    [[nodiscard]] Tensor weight(double elements);
    /// A quantised copy of what a storage holds, if a kernel has made one.
    [[nodiscard]] std::optional<Tensor> narrow(StorageId source) const;
    void set_narrow(StorageId source, Tensor copy) { narrow_[source] = copy; }

    /// The same arithmetic in PyTorch's general element-wise kernel, which computes an address for each operand of each
    /// element; it runs where an operand is broadcast, a slice, or in another order than the result.
    [[nodiscard]] PointwiseWork indexed(PointwiseWork work) const {
        work.clocks = mode().code.indexed_element;
        return work;
    }

    /// Types of the matrix instructions that work on tensors of `type`: TF32 for fp32 where the stack allows it and the
    /// GPU has it. Tensors stay 4-byte fp32 in memory.
    [[nodiscard]] DataType convolution_type(DataType type) const { return math_type(type, stack.tf32_convolution); }
    [[nodiscard]] DataType matmul_type(DataType type) const { return math_type(type, stack.tf32_matmul); }

    // Kernels. Each is `begin_…`, operands on `recorder`, `launch`.
    void begin_memory(std::string_view label, Category category, DataType type, Pattern pattern, double elements,
                      PointwiseWork work = {}, std::int64_t rows = 1);
    void launch(Seconds host) { launch(host, operator_index_); }
    void launch(Seconds host, std::uint32_t operator_index);
    void read(Tensor tensor, double run_bytes = 0, double passes = 1) {
        recorder.read(tensor.storage, tensor.bytes, run_bytes, passes);
    }
    void write(Tensor tensor, double run_bytes = 0) { recorder.write(tensor.storage, tensor.bytes, run_bytes); }
    /// The next product's kernel adds this to its result.
    void set_residual(Tensor residual) { residual_ = residual; }
    /// Writes the result of a product, which reads the residual that it adds.
    void store(Tensor result) {
        if (residual_) read(*residual_);
        residual_.reset();
        write(result);
    }
    /// Reads a value whose memory order may differ from that of the kernel's result.
    void read_in_order(ValueId value, const Layout& order);
    /// Host time of an operator that launches nothing by itself (a view); the next launch carries it, if there is one.
    void charge(Seconds host) { pending_ += host_cost(host); }
    /// The host waits for the GPU before it goes on to the next launch. Nothing in a CUDA graph.
    void wait() { waits_ = !captured(); }
    /// Host time of the library's plan for a convolution, if it meets one of these sizes for the first time.
    [[nodiscard]] Seconds plan_time(const Convolution& convolution);
    /// What no launch carried.
    [[nodiscard]] Seconds trailing_host() const { return host_factor_ * pending_; }

    /// The value in logical order: itself, or a copy made now.
    [[nodiscard]] Tensor contiguous(ValueId value, std::string_view label);
    /// A copy of `value`, whose memory order is `from`, into `target`, laid out as `to`.
    void copy(ValueId value, Tensor target, const Layout& to, std::string_view label);

private:
    /// Modules that Python enters for the current operator and had not entered for the one before it.
    [[nodiscard]] int modules_entered();

    /// What the host spends on the current operator; nothing in a CUDA graph.
    [[nodiscard]] Seconds host_cost(Seconds cost) const { return captured() ? Seconds{} : cost; }

    struct ValueState {
        Layout layout;
        StorageId storage = no_id;
        double elements = 0, bytes = 0;
    };

    [[nodiscard]] DataType math_type(DataType type, bool tf32) const;

    const Operator* operator_ = nullptr;
    std::uint32_t operator_index_ = 0;
    double host_factor_;
    std::vector<std::uint32_t> open_scopes_;  ///< from the root to the last operator
    Seconds pending_;
    bool waits_ = false;
    std::optional<Tensor> residual_;
    std::vector<Convolution> planned_;
    std::vector<ValueState> states_;
    std::vector<StorageId> weights_;
    std::unordered_map<StorageId, Tensor> narrow_;
};

/// Size of `elements` of a type in bytes.
[[nodiscard]] inline double bytes_of(double elements, DataType type) { return elements * bytes_per_element(type); }

}  // namespace cupola
