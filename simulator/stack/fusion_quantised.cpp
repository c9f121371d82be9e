#include "cupola/stack/fusion.hpp"
#include "cupola/stack/quantised_linear.hpp"

namespace cupola {

/// What an operator reads in a narrow form that the kernel which makes the value can write.
std::optional<Fusion::NarrowUse> Fusion::narrow_use(const OperatorKind& kind) {
    if (const auto* linear = std::get_if<Linear>(&kind)) {
        if (!linear->precision || !quantises_with_producer(*linear)) return std::nullopt;
        const std::int64_t rows = linear->precision->fixed_scales ? 0 : linear->rows;
        return NarrowUse{input_elements(*linear), quantised_bytes(*linear), rows, 1};
    }
    if (const auto* convolution = std::get_if<Convolution>(&kind)) {
        if (!convolution->product) return std::nullopt;
        return NarrowUse{input_elements(*convolution), quantised_bytes(*convolution), 0, 1};
    }
    return std::nullopt;
}

void Fusion::count_narrow_uses() {
    for (const Operator& op : l_.graph.operators) {
        const auto use = op.limit == Execution::eager ? std::nullopt : narrow_use(op.kind);
        if (!use) continue;
        if (narrow_.empty()) narrow_.resize(l_.graph.values.size());
        const ValueId x = l_.graph.inputs(op).front();
        const std::uint32_t before = narrow_[x].uses;
        narrow_[x] = *use;
        narrow_[x].uses += before;
        --uses_[x];
    }
}

/// A layer reads the narrow form of its input, or makes it from the wide one.
void Fusion::lower_narrow(ValueId input) {
    materialise(input);
    --narrow_[root(input)].uses;
}

/// A quantised layer that reads the value, if the group can make the narrow copy: it goes over the same elements, by
/// the same rows where both reduce.
const Fusion::NarrowUse* Fusion::narrow_reader(const Group& group, ValueId value) const {
    const NarrowUse& use = narrow_[value];
    if (use.uses == 0) return nullptr;
    const bool rows_agree = use.rows == 0 || !group.reduces || group.rows == use.rows;
    return use.elements == group.elements && rows_agree ? &use : nullptr;
}

/// Adds the narrow copies that quantised layers will read to the group's work; values of which the group cannot make
/// one are written as they are. Whether there is anything to write.
bool Fusion::quantise_with(Group& group) {
    if (narrow_.empty()) return false;
    bool written = false;
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) {
        if (narrow_[v].uses == 0) continue;
        written = true;
        const NarrowUse* reader = narrow_reader(group, v);
        if (reader == nullptr) {
            ++uses_[v];
            continue;
        }
        group.work.flops += quantise_work.flops;
        if (group.reduces || reader->rows == 0) continue;
        group.reduces = true;
        group.rows = reader->rows;
        group.label = "fused.quantise";
    }
    return written;
}

void Fusion::write_narrow(const Group& group) {
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) {
        const NarrowUse* reader = narrow_reader(group, v);
        if (reader == nullptr) continue;
        const Tensor copy = l_.temporary(reader->bytes);
        l_.write(copy);
        l_.set_narrow(l_.tensor(v).storage, copy);
    }
}

/// The product's columns are scaled in a group that pointwise operators behind it join.
void Fusion::scale_result() {
    const ValueId out = l_.output();
    const Tensor product = l_.tensor(out);
    const auto index = static_cast<std::uint32_t>(groups_.size());
    Group& group = groups_.emplace_back();
    group.elements = l_.elements(out);
    group.operator_index = l_.operator_index();
    group.label = "fused.scale";
    group.category = Category::elementwise;
    group.work = {2, 0};
    add_input(group, {product.storage, product.bytes, 0, false});
    group.first_value = out;
    l_.create(out, contiguous_layout(l_.shape(out)));
    group_of_[out] = index;
    next_value_[out] = no_id;
}

}  // namespace cupola
