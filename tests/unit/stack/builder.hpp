#pragma once

#include "cupola/stack/stack.hpp"

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::test {

/// One atom of a shape; `folded` joins it to the axis before it.
struct AxisSpec {
    std::string_view name;
    std::int64_t size;
    bool folded = false;
};

inline Shape shape_of(std::initializer_list<AxisSpec> axes) {
    Shape shape;
    for (const AxisSpec& axis : axes) {
        if (axis.folded) {
            shape.fold_atom(AxisName(axis.name), axis.size);
        } else {
            shape.push_axis(AxisName(axis.name), axis.size);
        }
    }
    return shape;
}

inline Shape image(std::int64_t batch, std::int64_t channels, std::int64_t side) {
    return shape_of({{"batch", batch}, {"channels", channels}, {"height", side}, {"width", side}});
}

inline Shape tokens(std::int64_t batch, std::int64_t side, std::int64_t channels) {
    return shape_of({{"batch", batch}, {"height", side}, {"width", side, true}, {"channels", channels}});
}

/// Graphs put together by hand; sizes of operators follow from the shapes.
class GraphBuilder {
public:
    explicit GraphBuilder(DataType type = DataType::fp16) : type_(type) {}

    ValueId input(const Shape& shape, bool persistent = false) {
        graph_.values.push_back({shape, type_, no_id, persistent});
        return static_cast<ValueId>(graph_.values.size() - 1);
    }
    ValueId add(const OperatorKind& kind, const std::vector<ValueId>& inputs, const Shape& shape,
                std::int64_t parameters = 0) {
        Operator op;
        op.kind = kind;
        op.first_input = static_cast<std::uint32_t>(graph_.operands.size());
        op.input_count = static_cast<std::uint32_t>(inputs.size());
        graph_.operands.insert(graph_.operands.end(), inputs.begin(), inputs.end());
        if (parameters > 0) {
            op.weight = static_cast<std::uint32_t>(graph_.weights.size());
            graph_.weights.push_back({graph_.weights.size(), parameters, type_});
        }
        graph_.values.push_back({shape, type_, static_cast<std::uint32_t>(graph_.operators.size()), false});
        op.output = static_cast<ValueId>(graph_.values.size() - 1);
        graph_.operators.push_back(op);
        return op.output;
    }

    ValueId conv(ValueId x, std::int64_t out, std::int64_t kernel = 3, std::int64_t groups = 1) {
        Shape shape = graph_.values[x].shape;
        Convolution conv;
        conv.batch = shape.axis_size(0);
        conv.in_channels = shape.axis_size(1);
        conv.out_channels = out;
        conv.groups = groups;
        conv.input = conv.output = {1, shape.axis_size(2), shape.axis_size(3)};
        conv.kernel = {1, kernel, kernel};
        shape.replace_axis(1, AxisName("channels"), out);
        return add(conv, {x}, shape, parameters_of(OperatorKind(conv)));
    }
    ValueId linear(ValueId x, std::int64_t out, bool bias = true) {
        Shape shape = graph_.values[x].shape;
        const std::size_t last = shape.rank() - 1;
        Linear linear;
        linear.in = shape.axis_size(last);
        linear.rows = shape.elements() / linear.in;
        linear.out = out;
        linear.bias = bias;
        shape.replace_axis(last, AxisName("channels"), out);
        return add(linear, {x}, shape, parameters_of(OperatorKind(linear)));
    }
    ValueId group_norm(ValueId x, std::int64_t groups = 32) {
        const Shape& shape = graph_.values[x].shape;
        Norm norm;
        norm.kind = NormKind::group;
        norm.groups = groups;
        norm.rows = shape.axis_size(0) * groups;
        norm.width = shape.elements() / norm.rows;
        norm.channels = shape.axis_size(1);
        return add(norm, {x}, shape, 2 * norm.channels);
    }
    ValueId norm(ValueId x, NormKind kind) {
        const Shape& shape = graph_.values[x].shape;
        Norm norm;
        norm.kind = kind;
        norm.width = norm.channels = shape.axis_size(shape.rank() - 1);
        norm.rows = shape.elements() / norm.width;
        norm.shift = kind == NormKind::layer;
        return add(norm, {x}, shape, norm.channels * (norm.shift ? 2 : 1));
    }
    ValueId silu(ValueId x) { return add(Activation{ActivationKind::silu}, {x}, graph_.values[x].shape); }
    ValueId sum(ValueId a, ValueId b) { return add(Elementwise{ElementwiseKind::add}, {a, b}, graph_.values[a].shape); }
    ValueId rearrange(ValueId x, const Shape& shape) { return add(Rearrange{}, {x}, shape); }
    ValueId attention(ValueId q, ValueId k, ValueId v, std::int64_t heads, bool causal = false) {
        const Shape& queries = graph_.values[q].shape;
        const Shape& keys = graph_.values[k].shape;
        Attention attention;
        attention.batch = queries.axis_size(0);
        attention.heads = attention.kv_heads = heads;
        attention.queries = queries.axis_size(1);
        attention.keys = keys.axis_size(1);
        attention.head_dim = attention.value_dim = queries.axis_size(2) / heads;
        attention.causal = causal;
        return add(attention, {q, k, v}, queries);
    }

    Graph finish(ValueId output) {
        graph_.outputs = {output};
        return graph_;
    }
    Graph& graph() { return graph_; }

private:
    DataType type_;
    Graph graph_;
};

/// FlashAttention-2 where it serves, else the memory-efficient kernel.
inline std::vector<AttentionRule> fused_attention() {
    AttentionRule flash{.name = "flash2", .kernel = AttentionKernel::flash2};
    flash.architectures = {Architecture::ampere, Architecture::ampere_consumer, Architecture::ada, Architecture::hopper,
                           Architecture::blackwell};
    flash.types = {DataType::fp16, DataType::bf16};
    flash.head_dim_limit = 256;
    flash.masked = false;
    return {flash, {.name = "memory_efficient", .kernel = AttentionKernel::memory_efficient}};
}

/// Scores stored between kernels.
inline std::vector<AttentionRule> math_attention() { return {{.name = "math"}}; }

inline Stack eager(const std::vector<AttentionRule>& attention = fused_attention()) {
    Stack stack;
    stack.attention = attention;
    stack.tf32_convolution = true;
    const Seconds us(1e-6);
    stack.eager_mode.dispatch = {5.0 * us, 8.0 * us, 10.0 * us, 20.0 * us, 20.0 * us,
                                 5.0 * us, 1.0 * us, 6.0 * us,  2.0 * us};
    stack.compiled_mode = stack.eager_mode;
    return stack;
}

inline Stack compiled() {
    Stack stack = eager();
    stack.layout = TensorLayout::channels_last;
    stack.compiled = stack.cuda_graphs = true;
    return stack;
}

/// Labels of the launches, in order.
inline std::vector<std::string> labels_of(const KernelSequence& sequence) {
    std::vector<std::string> labels;
    for (const KernelInstance& launch : sequence.launches) {
        labels.emplace_back(sequence.kernels[launch.kernel].label);
    }
    return labels;
}

inline std::vector<std::string> labels(const Graph& graph, const Stack& stack,
                                       Architecture architecture = Architecture::ampere) {
    return labels_of(lower(graph, stack, architecture));
}

inline const Kernel& kernel_named(const KernelSequence& sequence, std::string_view label) {
    for (const Kernel& kernel : sequence.kernels) {
        if (kernel.label == label) return kernel;
    }
    throw std::runtime_error("no kernel " + std::string(label));
}

/// "a b c", which doctest prints.
inline std::string text(const std::vector<std::string>& words) {
    std::string result;
    for (const std::string& word : words) result += (result.empty() ? "" : " ") + word;
    return result;
}

}  // namespace cupola::test
