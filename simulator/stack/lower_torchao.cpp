// What torchao launches without a compiler, operator by operator. Source: pytorch/ao, versions of 2024:
// quantization/quant_primitives.py (choose_qparams_affine, quantize_affine, dequantize_affine), kernel/intmm.py
// (safe_int_mm, int_scaled_matmul), dtypes/affine_quantized_tensor.py (linear layers); fp8: float8/float8_utils.py,
// recalled.
#include "cupola/stack/lower_kind.hpp"
#include "cupola/stack/quantised_linear.hpp"

namespace cupola {
namespace {

double weights_of(const Linear& linear) { return static_cast<double>(linear.in) * static_cast<double>(linear.out); }

/// An element-wise kernel; `broadcast` where an operand is a scale a row or column.
void pointwise(Lowering& l, std::string_view label, double elements, Tensor from, Tensor to, bool broadcast = false) {
    const PointwiseWork work{1, 0};
    l.begin_memory(label, Category::elementwise, DataType::fp32, Pattern::streaming, elements,
                   broadcast ? l.indexed(work) : work);
    l.read(from);
    l.write(to);
    l.launch(l.mode().dispatch.elementwise);
}

/// A reduction of each row, or of the whole tensor.
void reduction(Lowering& l, std::string_view label, const Linear& linear, DataType type, Tensor from) {
    const bool rows = linear.precision->span == ScaleSpan::row;
    l.begin_memory(label, Category::elementwise, type, rows ? Pattern::row_reduction : Pattern::streaming,
                   input_elements(linear), {2, 0}, rows ? linear.rows : 1);
    l.read(from);
    l.write(l.temporary(scales_of(linear)));
    l.launch(l.mode().dispatch.norm);
}

/// Kernels over the scales.
void scale_arithmetic(Lowering& l, const Linear& linear, int kernels) {
    const Tensor tensor = l.temporary(scales_of(linear));
    for (int i = 0; i < kernels; ++i) pointwise(l, "quantise.scale", tensor.bytes / scale_width, tensor, tensor);
}

/// Kernels one after another over the input, each of which makes a tensor of type `to`.
class Chain {
public:
    Chain(Lowering& l, double elements, Tensor source) : l_(l), elements_(elements), last_(source) {}

