#include "entries.hpp"

#include <algorithm>
#include <variant>

namespace cupola::accuracy {

namespace {

Sizes sizes_of(const Shape& shape) {
    Sizes sizes;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) sizes.push_back(shape.axis_size(axis));
    return sizes;
}

std::string flattened(const Shape& shape) {
    const std::int64_t last = shape.axis_size(shape.rank() - 1);
    return std::to_string(shape.elements() / last) + "x" + std::to_string(last);
}

/// The last `rank` of three spatial entries in PyTorch's notation: "[1, 1]".
std::string bracketed(const std::array<std::int64_t, 3>& values, int rank) {
    std::string text;
    for (std::size_t i = 3 - static_cast<std::size_t>(rank); i < 3; ++i) {
        text += (text.empty() ? "[" : ", ") + std::to_string(values[i]);
    }
    return text + "]";
}

Sizes with_spatial(Sizes sizes, const std::array<std::int64_t, 3>& spatial, int rank) {
    for (std::size_t i = 3 - static_cast<std::size_t>(rank); i < 3; ++i) sizes.push_back(spatial[i]);
    return sizes;
}

/// The comparable text of one operator; empty for kinds that are not compared.
struct TextOf {
    const Graph& graph;
    const Operator& op;

    [[nodiscard]] const Shape& output() const { return graph.output(op).shape; }

    std::string operator()(const Convolution& conv) const {
        const int rank = conv.spatial_rank;
        const std::string pad = bracketed(conv.pad_before, rank) +
                                (conv.pad_before == conv.pad_after ? "" : ".." + bracketed(conv.pad_after, rank));
        return "conv " + text_of(with_spatial({conv.batch, conv.in_channels}, conv.input, rank)) + " * " +
               text_of(with_spatial({conv.out_channels, conv.in_channels / conv.groups}, conv.kernel, rank)) + " s" +
               bracketed(conv.stride, rank) + "p" + pad + "g" + std::to_string(conv.groups) +
               (conv.transposed ? " transposed" : "") + " -> " +
               text_of(with_spatial({conv.batch, conv.out_channels}, conv.output, rank)) + (conv.bias ? " + bias" : "");
    }
    std::string operator()(const Linear& linear) const {
        return "linear " + text_of({linear.rows, linear.in}) + " -> " + text_of({linear.rows, linear.out}) +
               (linear.bias ? " + bias" : "");
    }
    std::string operator()(const Attention& attention) const {
        return "attention q " + text_of({attention.batch, attention.heads, attention.queries, attention.head_dim}) +
               " k " + text_of({attention.batch, attention.kv_heads, attention.keys, attention.head_dim}) + " v " +
               text_of({attention.batch, attention.kv_heads, attention.keys, attention.value_dim});
    }
    std::string operator()(const Norm& norm) const {
        if (norm.kind == NormKind::group) {
            const std::int64_t batch = norm.rows / norm.groups;
            return "group_norm " + text_of({batch, norm.channels, output().elements() / (batch * norm.channels)});
        }
        return (norm.kind == NormKind::layer ? "layer_norm " : "rms_norm ") + text_of({norm.rows, norm.width});
    }
    std::string operator()(const Matmul& product) const {
        return text_of_product(product.batch, product.m, product.n, product.k);
    }
    std::string operator()(const Rope&) const { return "rope " + std::to_string(output().elements()); }
    std::string operator()(const Activation& activation) const { return text_of_activation(activation.kind); }
    std::string operator()(const GatedActivation& gated) const { return text_of_activation(gated.gate); }
    std::string operator()(const Upsample&) const { return text_of_upsample(sizes_of(output())); }
    std::string operator()(const Cat&) const {
        if (output().elements() < smallest_cat) return {};
        std::string text = "cat";
        for (const ValueId input : graph.inputs(op)) text += " " + text_of(sizes_of(graph.values[input].shape));
        return text + " -> " + text_of(sizes_of(output()));
    }
    template <typename Other>
    std::string operator()(const Other&) const {
        return {};
    }

private:
    [[nodiscard]] std::string text_of_activation(ActivationKind kind) const {
        switch (kind) {
            case ActivationKind::silu:
            case ActivationKind::gelu:
            case ActivationKind::relu:
            case ActivationKind::leaky_relu:
            case ActivationKind::sigmoid: return std::string(name_of(kind)) + " " + flattened(output());
            case ActivationKind::gelu_tanh: return "gelu " + flattened(output());  // one operator, two formulas
            default: return {};
        }
    }
};

bool is_anchor(const OperatorKind& kind) {
    const auto* norm = std::get_if<Norm>(&kind);
    return std::holds_alternative<Convolution>(kind) || std::holds_alternative<Linear>(kind) ||
           std::holds_alternative<Attention>(kind) ||
           (norm != nullptr && (norm->kind == NormKind::group || norm->kind == NormKind::layer));
}

bool is_heavy(const OperatorKind& kind) {
    return std::holds_alternative<Convolution>(kind) || std::holds_alternative<Linear>(kind) ||
           std::holds_alternative<Attention>(kind) || std::holds_alternative<Matmul>(kind);
}

std::string text_of_folded(const Attention& attention) {
    return text_of_folded_attention(attention.batch * attention.kv_heads,
                                    attention.queries * attention.heads / attention.kv_heads, attention.keys,
                                    attention.head_dim, attention.value_dim);
}

/// The second product of the attention whose scores are made at `first`; the graph's size if there is none.
std::size_t second_product(const Graph& graph, std::size_t first) {
    const std::vector<Operator>& operators = graph.operators;
    const auto* scores = std::get_if<Matmul>(&operators[first].kind);
    std::size_t i = first + 1;
    while (scores != nullptr && i < operators.size() && std::holds_alternative<Elementwise>(operators[i].kind)) ++i;
    if (scores == nullptr || i + 1 >= operators.size() || !std::holds_alternative<Softmax>(operators[i].kind)) {
        return operators.size();
    }
    const auto* product = std::get_if<Matmul>(&operators[i + 1].kind);
    return product != nullptr && product->k == scores->n && product->m == scores->m ? i + 1 : operators.size();
}

std::vector<std::int64_t> parts_of(const Graph& graph, const Operator& op) {
    std::vector<std::int64_t> parts;
    for (const ValueId input : graph.inputs(op)) parts.push_back(graph.values[input].shape.elements());
    return parts;
}

/// "silu" of "silu 4096x320"
std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }

