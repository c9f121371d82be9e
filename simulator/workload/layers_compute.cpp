// Layers with weights or reductions: convolution, linear, attention, products, norms, softmax, means.
#include "cupola/workload/expander.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace cupola {
namespace {

using Sizes = std::array<std::int64_t, 3>;

/// The axes of a convolution: the batch axis is the first, channels are found by name, the rest is spatial.
struct ConvolutionAxes {
    std::size_t channels = 1;
    std::vector<std::size_t> spatial;
};

ConvolutionAxes convolution_axes(Expander& expander, const Layer& layer, ValueId input) {
    const Shape& shape = expander.shape(input);
    ConvolutionAxes axes;
    axes.channels = expander.channels_axis(layer, input);
    for (std::size_t i = 0; i < shape.rank(); ++i) {
        if (i != 0 && i != axes.channels) axes.spatial.push_back(i);
    }
    if (axes.channels == 0 || axes.spatial.empty() || axes.spatial.size() > 3) {
        expander.fail(layer, expander.describe(input), "a batch axis, channels, and one to three spatial axes",
                      "fold what the kernel does not slide over into the first axis with `rearrange`");
    }
    for (const std::size_t axis : axes.spatial) {
        if (shape.axis_end(axis) - shape.axis_begin(axis) > 1) {
            expander.fail(layer, expander.describe(input), "spatial axes that are not folded",
                          "unfold them with `rearrange`");
        }
    }
    return axes;
}

/// One number for every spatial axis, or a list of one each; leading entries of unused axes stay at `fallback`.
Sizes spatial_sizes(Expander& expander, const Layer& layer, std::string_view name, std::size_t rank,
                    std::int64_t fallback, std::int64_t min) {
    Sizes sizes{fallback, fallback, fallback};
    const Argument& given = expander.argument(layer, name);
    if (!given.given) return sizes;
    const std::vector<Datum> values = evaluate_list(given.expression, expander.environment());
    if (values.size() != 1 && values.size() != rank) {
        expander.fail_at(given.where, std::to_string(values.size()) + " values for \"" + std::string(name) + "\"",
                         "one, or one for each of the " + std::to_string(rank) + " spatial axes");
    }
    for (std::size_t i = 0; i < rank; ++i) {
        const Datum& value = values[values.size() == 1 ? 0 : i];
        if (value.integer() == nullptr || *value.integer() < min || *value.integer() > 4096) {
            expander.fail_at(given.where, text_of(value) + " for \"" + std::string(name) + "\"",
                             "a whole number from " + std::to_string(min) + " to 4096");
        }
        sizes[3 - rank + i] = *value.integer();
    }
    return sizes;
}

/// Padding before and after: one number, one a spatial axis, or a list of [before, after] an axis.
void read_padding(Expander& expander, const Layer& layer, std::size_t rank, const Sizes& dilation, Convolution& conv) {
    const Argument& given = expander.argument(layer, "padding");
    for (std::size_t i = 0; i < 3; ++i) {
        const std::int64_t same = conv.transposed ? std::max<std::int64_t>(conv.kernel[i] - conv.stride[i], 0) / 2
                                                  : dilation[i] * (conv.kernel[i] - 1) / 2;
        conv.pad_before[i] = conv.pad_after[i] = i + rank < 3 ? 0 : same;
        // An even kernel keeps the size (times the stride, if transposed) with one more behind than before.
        const std::int64_t total = conv.transposed ? std::max<std::int64_t>(conv.kernel[i] - conv.stride[i], 0)
                                                   : dilation[i] * (conv.kernel[i] - 1);
        if (i + rank >= 3 && (conv.transposed || conv.stride[i] == 1)) conv.pad_after[i] = total - same;
    }
    if (!given.given) return;
    const std::vector<Datum> values = evaluate_list(given.expression, expander.environment());
    const auto fail = [&](const Datum& value) {
        expander.fail_at(given.where, text_of(value) + " for \"padding\"",
                         "a number, one for each of the " + std::to_string(rank) +
                             " spatial axes, or a list of [before, after] for each");
    };
    if (values.size() != 1 && values.size() != rank) fail(given.expression.evaluate(expander.environment()));
    for (std::size_t i = 0; i < rank; ++i) {
        const Datum& value = values[values.size() == 1 ? 0 : i];
        const auto* pair = value.list();
        if (pair != nullptr && pair->size() != 2) fail(value);
        const Datum& before = pair != nullptr ? (*pair)[0] : value;
        const Datum& after = pair != nullptr ? (*pair)[1] : value;
        for (const Datum& side : {before, after}) {
            if (side.integer() == nullptr || *side.integer() < 0 || *side.integer() > 4096) fail(value);
        }
        conv.pad_before[3 - rank + i] = *before.integer();
        conv.pad_after[3 - rank + i] = *after.integer();
    }
}

std::int64_t convolution_output(const Convolution& conv, const Sizes& dilation, std::size_t i) {
    const std::int64_t padding = conv.pad_before[i] + conv.pad_after[i];
    const std::int64_t reach = dilation[i] * (conv.kernel[i] - 1) + 1;
    if (conv.transposed) return (conv.input[i] - 1) * conv.stride[i] - padding + reach;
    const std::int64_t room = conv.input[i] + padding - reach;
    return room < 0 ? 0 : room / conv.stride[i] + 1;
}

ValueId build_convolution(Expander& expander, const Layer& layer, ValueId input) {
    const ConvolutionAxes axes = convolution_axes(expander, layer, input);
    const std::size_t rank = axes.spatial.size();
    Shape output = expander.shape(input);
    Convolution conv;
    conv.spatial_rank = static_cast<int>(rank);
    conv.batch = output.axis_size(0);
    conv.in_channels = output.axis_size(axes.channels);
    conv.out_channels = expander.integer(layer, "out", 1, 1);
    conv.groups = expander.integer(layer, "groups", 1, 1);
    conv.bias = expander.flag(layer, "bias", true);
    conv.transposed = expander.flag(layer, "transposed", false);
    conv.kernel = spatial_sizes(expander, layer, "kernel", rank, 1, 1);
    conv.stride = spatial_sizes(expander, layer, "stride", rank, 1, 1);
    const Sizes dilation = spatial_sizes(expander, layer, "dilation", rank, 1, 1);
    if (conv.in_channels % conv.groups != 0 || conv.out_channels % conv.groups != 0) {
        expander.fail(layer,
                      std::to_string(conv.groups) + " groups for " + std::to_string(conv.in_channels) + " to " +
                          std::to_string(conv.out_channels) + " channels",
                      "groups that divide both");
    }
    read_padding(expander, layer, rank, dilation, conv);
    for (std::size_t i = 0; i < rank; ++i) {
        const std::size_t slot = 3 - rank + i;
        Atom& atom = output.atom(output.axis_begin(axes.spatial[i]));
        conv.input[slot] = atom.size;
        conv.output[slot] = convolution_output(conv, dilation, slot);
        if (conv.output[slot] < 1) {
            expander.fail(layer, expander.describe(input),
                          "at least the kernel's size along " + std::string(atom.name.view()),
                          "its kernel is " + std::to_string(conv.kernel[slot]) + " there");
        }
        atom.size = conv.output[slot];
    }
    output.replace_axis(axes.channels, AxisName("channels"), conv.out_channels);
    return expander.emit(layer, conv, {input}, output);
}

ValueId build_linear(Expander& expander, const Layer& layer, ValueId input) {
    const std::size_t channels = expander.channels_axis(layer, input);
    Shape output = expander.shape(input);
    Linear linear;
    linear.in = output.axis_size(channels);
    linear.rows = output.elements() / linear.in;
    linear.out = expander.integer(layer, "out", 1, 1);
    linear.bias = expander.flag(layer, "bias", true);
    output.replace_axis(channels, AxisName("channels"), linear.out);
    return expander.emit(layer, linear, {input}, output);
}

/// [batch…, sequence, channels] of an attention operand.
struct Sequence {
    std::int64_t batch = 1, length = 1, channels = 1;
    std::size_t axis = 0;  ///< of the sequence
};

Sequence sequence_of(Expander& expander, const Layer& layer, ValueId id, std::string_view role) {
    const Shape& shape = expander.shape(id);
    const std::size_t rank = shape.rank();
    const std::size_t channels = expander.channels_axis(layer, id);
    if (rank < 2 || channels != rank - 1) {
        expander.fail(layer, expander.describe(id) + " as " + std::string(role), "axes … sequence channels",
                      "`rearrange` it, for example to: batch (height width) channels");
    }
    Sequence sequence;
    sequence.axis = rank - 2;
    sequence.length = shape.axis_size(rank - 2);
    sequence.channels = shape.axis_size(rank - 1);
    sequence.batch = shape.elements() / sequence.length / sequence.channels;
    return sequence;
}

AttentionSpan span_of(Expander& expander, const Layer& layer, ValueId query, ValueId key, bool causal) {
    static const std::vector<std::string> names{"spatial", "temporal", "cross", "causal", "joint"};
    const Shape& queries = expander.shape(query);
    const Shape& keys = expander.shape(key);
    const std::size_t q = queries.rank() - 2, k = keys.rank() - 2;
    bool same = queries.axis_end(q) - queries.axis_begin(q) == keys.axis_end(k) - keys.axis_begin(k);
    for (std::size_t i = 0; same && i < queries.axis_end(q) - queries.axis_begin(q); ++i) {
        same = queries.atom(queries.axis_begin(q) + i) == keys.atom(keys.axis_begin(k) + i);
    }
    const bool frames_only =
        queries.axis_end(q) - queries.axis_begin(q) == 1 && queries.atom(queries.axis_begin(q)).name.view() == "frames";
    AttentionSpan inferred = AttentionSpan::spatial;
    if (causal) {
        inferred = AttentionSpan::causal;
    } else if (!same) {
        inferred = AttentionSpan::cross;
    } else if (frames_only) {
        inferred = AttentionSpan::temporal;
    }
    return static_cast<AttentionSpan>(expander.choice(layer, "span", static_cast<std::size_t>(inferred), names));
}

std::int64_t per_head(Expander& expander, const Layer& layer, std::int64_t channels, std::int64_t heads,
                      std::string_view role) {
    if (channels % heads != 0) {
        expander.fail(layer, std::to_string(channels) + " channels of " + std::string(role),
                      "a multiple of its " + std::to_string(heads) + " heads");
    }
    return channels / heads;
}

/// Heads that are an axis before the sequence, [batch heads sequence channels]; 1 where the channels hold all of them.
std::int64_t heads_apart(const Shape& shape) {
    const int axis = shape.find_axis("heads");
    return axis >= 0 && static_cast<std::size_t>(axis) + 3 == shape.rank()
               ? shape.axis_size(static_cast<std::size_t>(axis))
               : 1;
}

/// Heads of queries, and of keys and values, that the channels hold.
std::pair<std::int64_t, std::int64_t> heads_in_channels(const Expander& expander, const Layer& layer) {
    const std::int64_t heads = expander.integer(layer, "heads", 1, 1);
    const std::int64_t kv_heads = expander.integer(layer, "kv_heads", heads, 1);
    if (heads % kv_heads != 0) {
        expander.fail(layer, std::to_string(heads) + " heads and " + std::to_string(kv_heads) + " kv_heads",
                      "heads that are a multiple of kv_heads");
    }
    return {heads, kv_heads};
}

ValueId build_attention(Expander& expander, const Layer& layer, ValueId input) {
    const ValueId query = expander.tensor_or_current(layer, "query", input);
    const ValueId key = expander.tensor_or_current(layer, "key", query);
    const ValueId value = expander.tensor_or_current(layer, "value", key);
    const Sequence q = sequence_of(expander, layer, query, "query");
    const Sequence k = sequence_of(expander, layer, key, "key");
    const Sequence v = sequence_of(expander, layer, value, "value");
    if (k.length != v.length || (k.batch != q.batch && k.batch != 1) || v.batch != k.batch) {
        expander.fail(layer,
                      "query " + expander.shape(query).text() + ", key " + expander.shape(key).text() + ", value " +
                          expander.shape(value).text(),
                      "one batch for all three, and one length for key and value");
    }
    Attention attention;
    const auto [heads, kv_heads] = heads_in_channels(expander, layer);
    const std::int64_t apart = heads_apart(expander.shape(query));
    attention.batch = q.batch / apart;
    attention.heads = apart * heads;
    attention.kv_heads = apart * kv_heads;
    attention.queries = q.length;
    attention.keys = k.length;
    attention.head_dim = per_head(expander, layer, q.channels, heads, "query");
    attention.value_dim = per_head(expander, layer, v.channels, kv_heads, "value");
    if (per_head(expander, layer, k.channels, kv_heads, "key") != attention.head_dim) {
        expander.fail(layer, std::to_string(k.channels) + " channels of key in " + std::to_string(kv_heads) + " heads",
                      "the query's head dimension " + std::to_string(attention.head_dim));
    }
    attention.causal = expander.flag(layer, "causal", false);
    attention.mask = expander.flag(layer, "mask", false);
    attention.bias = expander.argument(layer, "bias").given;
    attention.score = static_cast<AttentionScore>(expander.choice(layer, "score", 0, {"softmax", "silu"}));
    attention.span = span_of(expander, layer, query, key, attention.causal);
    Shape output = expander.shape(query);
    output.replace_axis(output.rank() - 1, AxisName("channels"), heads * attention.value_dim);
    std::vector<ValueId> inputs{query, key, value};
    if (attention.bias) inputs.push_back(expander.tensor(expander.argument(layer, "bias").tensors.front()));
    return expander.emit(layer, attention, inputs, output);
}

/// A product by axis names: contracts `over`, keeps the atoms that both share as batch, then the rest of each side.
ValueId build_matmul(Expander& expander, const Layer& layer, ValueId input) {
    const ValueId other = expander.tensor(expander.argument(layer, "with").tensors.front());
    const Argument& over = expander.argument(layer, "over");
    const std::string_view contracted = expander.text(over.names.front());
    const Shape& a = expander.shape(input);
    const Shape& b = expander.shape(other);
    const int at_a = a.find_atom(contracted), at_b = b.find_atom(contracted);
    if (at_a < 0 || at_b < 0 ||
        a.atom(static_cast<std::size_t>(at_a)).size != b.atom(static_cast<std::size_t>(at_b)).size) {
        expander.fail(layer, a.text() + " and " + b.text(), "one size of \"" + std::string(contracted) + "\" in both");
    }
    Matmul matmul;
    matmul.k = a.atom(static_cast<std::size_t>(at_a)).size;
    Shape output;
    const auto add_atoms = [&](const Shape& from, const Shape& with, bool shared, std::int64_t& product) {
        for (std::size_t i = 0; i < from.atom_count(); ++i) {
            const Atom& atom = from.atom(i);
            if (atom.name.view() == contracted || (with.find_atom(atom.name.view()) >= 0) != shared) continue;
            if (output.atom_count() == Shape::max_atoms)
                expander.fail(layer, a.text() + " and " + b.text(), "at most 8 axes");
            output.push_axis(atom.name, atom.size);
            product *= atom.size;
        }
    };
    add_atoms(a, b, true, matmul.batch);
    add_atoms(a, b, false, matmul.m);
    add_atoms(b, a, false, matmul.n);
    return expander.emit(layer, matmul, {input, other}, output);
}

ValueId build_group_norm(Expander& expander, const Layer& layer, ValueId input) {
    const Shape& shape = expander.shape(input);
    const std::size_t channels = expander.channels_axis(layer, input);
    Norm norm;
    norm.kind = NormKind::group;
    norm.channels = shape.axis_size(channels);
    norm.groups = expander.integer(layer, "groups", 32, 1);
    norm.scale = expander.flag(layer, "scale", true);
    norm.shift = expander.flag(layer, "shift", true);
    if (norm.channels % norm.groups != 0) {
        expander.fail(layer, std::to_string(norm.channels) + " channels",
                      "a multiple of " + std::to_string(norm.groups) + " groups");
    }
    norm.rows = shape.axis_size(0) * norm.groups;
    norm.width = shape.elements() / norm.rows;
    return expander.emit(layer, norm, {input}, shape);
}

ValueId build_norm(Expander& expander, const Layer& layer, ValueId input, NormKind kind) {
    const Shape& shape = expander.shape(input);
    const std::size_t axis = expander.axis(layer, input, expander.axis_argument(layer, "axis", "channels").view());
    Norm norm;
    norm.kind = kind;
    const std::int64_t heads = expander.integer(layer, "heads", 1, 1);
    norm.width = per_head(expander, layer, shape.axis_size(axis), heads, "the norm");
    norm.rows = shape.elements() / norm.width;
    norm.channels = norm.width;
    norm.scale = expander.flag(layer, "scale", kind != NormKind::l2);
    norm.shift = expander.flag(layer, "shift", kind == NormKind::layer && norm.scale);
    return expander.emit(layer, norm, {input}, shape);
}

ValueId build_softmax(Expander& expander, const Layer& layer, ValueId input) {
    const Shape& shape = expander.shape(input);
    const std::size_t axis = expander.axis(layer, input, expander.axis_argument(layer, "axis", "channels").view());
    const std::int64_t width = shape.axis_size(axis);
    return expander.emit(layer, Softmax{shape.elements() / width, width}, {input}, shape);
}

ValueId build_reduction(Expander& expander, const Layer& layer, ValueId input, ReductionKind kind) {
    Shape shape = expander.shape(input);
    const AxisName name = expander.axis_argument(layer, "axis", "");
    const std::size_t axis = expander.axis(layer, input, name.view());
    const std::int64_t width = shape.axis_size(axis);
    shape.replace_axis(axis, name, 1);
    return expander.emit(layer, Reduction{kind, shape.elements(), width}, {input}, shape);
}

}  // namespace

