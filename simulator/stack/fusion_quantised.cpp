#include "cupola/stack/fusion.hpp"
#include "cupola/stack/quantised_linear.hpp"

namespace cupola {

void Fusion::count_narrow_uses() {
    for (const Operator& op : l_.graph.operators) {
        const auto* linear = std::get_if<Linear>(&op.kind);
        if (linear == nullptr || !linear->precision || !quantises_with_producer(*linear)) continue;
        if (narrow_.empty()) narrow_.resize(l_.graph.values.size());
        const ValueId x = l_.graph.inputs(op).front();
        narrow_[x].layer = linear;
        ++narrow_[x].uses;
        --uses_[x];
    }
}

/// A quantised layer that reads the value, if the group can make the narrow copy: it goes over the same elements, by
/// the same rows where both reduce.
const Linear* Fusion::narrow_reader(const Group& group, ValueId value) const {
    if (narrow_[value].uses == 0) return nullptr;
    const Linear& layer = *narrow_[value].layer;
    const double elements = static_cast<double>(layer.rows) * static_cast<double>(layer.in);
    const bool rows_agree = layer.precision->fixed_scales || !group.reduces || group.rows == layer.rows;
    return elements == group.elements && rows_agree ? &layer : nullptr;
}

/// Adds the narrow copies that quantised layers will read to the group's work; values of which the group cannot make
/// one are written as they are. Whether there is anything to write.
bool Fusion::quantise_with(Group& group) {
    if (narrow_.empty()) return false;
    bool written = false;
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) {
        if (narrow_[v].uses == 0) continue;
        written = true;
        const Linear* reader = narrow_reader(group, v);
        if (reader == nullptr) {
            ++uses_[v];
            continue;
        }
        group.work.flops += quantise_work.flops;
        if (group.reduces || reader->precision->fixed_scales) continue;
        group.reduces = true;
        group.rows = reader->rows;
        group.label = "fused.quantise";
    }
    return written;
}

void Fusion::write_narrow(const Group& group) {
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) {
        const Linear* reader = narrow_reader(group, v);
        if (reader == nullptr) continue;
        const Tensor copy = l_.temporary(quantised_bytes(*reader));
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
