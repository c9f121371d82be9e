#include "cupola/stack/lower_kind.hpp"

namespace cupola {

namespace {

/// Types for which cuDNN's kernels want channels fastest.
bool uses_matrix_units(DataType type) {
    switch (type) {
        case DataType::fp16:
        case DataType::bf16:
        case DataType::tf32:
        case DataType::fp8:
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

double filter_elements(const Convolution& conv) {
    const std::int64_t taps = conv.kernel[0] * conv.kernel[1] * conv.kernel[2];
    return static_cast<double>(conv.out_channels * (conv.in_channels / conv.groups) * taps);
}

Tensor transposed(Lowering& l, Tensor source, DataType type, double elements, std::string_view label) {
    const Tensor target = l.temporary(source.bytes);
    l.begin_memory(label, Category::data_movement, type, Pattern::transpose, elements, {0, 0});
    l.read(source);
    l.write(target);
    l.launch(l.stack.dispatch.extra_kernel);
    return target;
}

/// PyTorch launches the bias of a cuDNN convolution as an in-place addition of its own.
void add_bias(Lowering& l, const Convolution& conv, Tensor out) {
    const Tensor bias = l.weight(static_cast<double>(conv.out_channels));
    l.begin_memory("conv.bias", Category::elementwise, l.type(l.output()), Pattern::streaming, l.elements(l.output()),
                   l.indexed({1, 0}));
    l.read(out);
    l.recorder.weight(bias.storage, bias.bytes);
    l.write(out);
    l.launch(l.stack.dispatch.extra_kernel);
}

}  // namespace

/// cuDNN's fp16, bf16 and TF32 kernels work on channels-last tensors. Channels-first ones are transposed on the way in
/// and out, the filter with them, in every call: PyTorch keeps no transposed filter. A channels-last input makes the
/// output channels-last (memory format propagation) and leaves only the filter to convert, unless the stack has
/// converted the model's weights. Depthwise convolutions run in PyTorch's own kernels, on any layout, bias included,
/// and never as TF32.
void lower_kind(Lowering& l, const Convolution& conv) {
    const ValueId x = l.input(0);
    const DataType type = l.type(x);
    const bool depthwise = conv.groups > 1 && conv.groups == conv.in_channels;
    const bool weights_converted = l.stack.layout == TensorLayout::channels_last;
    const bool input_last = is_channels_last(l.shape(x), l.layout(x));
    const bool output_last = l.shape(l.output()).rank() >= 4 && (input_last || weights_converted);
    const DataType math = depthwise ? type : l.convolution_type(type);
    const bool transposes = uses_matrix_units(math) && !depthwise;
    const double filter = filter_elements(conv);

    Tensor source = input_last ? l.tensor(x) : l.contiguous(x, "conv.input_layout");
    if (transposes && !input_last) source = transposed(l, source, type, l.elements(x), "conv.nchw_to_nhwc");
    Tensor weights = l.weight(filter);
    const bool converts_filter = transposes && !weights_converted;
    if (converts_filter) weights = transposed(l, weights, type, filter, "conv.filter_layout");

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
    l.write(result);
    l.launch(l.stack.dispatch.convolution);
    if (restores) {
        l.begin_memory("conv.nhwc_to_nchw", Category::data_movement, type, Pattern::transpose, l.elements(l.output()),
                       {0, 0});
        l.read(result);
        l.write(out);
        l.launch(l.stack.dispatch.extra_kernel);
    }
    if (conv.bias && !l.stack.fuse_conv_bias && !depthwise) add_bias(l, conv, out);
}

}  // namespace cupola