/// The entry of one operator, with the other forms in which it agrees.
Entry entry_of(const Graph& graph, const Operator& op) {
    Entry entry{std::visit(TextOf{graph, op}, op.kind), graph.path(op.scope), is_heavy(op.kind)};
    if (const auto* attention = std::get_if<Attention>(&op.kind)) entry.folded = text_of_folded(*attention);
    if (std::holds_alternative<Activation>(op.kind) || std::holds_alternative<GatedActivation>(op.kind)) {
        entry.folded = first_word(entry.what) + " " + std::to_string(graph.output(op).shape.elements());
    }
    if (std::holds_alternative<Cat>(op.kind)) {
        entry.folded = text_of_folded_cat(parts_of(graph, op));
        entry.regrouped = text_of_regrouped_cat(parts_of(graph, op));
    }
    return entry;
}

std::string text_of_pair(const Matmul& scores, const Matmul& product) {
    return text_of_folded_attention(scores.batch, scores.m, scores.n, scores.k, product.n);
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// A kernel that does nothing but bring a tensor into another order or make it larger by repetition.
bool is_copy(const Kernel& kernel) {
    for (const std::string_view part : {"copy", "clone", "contiguous", "broadcast", "layout", "heads", "nchw"}) {
        if (contains(kernel.label, part)) return std::holds_alternative<MemoryWork>(kernel.work);
    }
    return false;
}

/// Why a list made on PyTorch's meta device cannot have this copy; empty if it can.
std::string reason_hidden(std::string_view label) {
    if (label.rfind("conv.", 0) == 0) return "cuDNN transposes inside the convolution operator";
    if (label.rfind("layer_norm.", 0) == 0)
        return "native_layer_norm makes its input contiguous inside its CUDA kernel";
    return {};
}

}  // namespace

std::vector<Entry> entries_of(const Graph& graph) {
    std::vector<Entry> entries;
    std::size_t paired = graph.operators.size();  // a product that is part of an attention already
    for (std::size_t i = 0; i < graph.operators.size(); ++i) {
        const Operator& op = graph.operators[i];
        if (i == paired) continue;
        Entry entry = entry_of(graph, op);
        if (const std::size_t second = second_product(graph, i); second < graph.operators.size()) {
            entry.what = text_of_pair(std::get<Matmul>(op.kind), std::get<Matmul>(graph.operators[second].kind));
            entry.folded = entry.what;
            paired = second;
        }
        if (!entry.what.empty()) entries.push_back(entry);
    }
    return entries;
}

std::vector<Copy> copies_of(const Graph& graph, const KernelSequence& kernels) {
    // A copy may be booked under the operator that needs it: then it comes before that operator's own kernels.
    std::vector<std::size_t> anchors_before(graph.operators.size() + 1, 0);
    for (std::size_t i = 0; i < graph.operators.size(); ++i) {
        anchors_before[i + 1] = anchors_before[i] + (is_anchor(graph.operators[i].kind) ? 1 : 0);
    }
    std::vector<Copy> copies;
    std::uint32_t started = no_id;  // the operator whose own kernels have begun
    for (const KernelInstance& launch : kernels.launches) {
        const Kernel& kernel = kernels.kernels[launch.kernel];
        if (!is_copy(kernel)) {
            started = launch.operator_index;
            continue;
        }
        const std::int64_t elements = std::get<MemoryWork>(kernel.work).elements;
        if (elements < smallest_copy) continue;
        const std::size_t index = launch.operator_index;
        const std::size_t position = anchors_before[started == launch.operator_index ? index + 1 : index];
        const std::string where = std::string(kernel.label) + " " + graph.path(graph.operators[index].scope);
        copies.push_back({position, elements, where, reason_hidden(kernel.label)});
    }
    return copies;
}

}  // namespace cupola::accuracy
