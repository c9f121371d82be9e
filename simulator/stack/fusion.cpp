#include "cupola/stack/fusion.hpp"

#include "cupola/stack/quantised_linear.hpp"

#include <algorithm>

namespace cupola {

Fusion::Fusion(Lowering& lowering)
    : l_(lowering),
      group_of_(l_.graph.values.size(), no_id),
      next_value_(l_.graph.values.size(), no_id),
      root_(l_.graph.values.size()),
      uses_(l_.graph.values.size(), 0) {
    groups_.reserve(l_.graph.operators.size());
    for (std::size_t i = 0; i < root_.size(); ++i) {
        root_[i] = static_cast<ValueId>(i);
        if (l_.graph.values[i].persistent) ++uses_[i];
    }
    for (const ValueId value : l_.graph.operands) ++uses_[value];
    for (const ValueId value : l_.graph.outputs) ++uses_[value];
    count_narrow_uses();
    if (l_.stack.compiled_mode.epilogues) find_readers();
}

void Fusion::lower_current() {
    if (l_.compiled()) {
        std::visit([this](const auto& kind) { lower_operator(kind); }, l_.op().kind);
    } else {
        std::visit([this](const auto& kind) { lower_barrier(kind); }, l_.op().kind);
    }
}

void Fusion::finish() {
    for (Group& group : groups_) {
        if (group.open) emit(group);
    }
}

// Groups

bool Fusion::is_pending(ValueId value) const {
    const std::uint32_t group = group_of_[root(value)];
    return group != no_id && groups_[group].open;
}

/// The open group that the current operator can join, all such groups of its inputs merged; no_id if there is none.
std::uint32_t Fusion::joinable_group(const Member& member) {
    std::uint32_t joined = no_id;
    for (std::size_t i = 0; i < l_.input_count(); ++i) {
        const ValueId x = l_.input(i);
        if (!is_pending(x)) continue;
        const std::uint32_t candidate = group_of_[root(x)];
        const Group& group = groups_[candidate];
        if (candidate == joined || group.elements != member.elements || l_.elements(x) != member.elements) continue;
        if (group.reduces && member.rows > 0) continue;
        if (joined == no_id) {
            joined = candidate;
        } else if (!(group.reduces && groups_[joined].reduces)) {
            merge(joined, candidate);
        }
    }
    for (std::size_t i = 0; i < l_.input_count(); ++i) {  // a part of what the group makes is read elsewhere in it
        const ValueId x = l_.input(i);
        if (joined != no_id && group_of_[root(x)] == joined && l_.elements(x) != member.elements) return no_id;
    }
    return joined;
}

/// Both are open, so neither reads a value of the other.
void Fusion::merge(std::uint32_t into, std::uint32_t from) {
    Group& target = groups_[into];
    Group& source = groups_[from];
    for (std::size_t i = 0; i < source.input_count; ++i) add_input(target, source.inputs[i]);
    for (ValueId value = source.first_value; value != no_id;) {
        const ValueId next = next_value_[value];
        next_value_[value] = target.first_value;
        target.first_value = value;
        group_of_[value] = into;
        value = next;
    }
    target.work.flops += source.work.flops;
    target.work.mufu += source.work.mufu;
    if (source.reduces || target.category == Category::data_movement) {
        target.label = source.label;
        target.category = source.category;
    }
    if (source.reduces) target.rows = source.rows;
    target.reduces = target.reduces || source.reduces;
    source.open = false;
}

void Fusion::add_input(Group& group, const Input& input) {
    for (std::size_t i = 0; i < group.input_count; ++i) {
        Input& known = group.inputs[i];
        if (known.storage != input.storage) continue;
        known.bytes = std::max(known.bytes, input.bytes);
        return;
    }
    if (group.input_count == group.inputs.size()) {  // more than a kernel can list: the last stands for the rest
        group.inputs.back().bytes += input.bytes;
        return;
    }
    group.inputs[group.input_count++] = input;
}

void Fusion::add_weights(Group& group, double elements) {
    if (elements <= 0) return;
    const Tensor weights = l_.weight(elements);
    add_input(group, {weights.storage, weights.bytes, 0, true});
}

/// Takes the current operator into a group, reading its inputs; the caller adds what it makes.
std::uint32_t Fusion::join(const Member& member) {
    std::uint32_t index = joinable_group(member);
    for (std::size_t i = 0; i < l_.input_count(); ++i) {
        const bool inside = index != no_id && group_of_[root(l_.input(i))] == index;
        if (!inside) materialise(l_.input(i));
    }
    if (index == no_id) {
        index = static_cast<std::uint32_t>(groups_.size());
        Group& fresh = groups_.emplace_back();
        fresh.elements = member.elements;
        fresh.operator_index = l_.operator_index();
        fresh.label = member.label;
        fresh.category = member.category;
    }
    Group& group = groups_[index];
    for (std::size_t i = 0; i < l_.input_count(); ++i) {
        const ValueId x = l_.input(i);
        if (group_of_[root(x)] != index) {
            const Tensor tensor = l_.tensor(x);
            add_input(group, {tensor.storage, tensor.bytes, 0, false});
        }
    }
    group.work.flops += member.work.flops;
    group.work.mufu += member.work.mufu;
    const bool names = member.rows > 0 || (!group.reduces && group.category == Category::data_movement &&
                                           member.category != Category::data_movement);
    if (names) {
        group.label = member.label;
        group.category = member.category;
        group.operator_index = l_.operator_index();
    }
    if (member.rows > 0) {
        group.reduces = true;
        group.rows = member.rows;
    }
    return index;
}

/// Makes the current operator's output a value of the group.
void Fusion::produce(std::uint32_t group, const Layout& layout) {
    const ValueId out = l_.output();
    for (std::size_t i = 0; i < l_.input_count(); ++i) consume(l_.input(i));
    l_.create(out, layout);
    group_of_[out] = group;
    next_value_[out] = groups_[group].first_value;
    groups_[group].first_value = out;
}

/// Emits the group that makes the value, if it is still open.
void Fusion::materialise(ValueId value) {
    if (is_pending(value)) emit(groups_[group_of_[root(value)]]);
}

void Fusion::emit(Group& group) {
    group.open = false;
    if (group.gathers) return emit_reorder(group);
    bool written = group.statistics.storage != no_id;
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) written = written || uses_[v] > 0;
    written = quantise_with(group) || written;
    if (!written) return;
    const ValueId typed = group.first_value != no_id ? group.first_value : l_.input(0);
    l_.begin_memory(group.label, group.category, l_.type(typed),
                    group.reduces ? Pattern::row_reduction : Pattern::streaming, group.elements, group.work,
                    group.reduces ? group.rows : 1);
    for (std::size_t i = 0; i < group.input_count; ++i) {
        const Input& input = group.inputs[i];
        if (input.weight) {
            l_.recorder.weight(input.storage, input.bytes);
        } else {
            l_.recorder.read(input.storage, input.bytes, input.run_bytes);
        }
    }
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) {
        if (uses_[v] == 0) continue;
        // What is appended to a cache is as large as the group, not as the cache.
        const double bytes = std::min(l_.tensor(v).bytes, bytes_of(group.elements, l_.type(v)));
        l_.recorder.write(l_.tensor(v).storage, bytes);
    }
    if (group.statistics.storage != no_id) l_.write(group.statistics);
    if (!narrow_.empty()) write_narrow(group);
    l_.launch(l_.mode().dispatch.elementwise, group.operator_index);
}