ValueId build_compute_layer(Expander& expander, const Layer& layer, ValueId input) {
    switch (layer.spec->builtin) {
        case Builtin::conv: return build_convolution(expander, layer, input);
        case Builtin::linear: return build_linear(expander, layer, input);
        case Builtin::attention: return build_attention(expander, layer, input);
        case Builtin::matmul: return build_matmul(expander, layer, input);
        case Builtin::group_norm: return build_group_norm(expander, layer, input);
        case Builtin::layer_norm: return build_norm(expander, layer, input, NormKind::layer);
        case Builtin::rms_norm: return build_norm(expander, layer, input, NormKind::rms);
        case Builtin::l2_norm: return build_norm(expander, layer, input, NormKind::l2);
        case Builtin::softmax: return build_softmax(expander, layer, input);
        case Builtin::mean: return build_reduction(expander, layer, input, ReductionKind::mean);
        case Builtin::sum: return build_reduction(expander, layer, input, ReductionKind::sum);
        case Builtin::max: return build_reduction(expander, layer, input, ReductionKind::max);
        case Builtin::rope: {
            const Shape& shape = expander.shape(input);
            const std::int64_t channels = shape.axis_size(expander.channels_axis(layer, input));
            const std::int64_t heads = expander.integer(layer, "heads", 1, 1);
            const auto form =
                static_cast<RopeForm>(expander.choice(layer, "form", 0, {"halves", "interleaved", "pairs"}));
            return expander.emit(layer, Rope{per_head(expander, layer, channels, heads, "rope"), form}, {input}, shape);
        }
        default: expander.fail(layer, "a layer without a builder", "one of the language");
    }
}

}  // namespace cupola