    void step(std::string_view label, DataType to, bool broadcast = false) {
        const Tensor next = l_.temporary(bytes_of(elements_, to));
        pointwise(l_, label, elements_, last_, next, broadcast);
        last_ = next;
    }
    void end(std::string_view label, Tensor target) { pointwise(l_, label, elements_, last_, target); }
    [[nodiscard]] Tensor last() const { return last_; }

private:
    Lowering& l_;
    double elements_;
    Tensor last_;
};

/// Scales are fp32 where tensors are fp16, and then so is what they are multiplied with.
DataType scaled_type(DataType type) { return type == DataType::fp16 ? DataType::fp32 : type; }

/// safe_int_mm asks whether its input is a fake tensor by printing it. A tensor of more than 1,000 elements prints as 6
/// rows of 6: as many slices and joins, a read of each of the 36 to find the widest, then of both halves of each row
/// (PyTorch, torch/_tensor_str.py). Each read waits for the GPU.
void print_input(Lowering& l) {
    constexpr double reads = 36 + 12, views = 6 + 12 + 36 + 12, joins = 7;
    const DispatchCosts& dispatch = l.mode().dispatch;
    l.charge(reads * l.stack.sync + views * dispatch.view + joins * dispatch.copy);
    l.wait();
}

/// cuBLAS takes int8 factors of more than 16 rows, of multiples of 8.
bool fits_library(const Linear& linear) { return linear.rows > 16 && linear.in % 8 == 0 && linear.out % 8 == 0; }

/// The transposed view of the weights is copied to row-major order in every call, and for that order the library has no
/// kernels on matrix units. 32-bit sums.
void multiply_in_library(Lowering& l, const Linear& linear, Tensor input, Tensor weights, Tensor sums) {
    const Tensor copy = l.temporary(weights_of(linear));
    l.begin_memory("linear.transpose_weights", Category::data_movement, DataType::int8, Pattern::strided_copy,
                   weights_of(linear), l.indexed({0, 0}));
    l.recorder.read(weights.storage, weights_of(linear), 1);  // a byte at a time
    l.write(copy);
    l.launch(l.mode().dispatch.copy);
    GemmWork work{1, linear.rows, linear.out, linear.in};
    work.integer_lanes = true;
    l.recorder.begin("linear", Category::linear, DataType::int8, work);
    l.read(input);
    l.read(copy);
    l.write(sums);
    l.launch(l.mode().dispatch.matmul);
}

/// The CPU multiplies what the library does not take; its sums come back. Later versions multiply a copy in fp32.
void multiply_elsewhere(Lowering& l, const Linear& linear, Tensor input, Tensor weights, Tensor sums) {
    const DispatchCosts& dispatch = l.mode().dispatch;
    const double elements = l.elements(l.output());
    if (dispatch.host_product > Seconds(0)) {
        l.charge(weights_of(linear) * dispatch.host_product);
        l.wait();
        l.begin_memory("linear.from_host", Category::data_movement, DataType::int32, Pattern::streaming, elements,
                       {0, 0});
        l.write(sums);
        l.launch(dispatch.copy);
        return;
    }
    const Tensor copy = l.temporary(bytes_of(weights_of(linear), DataType::fp32));
    const Tensor wide = l.temporary(bytes_of(input_elements(linear), DataType::fp32));
    pointwise(l, "linear.widen", input_elements(linear), input, wide);
    pointwise(l, "linear.widen", weights_of(linear), weights, copy);
    l.recorder.begin("linear", Category::linear, l.matmul_type(DataType::fp32),
                     GemmWork{1, linear.rows, linear.out, linear.in});
    l.read(wide);
    l.read(copy);
    l.write(sums);
    l.launch(dispatch.matmul);
    pointwise(l, "linear.round", elements, sums, sums);
}

}  // namespace

void torchao_quantise(Lowering& l, const Linear& linear, DataType type, Tensor source, Tensor target) {
    Chain chain(l, input_elements(linear), source);
    if (linear.precision->activation == DataType::int8) {
        const DataType wide = scaled_type(type);
        for (const std::string_view label : {"quantise.least", "quantise.greatest"}) {
            reduction(l, label, linear, type, source);
        }
        scale_arithmetic(l, linear,
                         10);  // two zeros, least, greatest, negation, greater, division, clamp, zero point, 1/x
        chain.step("quantise.multiply", wide, true);
        chain.step("quantise.round", wide);
        chain.step("quantise.offset", wide, true);
        chain.step("quantise.clamp", wide);
        chain.end("quantise.convert", target);
        return;
    }
    Chain absolute(l, input_elements(linear), source);
    absolute.step("quantise.absolute", type);
    reduction(l, "quantise.greatest", linear, type, absolute.last());
    scale_arithmetic(l, linear, 4);
    for (const std::string_view label : {"quantise.multiply", "quantise.clamp"}) chain.step(label, DataType::fp32);
    chain.end("quantise.convert", target);
}

void torchao_int8_product(Lowering& l, const Linear& linear, Tensor input, Tensor weights, Tensor out) {
    const double elements = l.elements(l.output());
    const Tensor sums = l.temporary(bytes_of(elements, DataType::int32));
    print_input(l);
    if (fits_library(linear)) {
        multiply_in_library(l, linear, input, weights, sums);
    } else {
        multiply_elsewhere(l, linear, input, weights, sums);
    }
    const DataType type = l.type(l.output());
    Chain chain(l, elements, sums);
    chain.step("linear.scale_rows", scaled_type(type), true);
    if (scaled_type(type) == type) {
        pointwise(l, "linear.scale_columns", elements, chain.last(), out, true);
    } else {
        chain.step("linear.scale_columns", scaled_type(type), true);
        chain.end("linear.convert", out);
    }
    if (linear.bias) pointwise(l, "linear.bias", elements, out, out, true);
}

void torchao_weight_only(Lowering& l, const Linear& linear, Tensor source, Tensor weights, Tensor out) {
    const DataType type = l.matmul_type(l.type(l.input(0)));
    const bool scales_first = linear.precision->weight != DataType::int8;  // AffineQuantizedTensor.dequantize
    const Tensor wide = l.temporary(bytes_of(weights_of(linear), type));
    l.begin_memory("linear.dequantise", Category::elementwise, type, Pattern::streaming, weights_of(linear), {1, 0});
    l.recorder.weight(weights.storage, weights.bytes);
    l.write(wide);
    l.launch(l.mode().dispatch.elementwise);
    if (scales_first) pointwise(l, "linear.scale_weights", weights_of(linear), wide, wide, true);
    l.recorder.begin("linear", Category::linear, type, GemmWork{1, linear.rows, linear.out, linear.in});
    l.read(source);
    l.read(wide);
    l.write(out);
    l.launch(scales_first && linear.bias ? l.mode().dispatch.linear : l.mode().dispatch.matmul);
    if (scales_first) return;  // the bias was in the product's epilogue
    const double elements = l.elements(l.output());
    pointwise(l, "linear.scale_columns", elements, out, out, true);
    if (linear.bias) pointwise(l, "linear.bias", elements, out, out, true);
}

}  // namespace cupola