// Operators

Layout Fusion::result_layout() const {
    const ValueId out = l_.output();
    for (std::size_t i = 0; i < l_.input_count(); ++i) {
        const ValueId x = l_.input(i);
        if (l_.elements(x) == l_.elements(out)) return layout_like(l_.shape(x), l_.layout(x), l_.shape(out));
    }
    return contiguous_layout(l_.shape(out));
}

void Fusion::lower_pointwise(std::string_view label, PointwiseWork work, const Layout& layout, Category category) {
    const std::uint32_t group = join({label, category, work, 0, l_.elements(l_.output())});
    produce(group, layout);
}

template <typename Kind>
void Fusion::lower_barrier(const Kind& kind) {
    for (std::size_t i = 0; i < l_.input_count(); ++i) materialise(l_.input(i));
    for (std::size_t i = 0; i < l_.input_count(); ++i) consume(l_.input(i));
    lower_kind(l_, kind);
}

void Fusion::lower_view(ValueId x, const Layout& layout) {
    const ValueId out = l_.output();
    root_[out] = root(x);
    uses_[root(x)] += uses_[out];
    if (!narrow_.empty() && narrow_[out].uses > 0) {
        const std::uint32_t uses = narrow_[root(x)].uses + narrow_[out].uses;
        narrow_[root(x)] = narrow_[out];
        narrow_[root(x)].uses = uses;
    }
    consume(x);
    l_.alias(out, x, layout);
}

