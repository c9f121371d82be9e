#include "cupola/stack/lower_kind.hpp"

#include <array>

namespace cupola {

namespace {

/// x cos + rotate_half(x) sin in the model's type: product, negated half, concatenation, product, sum.
void lower_halves(Lowering& l, Tensor x, double elements, const Layout& order) {
    const Tensor half{x.storage, x.bytes / 2};
    const Tensor negated = l.temporary(half.bytes);
    const Tensor scaled = l.temporary(x.bytes), rotated = l.temporary(x.bytes);
    step(l, "rope.cos", std::array{x}, scaled, elements, l.indexed({1, 0}));
    step(l, "rope.negate", std::array{half}, negated, elements / 2);
    step(l, "rope.rotate", std::array{negated, half}, rotated, elements, l.indexed({0, 0}));
    step(l, "rope.sin", std::array{rotated}, rotated, elements, l.indexed({1, 0}));
    step(l, "rope.add", std::array{scaled, rotated}, l.create(l.output(), order), elements);
}

/// A tensor in fp32: itself, or a copy made now.
Tensor widened(Lowering& l, Tensor x, double elements) {
    if (l.type(l.output()) == DataType::fp32) return x;
    const Tensor wide = l.temporary(bytes_of(elements, DataType::fp32));
    step(l, "rope.to_fp32", std::array{x}, wide, elements, {0, 0});
    return wide;
}

/// Times a table of one row a token in fp32, which every head reads.
Tensor times_table(Lowering& l, std::string_view label, Tensor x, double elements) {
    const Tensor product = l.temporary(bytes_of(elements, DataType::fp32));
    step(l, label, std::array{x}, product, elements, l.indexed({1, 0}));
    return product;
}

/// diffusers' apply_rotary_emb: x_rotated = stack(-odd, even), then x.float() cos + x_rotated.float() sin, back in the
/// model's type. Even and odd elements are strided views, so every read of one touches all of x.
void lower_interleaved(Lowering& l, Tensor x, double elements, const Layout& order) {
    const Tensor negated = l.temporary(x.bytes / 2), rotated = l.temporary(x.bytes);
    step(l, "rope.negate", std::array{x}, negated, elements / 2, l.indexed({1, 0}));
    step(l, "rope.rotate", std::array{negated, x}, rotated, elements, l.indexed({0, 0}));
    const Tensor left = times_table(l, "rope.cos", widened(l, x, elements), elements);
    const Tensor right = times_table(l, "rope.sin", widened(l, rotated, elements), elements);
    if (l.type(l.output()) == DataType::fp32) {
        step(l, "rope.add", std::array{left, right}, l.create(l.output(), order), elements);
        return;
    }
    const Tensor sum = l.temporary(left.bytes);
    step(l, "rope.add", std::array{left, right}, sum, elements);
    step(l, "rope.to_type", std::array{sum}, l.create(l.output(), order), elements, {0, 0});
}

/// diffusers' Wan processor: out[even] = even cos - odd sin, out[odd] = even sin + odd cos. The tables are fp32, so are
/// the products; each assignment writes every second element of the result.
void lower_pairs(Lowering& l, Tensor x, double elements, const Layout& order) {
    const double half = elements / 2;
    const Tensor out = l.create(l.output(), order);
    for (const std::string_view sum : {"rope.sub", "rope.add"}) {
        const Tensor left = times_table(l, "rope.cos", x, half);
        const Tensor right = times_table(l, "rope.sin", x, half);
        const Tensor result = l.temporary(left.bytes);
        step(l, sum, std::array{left, right}, result, half);
        step(l, "rope.assign", std::array{result}, out, half, l.indexed({0, 0}));
    }
}

}  // namespace

void lower_kind(Lowering& l, const Rope& rope) {
    const ValueId value = l.input(0);
    const Tensor x = l.tensor(value);
    const double elements = l.elements(value);
    const Layout order = layout_like(l.shape(value), l.layout(value), l.shape(l.output()));
    constexpr double views = 4;  // two halves, the tables of cosines and sines
    l.charge(views * l.mode().dispatch.view);
    switch (rope.form) {
        case RopeForm::halves: return lower_halves(l, x, elements, order);
        case RopeForm::interleaved: return lower_interleaved(l, x, elements, order);
        case RopeForm::pairs: return lower_pairs(l, x, elements, order);
    }
}

}  // namespace cupola
