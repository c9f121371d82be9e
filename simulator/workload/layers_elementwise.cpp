// Layers that work element by element: activations, gated activations, sums and products, modulation.
#include "cupola/units/suggest.hpp"
#include "cupola/workload/expander.hpp"

#include <algorithm>

namespace cupola {
namespace {

/// Whether every atom of `part` of more than one element stands in `whole` with the same size, or the axes agree in
/// size one by one.
bool broadcasts_into(const Shape& part, const Shape& whole) {
    bool by_name = true;
    for (std::size_t i = 0; i < part.atom_count() && by_name; ++i) {
        const Atom& atom = part.atom(i);
        if (atom.size == 1) continue;
        const int found = whole.find_atom(atom.name.view());
        by_name = found >= 0 && whole.atom(static_cast<std::size_t>(found)).size == atom.size;
    }
    return by_name || part.sizes() == whole.sizes();
}

/// The shape of an element-wise result: that of the larger operand; the smaller must broadcast into it.
Shape joint_shape(Expander& expander, const Layer& layer, ValueId a, ValueId b) {
    const bool first_larger = expander.shape(a).elements() >= expander.shape(b).elements();
    const Shape& whole = expander.shape(first_larger ? a : b);
    const Shape& part = expander.shape(first_larger ? b : a);
    if (!broadcasts_into(part, whole)) {
        expander.fail(layer, part.text() + " with " + whole.text(), "axes of the same names and sizes, or of size 1");
    }
    return whole;
}

ValueId build_binary(Expander& expander, const Layer& layer, ValueId input, ElementwiseKind kind) {
    const ValueId other = expander.tensor(expander.argument(layer, "with").tensors.front());
    const Shape shape = joint_shape(expander, layer, input, other);
    return expander.emit(layer, Elementwise{kind}, {input, other}, shape);
}

ValueId build_unary(Expander& expander, const Layer& layer, ValueId input, ElementwiseKind kind) {
    return expander.emit(layer, Elementwise{kind}, {input}, expander.shape(input));
}

/// A constant; its value changes no cost, but it must be a number.
ValueId build_constant(Expander& expander, const Layer& layer, ValueId input, ElementwiseKind kind) {
    const Argument& by = expander.argument(layer, "by");
    const Datum value = by.expression.evaluate(expander.environment());
    if (!value.is_number()) expander.fail_at(by.where, text_of(value), "a number");
    return build_unary(expander, layer, input, kind);
}

ValueId build_modulate(Expander& expander, const Layer& layer, ValueId input) {
    std::vector<ValueId> inputs{input, expander.tensor(expander.argument(layer, "scale").tensors.front())};
    const Argument& shift = expander.argument(layer, "shift");
    if (shift.given) inputs.push_back(expander.tensor(shift.tensors.front()));
    for (std::size_t i = 1; i < inputs.size(); ++i) (void)joint_shape(expander, layer, input, inputs[i]);
    return expander.emit(layer, Elementwise{ElementwiseKind::modulate}, inputs, expander.shape(input));
}

ValueId build_gate(Expander& expander, const Layer& layer, ValueId input) {
    const ValueId by = expander.tensor(expander.argument(layer, "by").tensors.front());
    const ValueId residual = expander.tensor(expander.argument(layer, "residual").tensors.front());
    (void)joint_shape(expander, layer, input, by);
    const Shape shape = joint_shape(expander, layer, residual, input);
    return expander.emit(layer, Elementwise{ElementwiseKind::gate}, {residual, input, by}, shape);
}

ValueId build_gated(Expander& expander, const Layer& layer, ValueId input, ActivationKind gate) {
    const Argument& other = expander.argument(layer, "gate");
    if (other.given) {
        const ValueId gate_value = expander.tensor(other.tensors.front());
        const Shape shape = joint_shape(expander, layer, input, gate_value);
        return expander.emit(layer, GatedActivation{gate, false}, {gate_value, input}, shape);
    }
    Shape shape = expander.shape(input);
    const std::size_t channels = expander.channels_axis(layer, input);
    const std::int64_t width = shape.axis_size(channels);
    if (width % 2 != 0)
        expander.fail(layer, std::to_string(width) + " channels", "an even number, half of it the gate");
    shape.replace_axis(channels, AxisName("channels"), width / 2);
    return expander.emit(layer, GatedActivation{gate, true}, {input}, shape);
}

ValueId build_activation(Expander& expander, const Layer& layer, ValueId input) {
    const Argument& kind = expander.argument(layer, "kind");
    const Datum value = expander.name_value(kind.expression);
    const auto& names = activation_names();
    const auto found = value.text() != nullptr ? std::find(names.begin(), names.end(), *value.text()) : names.end();
    if (found == names.end()) {
        const std::string name = value.text() != nullptr ? *value.text() : "";
        expander.fail_at(kind.where, text_of(value), "an activation", suggestion(name, names));
    }
    return expander.emit(layer, Activation{static_cast<ActivationKind>(found - names.begin())}, {input},
                         expander.shape(input));
}

/// To fp32 (`.float()` in models' code) or back to the stage's type; no operator where it is that already.
ValueId build_cast(Expander& expander, const Layer& layer, ValueId input, DataType type) {
    const bool needed = bytes_per_element(expander.value(input).type) != bytes_per_element(type);
    return needed ? expander.emit(layer, Cast{}, {input}, expander.shape(input), type) : input;
}

}  // namespace

ValueId build_elementwise_layer(Expander& expander, const Layer& layer, ValueId input) {
    switch (layer.spec->builtin) {
        case Builtin::activation: return build_activation(expander, layer, input);
        case Builtin::geglu: return build_gated(expander, layer, input, ActivationKind::gelu);
        case Builtin::swiglu: return build_gated(expander, layer, input, ActivationKind::silu);
        case Builtin::glu: return build_gated(expander, layer, input, ActivationKind::sigmoid);
        case Builtin::add: return build_binary(expander, layer, input, ElementwiseKind::add);
        case Builtin::subtract: return build_binary(expander, layer, input, ElementwiseKind::subtract);
        case Builtin::multiply: return build_binary(expander, layer, input, ElementwiseKind::multiply);
        case Builtin::divide: return build_binary(expander, layer, input, ElementwiseKind::divide);
        case Builtin::lerp: return build_binary(expander, layer, input, ElementwiseKind::lerp);
        case Builtin::where: return build_binary(expander, layer, input, ElementwiseKind::where);
        case Builtin::scale: return build_constant(expander, layer, input, ElementwiseKind::scale);
        case Builtin::offset: return build_constant(expander, layer, input, ElementwiseKind::offset);
        case Builtin::clamp: return build_unary(expander, layer, input, ElementwiseKind::clamp);
        case Builtin::modulate: return build_modulate(expander, layer, input);
        case Builtin::widen: return build_cast(expander, layer, input, DataType::fp32);
        case Builtin::narrow: return build_cast(expander, layer, input, expander.type());
        case Builtin::gate: return build_gate(expander, layer, input);
        default: expander.fail(layer, "a layer without a builder", "one of the language");
    }
}

}  // namespace cupola