/// Two kernels: a reduction split over many blocks, with the pointwise chain that makes its input, and the
/// normalisation, which pointwise operators behind it join. Memory order stays that of the input.
void Fusion::lower_group_norm(const Norm& norm) {
    constexpr double elements_a_block = 8192;  // of a split reduction
    const ValueId x = l_.input(0);
    const double elements = l_.elements(x);
    const auto blocks = std::max(norm.rows, static_cast<std::int64_t>(elements / elements_a_block));
    const std::uint32_t reduction = join({"group_norm.statistics", Category::norm, {4, 0}, blocks, elements});
    groups_[reduction].statistics = l_.temporary(bytes_of(2.0 * static_cast<double>(norm.rows), DataType::fp32));
    const Tensor statistics = groups_[reduction].statistics;
    emit(groups_[reduction]);

    const std::uint32_t apply = join({"group_norm.apply", Category::norm, {4, 1}, 0, elements});
    add_input(groups_[apply], {statistics.storage, statistics.bytes, 0, false});
    add_weights(groups_[apply], static_cast<double>(norm.channels * (int{norm.scale} + int{norm.shift})));
    produce(apply, result_layout());
}

void Fusion::lower_operator(const Norm& norm) {
    PointwiseWork work = layer_norm_work;
    std::string_view label = "fused.layer_norm";
    switch (norm.kind) {
        case NormKind::group: return lower_group_norm(norm);
        case NormKind::layer: break;
        case NormKind::rms:
            label = "fused.rms_norm";
            work = {4, 0};
            break;
        case NormKind::l2:
            label = "fused.l2_norm";
            work = {4, 0};
            break;
    }
    const std::uint32_t group = join({label, Category::norm, work, norm.rows, l_.elements(l_.input(0))});
    add_weights(groups_[group], static_cast<double>(norm.channels * (int{norm.scale} + int{norm.shift})));
    produce(group, result_layout());
}

void Fusion::lower_operator(const Softmax& softmax) {
    produce(join({"fused.softmax", Category::elementwise, softmax_work, softmax.rows, l_.elements(l_.input(0))}),
            result_layout());
}

void Fusion::lower_operator(const Reduction& reduction) {
    produce(join({"fused.reduce", Category::elementwise, {1, 0}, reduction.rows, l_.elements(l_.input(0))}),
            contiguous_layout(l_.shape(l_.output())));
}

void Fusion::lower_operator(const Activation& activation) {
    if (lower_in_product()) return;
    lower_pointwise("fused.pointwise", pointwise_work(activation.kind), result_layout());
}

void Fusion::lower_operator(const GatedActivation& activation) {
    PointwiseWork work = pointwise_work(gate_of(activation));
    work.flops += 1;
    lower_pointwise("fused.pointwise", work, result_layout());
}

void Fusion::lower_operator(const Rope&) { lower_pointwise("fused.pointwise", rope_work, result_layout()); }

void Fusion::lower_operator(const Elementwise& elementwise) {
    if (lower_in_product()) return;
    lower_pointwise("fused.pointwise", pointwise_work(elementwise.kind), result_layout());
}

void Fusion::lower_operator(const Sinusoid&) {
    lower_pointwise("fused.pointwise", {16, 1}, contiguous_layout(l_.shape(l_.output())));
}

void Fusion::lower_operator(const Cast&) { lower_pointwise("fused.pointwise", {0, 0}, result_layout()); }

void Fusion::lower_operator(const Cat&) {
    bool last = l_.input_count() > 0;
    for (std::size_t i = 0; i < l_.input_count(); ++i) {
        last = last && is_channels_last(l_.shape(l_.input(i)), l_.layout(l_.input(i)));
    }
    const Shape& shape = l_.shape(l_.output());
    lower_pointwise("fused.copy", {0, 0}, last ? channels_last_layout(shape) : contiguous_layout(shape),
                    Category::data_movement);
}

void Fusion::lower_operator(const Slice&) {
    const ValueId x = l_.input(0);
    lower_view(x, slice_layout(l_.shape(x), l_.layout(x), l_.shape(l_.output())));
}

void Fusion::lower_operator(const Rearrange&) {
    const ValueId x = l_.input(0);
    const Shape& shape = l_.shape(l_.output());
    if (const auto view = view_layout(l_.shape(x), l_.layout(x), shape)) {
        lower_view(x, *view);
    } else {
        lower_pointwise("fused.copy", {0, 0}, contiguous_layout(shape), Category::data_movement);
    }
}

