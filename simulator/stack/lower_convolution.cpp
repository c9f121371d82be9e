#include "cupola/stack/lower_kind.hpp"
#include "cupola/stack/quantised_linear.hpp"

#include <algorithm>

namespace cupola {

namespace {

/// Types for which cuDNN's kernels want channels fastest.
bool uses_matrix_units(DataType type) {
    switch (type) {
        case DataType::fp16:
        case DataType::bf16:
        case DataType::tf32:
        case DataType::fp8:
        case DataType::fp4:
        case DataType::int8:
        case DataType::int4: return true;
        case DataType::fp32:
        case DataType::int32:
        case DataType::int64: return false;
    }
    return false;
}

/// A transposed convolution is the data gradient of the one with input and output exchanged: the same multiply-adds.
ConvolutionWork work_of(const Convolution& conv) {
    if (conv.transposed) {
        return {conv.batch,  conv.out_channels, conv.in_channels, conv.groups,
                conv.output, conv.input,        conv.kernel,      conv.stride};
    }
    return {conv.batch, conv.in_channels, conv.out_channels, conv.groups,
            conv.input, conv.output,      conv.kernel,       conv.stride};
}

std::int64_t volume(const std::array<std::int64_t, 3>& extents) { return extents[0] * extents[1] * extents[2]; }

/// A tensor as cuDNN's transposes see it: `outer` matrices of channels x positions.
struct Matrices {
    std::int64_t outer, channels, positions;
};

double elements_of(const Matrices& m) { return static_cast<double>(m.outer * m.channels * m.positions); }

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// One of cuDNN's nchwToNhwc and nhwcToNchw kernels: a block moves a tile of 32 channels x 32 positions, full or not.
/// AMD-AGI/TraceLens, TimeSformer on an H100 at 1.75 GHz: 128 x 3 channels x 224^2 take 200,704 blocks and 281 us.
void transpose(Lowering& l, const Matrices& shape, DataType type, Tensor source, Tensor target,
               std::string_view label) {
    constexpr std::int64_t tile = 32;
    constexpr float tile_clocks = 323;
    const std::int64_t tile_count = shape.outer * ceil_div(shape.channels, tile) * ceil_div(shape.positions, tile);
    l.begin_memory(label, Category::data_movement, type, Pattern::transpose, elements_of(shape), {0, 0, 0, tile_clocks},
                   tile_count);
    l.read(source);
    l.write(target);
    l.launch(l.mode().dispatch.extra_kernel);
}

/// A channels-last copy, channels padded to 16 bytes, as the kernels on matrix units need them.
Tensor channels_last_copy(Lowering& l, const Matrices& shape, DataType type, Tensor source, std::string_view label) {
    const auto step = static_cast<std::int64_t>(16 / bytes_per_element(type));
    const std::int64_t padded = ceil_div(shape.channels, step) * step;
    const Tensor target = l.temporary(source.bytes * static_cast<double>(padded) / static_cast<double>(shape.channels));
    transpose(l, shape, type, source, target, label);
    return target;
}

/// The input in the order in which the kernel reads it. Where the filter is channels-last and the input is not, eager
/// PyTorch converts it by its general copy (ATen native/cudnn, `input.contiguous(memory_format)`), and cuDNN transposes
/// nothing.
Tensor input_tensor(Lowering& l, ValueId x, const Matrices& matrices, bool transposes) {
    const Shape& shape = l.shape(x);
    if (is_channels_last(shape, l.layout(x))) return l.tensor(x);
    const bool converts = l.stack.layout == TensorLayout::channels_last && !l.compiled() && shape.rank() >= 4;
    if (transposes && converts) {
        const Tensor target = l.temporary(l.tensor(x).bytes);
        l.copy(x, target, channels_last_layout(shape), "conv.input_layout");
        return target;
    }
    const Tensor source = l.contiguous(x, "conv.input_layout");
    return transposes ? channels_last_copy(l, matrices, l.type(x), source, "conv.nchw_to_nhwc") : source;
}

/// Whether the convolution is one matrix product on channels-first tensors as they lie, which PyTorch runs without
/// transposes: 1x1 kernels on a single image (AMD-AGI/TraceLens, video VAE on an H100).
bool is_matrix_product(const Convolution& conv) {
    return conv.batch == 1 && conv.groups == 1 && volume(conv.kernel) == 1 && volume(conv.stride) == 1;
}

/// Of a channels-last input: positions that no tap touches where strides exceed the kernel are never read.
double touched_share(const Convolution& conv) {
    double share = 1;
    for (std::size_t axis = 0; axis < 3 && !conv.transposed; ++axis) {
        share *= std::min(1.0, static_cast<double>(conv.kernel[axis]) / static_cast<double>(conv.stride[axis]));
    }
    return share;
}

/// PyTorch launches the bias of a cuDNN convolution as an in-place addition of its own.
void add_bias(Lowering& l, const Convolution& conv, Tensor out) {
    const Tensor bias = l.weight(static_cast<double>(conv.out_channels));
    l.begin_memory("conv.bias", Category::elementwise, l.type(l.output()), Pattern::streaming, l.elements(l.output()),
                   l.indexed({1, 0}));
    l.read(out);
    l.recorder.weight(bias.storage, bias.bytes);
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
}

/// The input in the product's type, channels fastest: from the kernel that made it, or in one of its own.
Tensor quantised_input(Lowering& l, const Convolution& conv) {
    const ValueId x = l.input(0);
    if (const auto known = l.narrow(l.tensor(x).storage)) return *known;
    const Tensor wide = input_tensor(l, x, {conv.batch, conv.in_channels, volume(conv.input)}, true);
    const Tensor target = l.temporary(quantised_bytes(conv));
    l.begin_memory("conv.quantise", Category::elementwise, l.type(x), Pattern::streaming, l.elements(x), quantise_work);
    l.read(wide);
    l.write(target);
    l.launch(l.mode().dispatch.elementwise);
    l.set_narrow(l.tensor(x).storage, target);
    return target;
}

/// Both factors narrow, scales known: the sums are scaled, and the bias added, before the kernel stores them in the
/// tensors' type, channels-last.
void lower_quantised(Lowering& l, const Convolution& conv) {
    const ValueId out_value = l.output();
    const DataType type = l.type(out_value);
    Tensor source = quantised_input(l, conv);
    source.bytes *= touched_share(conv);
    const Tensor weights{l.weight(0).storage, parameter_bytes(conv, type)};
    const Shape& shape = l.shape(out_value);
    const Tensor out = l.create(out_value, shape.rank() >= 4 ? channels_last_layout(shape) : contiguous_layout(shape));
    l.recorder.begin("conv", Category::convolution, *conv.product, work_of(conv));
    l.read(source);
    l.recorder.weight(weights.storage, weights.bytes);
    l.store(out);
    l.launch(l.mode().dispatch.convolution);
}

}  // namespace

double input_elements(const Convolution& conv) {
    return elements_of({conv.batch, conv.in_channels, volume(conv.input)});
}

double quantised_bytes(const Convolution& conv) { return input_elements(conv) * bytes_per_element(*conv.product); }

/// cuDNN's fp16, bf16 and TF32 kernels work on channels-last tensors. Channels-first ones are transposed on the way in
/// and out, the filter with them, in every call: PyTorch keeps no transposed filter. A channels-last input makes the
/// output channels-last (memory format propagation) and leaves only the filter to convert, unless the stack has
/// converted the model's weights. Depthwise convolutions run in PyTorch's own kernels, on any layout, bias included,
/// and never as TF32.
void lower_kind(Lowering& l, const Convolution& conv) {
    if (conv.product) return lower_quantised(l, conv);
    const ValueId x = l.input(0);
    const DataType type = l.type(x);
    const bool depthwise = conv.groups > 1 && conv.groups == conv.in_channels;
    const bool weights_converted = l.stack.layout == TensorLayout::channels_last;
    const bool input_last = is_channels_last(l.shape(x), l.layout(x));
    const bool output_last = l.shape(l.output()).rank() >= 4 && (input_last || weights_converted);
    const DataType math = depthwise ? type : l.convolution_type(type);
    const bool as_it_lies = !input_last && !weights_converted && is_matrix_product(conv);
    const bool transposes = uses_matrix_units(math) && !depthwise && !as_it_lies;
    const Matrices input{conv.batch, conv.in_channels, volume(conv.input)};
    const Matrices filter{conv.out_channels, conv.in_channels / conv.groups, volume(conv.kernel)};
    const Matrices output{conv.batch, conv.out_channels, volume(conv.output)};

    Tensor source = input_tensor(l, x, input, transposes);
    if (transposes || input_last) source.bytes *= touched_share(conv);
    Tensor weights = l.weight(elements_of(filter));
    const bool converts_filter = transposes && !weights_converted && volume(conv.kernel) > 1;  // 1x1: one order only
    if (converts_filter) weights = channels_last_copy(l, filter, type, weights, "conv.filter_layout");

    const Tensor out = l.create(
        l.output(), output_last ? channels_last_layout(l.shape(l.output())) : contiguous_layout(l.shape(l.output())));
    const bool restores = transposes && !output_last;
    const Tensor result = restores ? l.temporary(out.bytes) : out;
    l.recorder.begin(conv.transposed ? "conv_transpose" : "conv", Category::convolution, math, work_of(conv));
    l.read(source);
    if (converts_filter) {
        l.read(weights);
    } else {
        l.recorder.weight(weights.storage, weights.bytes);
    }
    l.store(result);
    l.launch(l.mode().dispatch.convolution + (depthwise ? Seconds{} : l.plan_time(conv)));
    if (restores) transpose(l, output, type, result, out, "conv.nhwc_to_nchw");
    if (conv.bias && !l.compiled() && !depthwise) add_bias(l, conv, out);
}

}  // namespace cupola
