#include "cupola/stack/lower_kind.hpp"

#include <algorithm>

namespace cupola {

namespace {

/// The layout of a result of another size than its input: channels-last if the input is strictly that (PyTorch's
/// suggest_memory_format), else contiguous.
Layout suggested_layout(const Lowering& l, ValueId x) {
    const bool last = is_channels_last(l.shape(x), l.layout(x)) && !is_contiguous(l.layout(x));
    return last && l.shape(l.output()).rank() >= 4 ? channels_last_layout(l.shape(l.output()))
                                                   : contiguous_layout(l.shape(l.output()));
}

void lower_movement(Lowering& l, std::string_view label, const Layout& layout, Pattern pattern, PointwiseWork work,
                    double run_bytes = 0) {
    const ValueId x = l.input(0);
    const Tensor out = l.create(l.output(), layout);
    l.begin_memory(label, Category::data_movement, l.type(x), pattern, std::max(l.elements(l.output()), l.elements(x)),
                   work);
    l.read(l.tensor(x), run_bytes);
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
}

/// SM clocks of an element in PyTorch's concatenation, whose threads compute an address for each: inputs that lie as
/// the result does, and strided ones. Profiler trace of TimeSformer on an H100 at 1.75 GHz (AMD-AGI/TraceLens): 25,088
/// x 768 bf16 take 71.5 us, or 95 us from a transposed view.
constexpr float dense_cat_clocks = 0.86F;
constexpr float strided_cat_clocks = 1.14F;

}  // namespace

void lower_kind(Lowering& l, const Cat&) {
    bool last = true, dense = true;
    for (std::size_t i = 0; i < l.input_count(); ++i) {
        const ValueId x = l.input(i);
        last = last && is_channels_last(l.shape(x), l.layout(x)) && !is_contiguous(l.layout(x));
        dense = dense && (last || is_contiguous(l.layout(x)));
    }
    const Shape& shape = l.shape(l.output());
    const Layout order = last && l.input_count() > 0 ? channels_last_layout(shape) : contiguous_layout(shape);
    const Tensor out = l.create(l.output(), order);
    l.begin_memory("cat", Category::data_movement, l.type(l.output()), Pattern::streaming, l.elements(l.output()),
                   {0, 0, dense ? dense_cat_clocks : strided_cat_clocks});
    for (std::size_t i = 0; i < l.input_count(); ++i) {
        const ValueId x = l.input(i);
        l.read_in_order(x, last ? channels_last_layout(l.shape(x)) : contiguous_layout(l.shape(x)));
    }
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
}

void lower_kind(Lowering& l, const Slice&) {
    const ValueId x = l.input(0);
    l.alias(l.output(), x, slice_layout(l.shape(x), l.layout(x), l.shape(l.output())));
    l.charge(l.mode().dispatch.view);
}

void lower_kind(Lowering& l, const Rearrange&) {
    const ValueId x = l.input(0);
    const Shape& shape = l.shape(l.output());
    l.charge(l.mode().dispatch.view);
    if (const auto view = view_layout(l.shape(x), l.layout(x), shape)) {
        l.alias(l.output(), x, *view);
        return;
    }
    // `reshape` copies into the order of its result.
    const Layout order = contiguous_layout(shape);
    const Tensor out = l.create(l.output(), order);
    const auto back = view_layout(shape, order, l.shape(x));
    l.copy(x, out, back.value_or(contiguous_layout(l.shape(x))), "copy.reshape");
}

void lower_kind(Lowering& l, const Contiguous&) {
    const ValueId x = l.input(0);
    const Layout order = contiguous_layout(l.shape(l.output()));
    if (is_contiguous(l.layout(x))) {
        l.alias(l.output(), x, order);
        l.charge(l.mode().dispatch.view);
        return;
    }
    l.copy(x, l.create(l.output(), order), contiguous_layout(l.shape(x)), "copy.contiguous");
}

void lower_kind(Lowering& l, const Broadcast&) {
    lower_movement(l, "copy.broadcast", contiguous_layout(l.shape(l.output())), Pattern::streaming, {0, 0});
}

/// F.pad with a constant fills the result and copies the input into it; the other modes are one kernel.
void lower_kind(Lowering& l, const Pad& pad) {
    if (pad.mode != PadMode::zero) {
        lower_movement(l, "pad", contiguous_layout(l.shape(l.output())), Pattern::streaming, {2, 0});
        return;
    }
    const ValueId x = l.input(0);
    const Layout order = suggested_layout(l, x);
    const Tensor out = l.create(l.output(), order);
    l.begin_memory("pad.fill", Category::data_movement, l.type(x), Pattern::streaming, l.elements(l.output()), {0, 0});
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
    l.begin_memory("pad.copy", Category::data_movement, l.type(x), Pattern::streaming, l.elements(x), {0, 0});
    l.read_in_order(x, layout_like(l.shape(x), order, l.shape(x)));
    l.write({out.storage, l.tensor(x).bytes});
    l.launch(l.mode().dispatch.copy);
}

void lower_kind(Lowering& l, const Upsample& upsample) {
    const PointwiseWork work{upsample.mode == UpsampleMode::bilinear ? 12.0F : 2.0F, 0};
    lower_movement(l, "upsample", suggested_layout(l, l.input(0)), Pattern::streaming, work);
}

void lower_kind(Lowering& l, const AveragePool&) {
    lower_movement(l, "average_pool", suggested_layout(l, l.input(0)), Pattern::streaming, {1, 0});
}

/// View, permute, copy: the copy's reads or writes run along the innermost factor only.
void lower_kind(Lowering& l, const PixelShuffle&) {
    l.charge(2.0 * l.mode().dispatch.view);
    lower_movement(l, "pixel_shuffle", contiguous_layout(l.shape(l.output())), Pattern::strided_copy, {0, 0},
                   bytes_per_element(l.type(l.input(0))));
}

}  // namespace cupola