/// The compiler chooses memory orders itself, so a request for one is a view. Where convolutions are not converted to
/// channels-last, it keeps the orders that eager execution gives their tensors, which is what a request is for.
void Fusion::lower_operator(const Contiguous&) {
    const ValueId x = l_.input(0);
    const Shape& shape = l_.shape(l_.output());
    if (l_.stack.layout == TensorLayout::channels_first && shape.rank() >= 4 && !is_contiguous(l_.layout(x))) {
        return lower_pointwise("fused.copy", {0, 0}, contiguous_layout(shape), Category::data_movement);
    }
    lower_view(x, layout_like(l_.shape(x), l_.layout(x), shape));
}

void Fusion::lower_operator(const Broadcast&) {
    lower_pointwise("fused.copy", {0, 0}, contiguous_layout(l_.shape(l_.output())), Category::data_movement);
}

void Fusion::lower_operator(const Pad&) {
    const ValueId x = l_.input(0);
    const bool last = is_channels_last(l_.shape(x), l_.layout(x));
    const Shape& shape = l_.shape(l_.output());
    lower_pointwise("fused.copy", {1, 0}, last ? channels_last_layout(shape) : contiguous_layout(shape),
                    Category::data_movement);
}

void Fusion::lower_operator(const Upsample& upsample) {
    const ValueId x = l_.input(0);
    const bool last = is_channels_last(l_.shape(x), l_.layout(x));
    const Shape& shape = l_.shape(l_.output());
    const PointwiseWork work{upsample.mode == UpsampleMode::bilinear ? 12.0F : 2.0F, 0};
    lower_pointwise("fused.upsample", work, last ? channels_last_layout(shape) : contiguous_layout(shape),
                    Category::data_movement);
}

void Fusion::lower_operator(const AveragePool& pool) {
    const ValueId x = l_.input(0);
    const bool last = is_channels_last(l_.shape(x), l_.layout(x));
    const Shape& shape = l_.shape(l_.output());
    lower_pointwise("fused.average_pool", {static_cast<float>(pool.window), 0},
                    last ? channels_last_layout(shape) : contiguous_layout(shape), Category::data_movement);
}

void Fusion::lower_operator(const PixelShuffle&) {
    lower_pointwise("fused.copy", {0, 0}, contiguous_layout(l_.shape(l_.output())), Category::data_movement);
}

void Fusion::lower_operator(const CacheAppend& append) {
    if (append.grown) return lower_barrier(append);
    const ValueId rows = l_.input(l_.input_count() - 1);
    const std::uint32_t group = join({"cache.append", Category::embedding, {0, 0}, 0, l_.elements(rows)});
    produce(group, contiguous_layout(l_.shape(l_.output())));
}

/// A group that is still open writes its result in the order that the convolution wants.
void Fusion::lower_operator(const Convolution& convolution) {
    const ValueId x = l_.input(0);
    const Shape& shape = l_.shape(x);
    if (l_.stack.layout == TensorLayout::channels_last && shape.rank() >= 4 && is_pending(x)) {
        l_.set_layout(x, channels_last_layout(shape));
    }
    take_epilogue();
    if (!convolution.product) return lower_barrier(convolution);
    lower_narrow(x);
    lower_kind(l_, convolution);
}

void Fusion::lower_operator(const Linear& linear) {
    const ValueId x = l_.input(0);
    if (is_pending(x) && !is_matrix_view(l_.shape(x), l_.layout(x))) {
        l_.set_layout(x, contiguous_layout(l_.shape(x)));
    }
    if (!linear.precision || !scales_after_product(linear)) take_epilogue();
    if (!linear.precision || !quantises_with_producer(linear)) return lower_barrier(linear);
    lower_narrow(x);
    lower_kind(l_, linear);
    if (scales_after_product(linear)) scale_result();
}

void Fusion::lower_operator(const Attention& attention) {
    for (std::size_t i = 0; i < std::min<std::size_t>(l_.input_count(), 3); ++i) {
        const ValueId x = l_.input(i);
        if (is_pending(x) && !has_fast_last_axis(l_.shape(x), l_.layout(x))) {
            l_.set_layout(x, contiguous_layout(l_.shape(x)));
        }
    }
    lower_barrier(attention);
}

void Fusion::lower_operator(const Matmul& matmul) { lower_barrier(matmul); }
void Fusion::lower_operator(const Embedding& embedding) { lower_barrier(embedding); }
void Fusion::lower_operator(const Gather& gather) { lower_barrier(gather); }
void Fusion::lower_operator(const Sample& sample) { lower_barrier(sample); }
void Fusion::lower_operator(const Parameter& parameter) { lower_barrier(parameter); }

}  // namespace cupola
