#include "cupola/stack/lower_kind.hpp"

#include <array>

namespace cupola {

namespace {

/// The memory order of an element-wise result: that of the first operand that is as large as it (TensorIterator).
Layout result_layout(const Lowering& l) {
    const ValueId out = l.output();
    for (std::size_t i = 0; i < l.input_count(); ++i) {
        const ValueId x = l.input(i);
        if (l.elements(x) == l.elements(out)) return layout_like(l.shape(x), l.layout(x), l.shape(out));
    }
    return contiguous_layout(l.shape(out));
}

bool is_full(const Lowering& l, ValueId x) {
    return l.elements(x) == l.elements(l.output()) && l.shape(x).atom_count() == l.shape(l.output()).atom_count();
}

/// Whether PyTorch's vectorised kernel serves: every operand dense, of the result's size and type, and in its order.
/// Copies into another type have a kernel of their own.
bool is_vectorised(const Lowering& l, const Layout& order) {
    const bool converts = std::holds_alternative<Cast>(l.op().kind);
    for (std::size_t i = 0; i < l.input_count(); ++i) {
        const ValueId x = l.input(i);
        if (l.elements(x) == 1) continue;
        if (!converts && l.type(x) != l.type(l.output())) return false;
        const Layout& own = l.layout(x);
        if (!is_full(l, x) || own.gaps != 0 || own.order != order.order) return false;
    }
    return true;
}

/// Reads an operand of an element-wise kernel whose result lies in `order`.
void read_operand(Lowering& l, ValueId x, const Layout& order) {
    if (is_full(l, x)) {
        l.read_in_order(x, order);
    } else {
        l.read(l.tensor(x));
    }
}

/// One kernel that reads all inputs and writes the output.
void lower_single(Lowering& l, std::string_view label, PointwiseWork work) {
    const Layout order = result_layout(l);
    const Tensor out = l.create(l.output(), order);
    if (!is_vectorised(l, order)) work = l.indexed(work);
    l.begin_memory(label, Category::elementwise, l.type(l.output()), Pattern::streaming, l.elements(l.output()), work);
    for (std::size_t i = 0; i < l.input_count(); ++i) read_operand(l, l.input(i), order);
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
}

/// x (1 + scale) + shift
void lower_modulate(Lowering& l) {
    const double elements = l.elements(l.output());
    const Tensor x = l.tensor(l.input(0)), scale = l.tensor(l.input(1)), shift = l.tensor(l.input(2));
    const Tensor factor = l.temporary(scale.bytes);
    step(l, "modulate.add_one", std::array{scale}, factor, l.elements(l.input(1)));
    const Layout order = result_layout(l);
    const Tensor product = l.temporary(l.tensor(l.output()).bytes);
    step(l, "modulate.scale", std::array{x, factor}, product, elements, l.indexed({1, 0}));
    step(l, "modulate.shift", std::array{product, shift}, l.create(l.output(), order), elements, l.indexed({1, 0}));
}

/// residual + gate · x
void lower_gate(Lowering& l) {
    const double elements = l.elements(l.output());
    const Tensor residual = l.tensor(l.input(0)), x = l.tensor(l.input(1)), gate = l.tensor(l.input(2));
    const Layout order = result_layout(l);
    const Tensor product = l.temporary(l.tensor(l.output()).bytes);
    step(l, "gate.scale", std::array{gate, x}, product, elements, l.indexed({1, 0}));
    step(l, "gate.add", std::array{residual, product}, l.create(l.output(), order), elements);
}

/// alpha · a + (1 - alpha) · b
void lower_lerp(Lowering& l) {
    const double elements = l.elements(l.output());
    const Tensor a = l.tensor(l.input(0)), b = l.tensor(l.input(l.input_count() > 1 ? 1 : 0));
    const Layout order = result_layout(l);
    const double bytes = l.tensor(l.output()).bytes;
    const Tensor left = l.temporary(bytes), right = l.temporary(bytes);
    step(l, "lerp.scale", std::array{a}, left, elements);
    step(l, "lerp.scale", std::array{b}, right, elements);
    step(l, "lerp.add", std::array{left, right}, l.create(l.output(), order), elements);
}

std::string_view label_of(ElementwiseKind kind) {
    switch (kind) {
        case ElementwiseKind::add: return "add";
        case ElementwiseKind::subtract: return "sub";
        case ElementwiseKind::multiply: return "mul";
        case ElementwiseKind::divide: return "div";
        case ElementwiseKind::scale: return "scale";
        case ElementwiseKind::offset: return "offset";
        case ElementwiseKind::modulate: return "modulate";
        case ElementwiseKind::gate: return "gate";
        case ElementwiseKind::clamp: return "clamp";
        case ElementwiseKind::lerp: return "lerp";
        case ElementwiseKind::where: return "where";
    }
    return "";
}

}  // namespace

void step(Lowering& l, std::string_view label, std::span<const Tensor> sources, Tensor target, double elements,
          PointwiseWork work) {
    l.begin_memory(label, Category::elementwise, l.type(l.output()), Pattern::streaming, elements, work);
    for (const Tensor& source : sources) l.read(source);
    l.write(target);
    l.launch(l.mode().dispatch.elementwise);
}

/// Counts are estimates from the shape of CUDA's math functions: expf and a reciprocal are one special-function
/// operation each, erff is a polynomial and one exponential.
PointwiseWork pointwise_work(ActivationKind kind) {
    switch (kind) {
        case ActivationKind::silu: return {4, 2};
        case ActivationKind::gelu: return {20, 1};
        case ActivationKind::gelu_tanh: return {10, 2};
        case ActivationKind::quick_gelu: return {5, 2};
        case ActivationKind::relu: return {1, 0};
        case ActivationKind::leaky_relu: return {2, 0};
        case ActivationKind::sigmoid: return {3, 2};
        case ActivationKind::tanh: return {6, 2};
        case ActivationKind::exp: return {2, 1};
        case ActivationKind::sin:
        case ActivationKind::cos: return {12, 0};
        case ActivationKind::elu: return {4, 1};
        case ActivationKind::softplus: return {6, 2};
    }
    return {};
}

PointwiseWork pointwise_work(ElementwiseKind kind) {
    switch (kind) {
        case ElementwiseKind::add:
        case ElementwiseKind::subtract:
        case ElementwiseKind::multiply:
        case ElementwiseKind::scale:
        case ElementwiseKind::offset:
        case ElementwiseKind::where: return {1, 0};
        case ElementwiseKind::divide: return {2, 1};
        case ElementwiseKind::modulate:
        case ElementwiseKind::gate:
        case ElementwiseKind::clamp: return {2, 0};
        case ElementwiseKind::lerp: return {3, 0};
    }
    return {};
}

/// The same in PyTorch's own kernel, in which a thread loads, computes and stores once, so that long arithmetic is not
/// hidden: GELU takes 0.36 SM clocks an element. Profiler traces: 77 million bf16 in 128 us on an H100 at 1.75 GHz
/// (AMD-AGI/TraceLens, TimeSformer); 1,074 million in 3,272 us on an A100-40, as long as memory takes
/// (pytorch-labs/segment-anything-fast).
PointwiseWork library_work(ActivationKind kind) {
    PointwiseWork work = pointwise_work(kind);
    if (kind == ActivationKind::gelu || kind == ActivationKind::gelu_tanh) work.clocks = 0.36F;
    return work;
}

ActivationKind gate_of(const GatedActivation& activation) { return activation.gate; }

void lower_kind(Lowering& l, const Activation& activation) {
    lower_single(l, name_of(activation.kind), library_work(activation.kind));
}

/// f(gate), then the product; the halves of a single input are views.
void lower_kind(Lowering& l, const GatedActivation& activation) {
    const ValueId x = l.input(0);
    const bool split = activation.split_input || l.input_count() < 2;
    Tensor left = l.tensor(x);
    if (split) {
        left.bytes /= 2;
        l.charge(l.mode().dispatch.view);
    }
    const Tensor right = split ? left : l.tensor(x);  // the gate comes first where both are given
    if (!split) left = l.tensor(l.input(1));
    const double elements = l.elements(l.output());
    const Tensor gate = l.temporary(l.tensor(l.output()).bytes);
    const auto half = [&](PointwiseWork work) { return split ? l.indexed(work) : work; };
    step(l, name_of(gate_of(activation)), std::array{right}, gate, elements, half(library_work(gate_of(activation))));
    const Layout order = split ? contiguous_layout(l.shape(l.output())) : result_layout(l);
    step(l, "mul", std::array{left, gate}, l.create(l.output(), order), elements, half({1, 0}));
}

void lower_kind(Lowering& l, const Elementwise& elementwise) {
    const bool three = l.input_count() >= 3;
    switch (elementwise.kind) {
        case ElementwiseKind::modulate:
            if (three) return lower_modulate(l);
            break;
        case ElementwiseKind::gate:
            if (three) return lower_gate(l);
            break;
        case ElementwiseKind::lerp: return lower_lerp(l);
        case ElementwiseKind::add:
        case ElementwiseKind::subtract:
        case ElementwiseKind::multiply:
        case ElementwiseKind::divide:
        case ElementwiseKind::scale:
        case ElementwiseKind::offset:
        case ElementwiseKind::clamp:
        case ElementwiseKind::where: break;
    }
    lower_single(l, label_of(elementwise.kind), pointwise_work(elementwise.kind));
}

void lower_kind(Lowering& l, const Cast&) {
    lower_single(l, l.type(l.output()) == DataType::fp32 ? "to_fp32" : "to_type", {0, 0});
}

/// diffusers' get_timestep_embedding: arange, product, division, exp, product, (scale,) sin, cos, cat.
void lower_kind(Lowering& l, const Sinusoid& sinusoid) {
    const double half = static_cast<double>(sinusoid.width) / 2;
    const double elements = half * static_cast<double>(sinusoid.rows);
    const Tensor frequencies = l.temporary(bytes_of(half, DataType::fp32));
    const Tensor angles = l.temporary(bytes_of(elements, DataType::fp32));
    const Tensor sines = l.temporary(angles.bytes), cosines = l.temporary(angles.bytes);
    step(l, "sinusoid.arange", {}, frequencies, half);
    step(l, "sinusoid.mul", std::array{frequencies}, frequencies, half);
    step(l, "sinusoid.div", std::array{frequencies}, frequencies, half);
    step(l, "sinusoid.exp", std::array{frequencies}, frequencies, half, {2, 1});
    step(l, "sinusoid.outer", std::array{frequencies}, angles, elements);
    step(l, "sinusoid.sin", std::array{angles}, sines, elements, {12, 0});
    step(l, "sinusoid.cos", std::array{angles}, cosines, elements, {12, 0});
    step(l, "sinusoid.cat", std::array{sines, cosines}, l.create(l.output(), contiguous_layout(l.shape(l.output()))),
         2 * elements, {0, 0});
}

}  // namespace cupola
