#include "cupola/stack/lower_kind.hpp"

#include <algorithm>

namespace cupola {

namespace {

/// (batch, tokens, heads x dim), whether or not the output's shape names the heads.
Layout token_major(const Shape& shape) {
    return shape.rank() == 4 ? layout_of_axes(shape, {0, 2, 1, 3}, 4) : contiguous_layout(shape);
}

struct Sizes {
    double query, key, value, out, scores;  ///< elements
};

/// Of several queries each key is seen by some; a single one reads only the keys that it sees.
Sizes sizes_of(const Attention& a) {
    const auto rows = static_cast<double>(a.batch) * static_cast<double>(a.queries);
    const auto kv_rows = static_cast<double>(a.batch) * static_cast<double>(a.queries > 1 ? a.keys : seen_keys(a));
    const auto scored = static_cast<double>(scored_heads(a));
    const double scored_kv = scored * static_cast<double>(a.kv_heads) / static_cast<double>(a.heads);
    return {rows * scored * static_cast<double>(a.head_dim), kv_rows * scored_kv * static_cast<double>(a.head_dim),
            kv_rows * static_cast<double>(a.kv_heads * a.value_dim), rows * static_cast<double>(a.heads * a.value_dim),
            rows * scored * static_cast<double>(a.keys)};
}

/// A query, key or value as the kernel reads it; a cache may be longer than what is read.
Tensor part(const Lowering& l, ValueId value, double elements) {
    Tensor tensor = l.tensor(value);
    tensor.bytes = std::min(tensor.bytes, bytes_of(elements, l.type(value)));
    return tensor;
}

/// What is added to the scores: a mask of [batch, queries, keys], shared by the heads, and the bias. A mask has memory
/// of its own in every call; one that layers share is cold each time.
void read_mask_and_bias(Lowering& l, const Attention& a, DataType type) {
    if (a.mask) {
        const double elements = static_cast<double>(a.batch * a.queries) * static_cast<double>(a.keys);
        l.read(l.temporary(bytes_of(elements, type)));
    }
    if (a.bias && l.input_count() > 3) l.read(l.tensor(l.input(3)));
}

/// The list of key blocks for each block of queries, 32 bits a block of 128.
double block_list_bytes(const Attention& a) {
    const auto blocks = [](std::int64_t tokens) { return static_cast<double>((tokens + 127) / 128); };
    return bytes_of(blocks(a.queries) * blocks(seen_keys(a)), DataType::fp32);
}

/// A quantised copy of queries, keys or values with a scale a block of tokens.
Tensor quantised_part(Lowering& l, std::string_view label, DataType from, DataType to, double elements, Tensor source) {
    const Tensor target = l.temporary(bytes_of(elements, to));
    l.begin_memory(label, Category::attention, from, Pattern::streaming, elements, {4, 0});
    l.read(source);
    l.write(target);
    l.launch(l.mode().dispatch.elementwise);
    return target;
}

/// What SageAttention launches before its attention kernel: the mean of the keys over the sequence, which their
/// quantisation subtracts, and copies of queries and keys in int8, for fp8 products of the values too (laid out anew,
/// then converted).
void quantise_operands(Lowering& l, const Attention& a, const Sizes& sizes, std::array<Tensor, 3>& operands) {
    const DataType type = l.type(l.input(0));
    l.begin_memory("attention.key_mean", Category::attention, type, Pattern::streaming, sizes.key, {1, 0});
    l.read(operands[1]);
    l.write(l.temporary(bytes_of(static_cast<double>(a.batch * a.kv_heads * a.head_dim), type)));
    l.launch(l.mode().dispatch.norm);
    const DataType scores = a.precision->scores;
    operands[0] = quantised_part(l, "attention.quantise_query", type, scores, sizes.query, operands[0]);
    operands[1] = quantised_part(l, "attention.quantise_key", type, scores, sizes.key, operands[1]);
    if (!a.precision->values) return;
    operands[2] = quantised_part(l, "attention.transpose_value", type, type, sizes.value, operands[2]);
    operands[2] = quantised_part(l, "attention.quantise_value", type, *a.precision->values, sizes.value, operands[2]);
}

void lower_fused(Lowering& l, const Attention& a, const Sizes& sizes, AttentionKernel kernel) {
    constexpr double views = 8;  // heads split off queries, keys and values (view, transpose) and merged again
    l.charge(views * l.mode().dispatch.view);
    const DataType type = l.type(l.input(0));
    const std::size_t last = l.input_count() - 1;
    const std::array<ValueId, 3> values{l.input(0), l.input(std::min<std::size_t>(1, last)),
                                        l.input(std::min<std::size_t>(2, last))};
    const std::array<double, 3> elements{sizes.query, sizes.key, sizes.value};
    std::array<Tensor, 3> operands;
    std::array<double, 3> runs{};
    for (std::size_t i = 0; i < 3; ++i) {
        const Layout& layout = l.layout(values[i]);
        const Shape& shape = l.shape(values[i]);
        operands[i] = part(l, values[i], elements[i]);
        if (!has_fast_last_axis(shape, layout)) {
            operands[i] = l.contiguous(values[i], "attention.input_layout");
        } else if (!is_contiguous(layout)) {
            runs[i] = bytes_of(static_cast<double>(common_run(shape, layout, contiguous_layout(shape))), type);
        }
    }
    const Tensor out = l.create(l.output(), token_major(l.shape(l.output())));
    const bool sparse = a.computed_keys > 0;
    AttentionWork work{a.batch,    a.heads,     a.kv_heads, a.queries, sparse ? seen_keys(a) : a.keys,
                       a.head_dim, a.value_dim, a.causal,   kernel,    a.window};
    if (a.precision) {
        quantise_operands(l, a, sizes, operands);
        runs = {};
        work.scores = a.precision->scores;
        work.values = a.precision->values;
    }
    l.recorder.begin("attention", Category::attention, l.matmul_type(type), work);
    for (std::size_t i = 0; i < 3; ++i) l.read(operands[i], runs[i]);
    if (sparse) l.read(l.temporary(block_list_bytes(a)));
    read_mask_and_bias(l, a, type);
    l.write(out);
    l.launch(l.mode().dispatch.attention);
}

/// Heads gathered into the batch: a copy unless there is only one of either.
Tensor split_heads(Lowering& l, const Attention& a, ValueId value, double elements) {
    const Tensor source = part(l, value, elements);
    const bool repeats = a.kv_heads != a.heads && value != l.input(0);
    const bool has_head_axis = l.shape(value).rank() >= 4 && is_contiguous(l.layout(value));
    const bool view = a.heads == 1 || a.batch == 1 || a.queries == 1 || has_head_axis;
    if (view && !repeats) return source;
    const double growth = repeats ? static_cast<double>(a.heads) / static_cast<double>(a.kv_heads) : 1.0;
    const Tensor target = l.temporary(source.bytes * growth);
    l.begin_memory(repeats ? "attention.repeat_heads" : "attention.split_heads", Category::data_movement, l.type(value),
                   Pattern::streaming, elements * growth, l.indexed({0, 0}));
    l.read(source, bytes_of(static_cast<double>(a.head_dim), l.type(value)));
    l.write(target);
    l.launch(l.mode().dispatch.copy);
    return target;
}

void score_kernel(Lowering& l, const Attention& a, DataType type, Tensor scores, Tensor weights, double elements) {
    if (a.score == AttentionScore::silu) {
        l.begin_memory("attention.silu", Category::attention, type, Pattern::streaming, elements,
                       pointwise_work(ActivationKind::silu));
    } else {
        l.begin_memory("attention.softmax", Category::attention, type, Pattern::row_reduction, elements,
                       library_softmax_work(l.mode().code, a.keys, type), a.batch * scored_heads(a) * a.queries);
    }
    l.read(scores);
    if (l.compiled()) read_mask_and_bias(l, a, type);
    l.write(weights);
    l.launch(l.mode().dispatch.norm);
}

/// Scores of the heads that have some, copied to the heads that share them (index_select).
Tensor shared_scores(Lowering& l, const Attention& a, DataType type, Tensor weights, double elements) {
    if (scored_heads(a) == a.heads) return weights;
    const double growth = static_cast<double>(a.heads) / static_cast<double>(scored_heads(a));
    const Tensor all = l.temporary(weights.bytes * growth);
    l.begin_memory("attention.share_scores", Category::attention, type, Pattern::gather, elements * growth, {0, 0});
    l.read(weights);
    l.write(all);
    l.launch(l.mode().dispatch.embedding);
    return all;
}

/// QKᵀ with the scale in its epilogue, an addition of mask or bias, softmax, PV, and the copies that gather heads into
/// the batch and back, as diffusers' AttnProcessor does. A compiler adds the mask in the softmax kernel, and reads and
/// writes heads in place.
void lower_math(Lowering& l, const Attention& a, const Sizes& sizes) {
    const DataType type = l.type(l.input(0));
    const std::size_t last = l.input_count() - 1;
    const bool compiled = l.compiled();
    constexpr double views =
        10;  // reshape, permute of queries, keys, values and result; keys transposed; scores' memory
    l.charge(views * l.mode().dispatch.view);
    const auto operand = [&](std::size_t i, double elements) {
        const ValueId value = l.input(std::min(i, last));
        return compiled ? part(l, value, elements) : split_heads(l, a, value, elements);
    };
    const Tensor query = operand(0, sizes.query);
    const Tensor key = operand(1, sizes.key);
    const Tensor value = operand(2, sizes.value);
    const Tensor scores = l.temporary(bytes_of(sizes.scores, type));
    l.recorder.begin("attention.scores", Category::attention, l.matmul_type(type),
                     GemmWork{a.batch * scored_heads(a), a.queries, a.keys, a.head_dim});
    l.read(query);
    l.read(key);
    l.write(scores);
    l.launch(l.mode().dispatch.matmul);
    // A single query sees every key.
    if ((a.mask || a.bias || (a.causal && a.queries > 1)) && !compiled) {
        l.begin_memory("attention.mask", Category::attention, type, Pattern::streaming, sizes.scores);
        l.read(scores);
        read_mask_and_bias(l, a, type);
        l.write(scores);
        l.launch(l.mode().dispatch.elementwise);
    }
    const Tensor weights = l.temporary(scores.bytes);
    score_kernel(l, a, type, scores, weights, sizes.scores);
    const Tensor shared = shared_scores(l, a, type, weights, sizes.scores);
    const Tensor out = l.create(l.output(), token_major(l.shape(l.output())));
    const bool merges = a.heads > 1 && a.queries > 1 && !compiled;
    const Tensor result = merges ? l.temporary(out.bytes) : out;
    l.recorder.begin("attention.values", Category::attention, l.matmul_type(type),
                     GemmWork{a.batch * a.heads, a.queries, a.value_dim, a.keys});
    l.read(shared);
    l.read(value);
    l.write(result);
    l.launch(l.mode().dispatch.matmul);
    if (!merges) return;
    l.begin_memory("attention.merge_heads", Category::data_movement, type, Pattern::streaming, sizes.out,
                   l.indexed({0, 0}));
    l.read(result, bytes_of(static_cast<double>(a.value_dim), type));
    l.write(out);
    l.launch(l.mode().dispatch.copy);
}

}  // namespace

bool has_fast_last_axis(const Shape& shape, const Layout& layout) {
    std::size_t begin = shape.atom_count();
    while (begin > 0 && !shape.atom(--begin).begins_axis) {
    }
    std::size_t fastest = layout.count;
    for (std::size_t i = shape.atom_count(); i-- > begin;) {
        if (shape.atom(i).size == 1) continue;
        if (fastest == 0 || layout.order[--fastest] != i) return false;
    }
    return true;
}

void lower_kind(Lowering& l, const Attention& attention) {
    const Sizes sizes = sizes_of(attention);
    if (attention.precision) {  // SageAttention's kernels; the one for Hopper (wgmma) multiplies values in fp8
        const bool hopper = l.architecture == Architecture::hopper && attention.precision->values.has_value();
        return lower_fused(l, attention, sizes, hopper ? AttentionKernel::flash3 : AttentionKernel::flash2);
    }
    if (const auto kernel = fused_kernel(l.stack, attention, l.type(l.input(0)), l.architecture)) {
        lower_fused(l, attention, sizes, *kernel);
    } else {
        lower_math(l, attention, sizes);
    }
}

}  // namespace cupola
