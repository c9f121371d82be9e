// Caches that a compiled function reorders: gathers of one size that read the same order become one kernel.
#include "cupola/stack/fusion.hpp"

#include <algorithm>

namespace cupola {

/// Joins the caches before it that are as large. (Inductor fuses kernels
/// of one size that read a tensor in common, here the order; the limit of 64 a kernel is not modelled.)
void Fusion::lower_operator(const CacheReorder& reorder) {
    const ValueId x = l_.input(0);
    materialise(x);
    const double elements = l_.elements(x);
    const auto joins = [&](const Group& group) {
        return group.open && group.gathers && group.elements == elements && group.copies_back == reorder.in_place;
    };
    const auto found = std::find_if(groups_.begin(), groups_.end(), joins);
    const auto index = static_cast<std::uint32_t>(found - groups_.begin());
    if (found == groups_.end()) {
        Group& fresh = groups_.emplace_back();
        fresh.elements = elements;
        fresh.operator_index = l_.operator_index();
        fresh.label = "cache.reorder";
        fresh.category = Category::embedding;
        fresh.gathers = true;
        fresh.copies_back = reorder.in_place;
    }
    Group& group = groups_[index];
    const Shape& shape = l_.shape(x);
    const double row = static_cast<double>(shape.rank() > 0 ? shape.axis_size(shape.rank() - 1) : 1);
    add_input(group, {l_.tensor(x).storage, l_.tensor(x).bytes, static_cast<float>(bytes_of(row, l_.type(x))), false});
    produce(index, contiguous_layout(l_.shape(l_.output())));
}

/// The gathers, and the copies back: what is gathered must be complete before a cache may change.
void Fusion::emit_reorder(Group& group) {
    double elements = 0;
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) elements += group.elements;
    const DataType type = l_.type(group.first_value);
    l_.begin_memory(group.label, group.category, type, Pattern::gather, elements, {0, 0});
    for (std::size_t i = 0; i < group.input_count; ++i) {
        l_.recorder.read(group.inputs[i].storage, group.inputs[i].bytes, group.inputs[i].run_bytes);
    }
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) l_.write(l_.tensor(v));
    l_.launch(l_.mode().dispatch.elementwise, group.operator_index);
    if (!group.copies_back) return;
    l_.begin_memory("cache.copy_back", group.category, type, Pattern::streaming, elements, {0, 0});
    for (ValueId v = group.first_value; v != no_id; v = next_value_[v]) l_.read(l_.tensor(v));
    for (std::size_t i = 0; i < group.input_count; ++i)
        l_.recorder.write(group.inputs[i].storage, group.inputs[i].bytes);
    l_.launch(l_.mode().dispatch.elementwise, group.operator_index);
}

}  // namespace cupola
