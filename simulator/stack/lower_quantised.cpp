#include "cupola/stack/lower_kind.hpp"
#include "cupola/stack/quantised_linear.hpp"

#include <initializer_list>

namespace cupola {
namespace {

constexpr double scale_width = 4;  ///< bytes of an activation's scale

/// Rows up to which a generated kernel converts int8 and fp8 weights in registers; more of them multiply a converted
/// copy. Estimate: TorchInductor writes products of one row itself, and its mixed products have tiles of 16 rows.
constexpr std::int64_t few_rows = 16;

double input_elements(const Linear& linear) {
    return static_cast<double>(linear.rows) * static_cast<double>(linear.in);
}

/// An element-wise kernel over `elements`; reads and writes so many bytes of each.
void pointwise(Lowering& l, std::string_view label, double elements, Tensor from, Tensor to, PointwiseWork work) {
    l.begin_memory(label, Category::elementwise, DataType::fp32, Pattern::streaming, elements, work);
    l.read(from);
    l.write(to);
    l.launch(l.mode().dispatch.elementwise);
}

/// Reductions over the whole input, a row or the tensor at a time.
void reduction(Lowering& l, std::string_view label, const Linear& linear, DataType type, double elements, Tensor from) {
    const bool rows = linear.precision->span == ScaleSpan::row;
    l.begin_memory(label, Category::elementwise, type, rows ? Pattern::row_reduction : Pattern::streaming, elements,
                   {2, 0}, rows ? linear.rows : 1);
    l.read(from);
    l.write(l.temporary(scale_width * (rows ? static_cast<double>(linear.rows) : 1.0)));
    l.launch(l.mode().dispatch.norm);
}

/// Kernels over one scale a row or tensor.
void scale_arithmetic(Lowering& l, const Linear& linear, int kernels) {
    const double scales = linear.precision->span == ScaleSpan::row ? static_cast<double>(linear.rows) : 1.0;
    const Tensor tensor = l.temporary(scale_width * scales);
    for (int i = 0; i < kernels; ++i) pointwise(l, "quantise.scale", scales, tensor, tensor, {1, 0});
}

/// What a framework launches operator by operator. int8: least and greatest of a row, eight steps to its scale;
/// product, rounding, zero point and clamp, conversion. fp8: absolute values, their greatest, four steps to the scale;
/// product and clamp in fp32, conversion. Source: pytorch/ao, quant_primitives.py (choose_qparams_affine,
/// quantize_affine) and float8/float8_utils.py, recalled.
void quantise_step_by_step(Lowering& l, const Linear& linear, DataType type, Tensor source, Tensor target) {
    const double elements = input_elements(linear);
    const bool int8 = linear.precision->activation == DataType::int8;
    Tensor last = source;
    const auto pass = [&](std::string_view label, DataType to) {
        const Tensor next = l.temporary(bytes_of(elements, to));
        pointwise(l, label, elements, last, next, {1, 0});
        last = next;
    };
    if (int8) {
        for (const std::string_view label : {"quantise.least", "quantise.greatest"}) {
            reduction(l, label, linear, type, elements, source);
        }
        scale_arithmetic(l, linear, 8);
        for (const std::string_view label :
             {"quantise.multiply", "quantise.round", "quantise.offset", "quantise.clamp"})
            pass(label, type);
    } else {
        pass("quantise.absolute", type);
        reduction(l, "quantise.greatest", linear, type, elements, last);
        scale_arithmetic(l, linear, 4);
        last = source;
        for (const std::string_view label : {"quantise.multiply", "quantise.clamp"}) pass(label, DataType::fp32);
    }
    pointwise(l, "quantise.convert", elements, last, target, {1, 0});
}

/// One kernel where the scales are known, or concern no more than a block works on; the greatest of a whole tensor is
/// found by two before.
void quantise_in_one(Lowering& l, const Linear& linear, DataType type, Tensor source, Tensor target) {
    const LinearPrecision& precision = *linear.precision;
    const double elements = input_elements(linear);
    const bool by_rows = precision.span == ScaleSpan::row && !precision.fixed_scales;
    if (precision.span == ScaleSpan::tensor && !precision.fixed_scales) {
        reduction(l, "quantise.greatest", linear, type, elements, source);
        scale_arithmetic(l, linear, 1);
    }
    l.begin_memory(by_rows ? "quantise.rows" : "quantise.convert", Category::elementwise, type,
                   by_rows ? Pattern::row_reduction : Pattern::streaming, elements, quantise_work,
                   by_rows ? linear.rows : 1);
    l.read(source);
    l.write(target);
    l.launch(l.mode().dispatch.elementwise);
}

/// The input in the product's type; what a compiler has made for another layer serves again.
Tensor quantised_input(Lowering& l, const Linear& linear, Tensor source) {
    const LinearPrecision& precision = *linear.precision;
    if (const auto known = l.narrow(source.storage); known && l.compiled()) return *known;
    const Tensor target = l.temporary(quantised_bytes(linear));
    const bool step_by_step = !l.compiled() && !precision.fixed_scales && precision.span != ScaleSpan::block;
    const DataType type = l.type(l.input(0));
    if (step_by_step) {
        quantise_step_by_step(l, linear, type, source, target);
    } else {
        quantise_in_one(l, linear, type, source, target);
    }
    l.set_narrow(source.storage, target);
    return target;
}

void begin_product(Lowering& l, DataType type, const GemmWork& work, Tensor source) {
    l.recorder.begin("linear", Category::linear, type, work);
    l.read(source);
}

void finish_product(Lowering& l, Tensor out) {
    l.write(out);
    l.launch(l.mode().dispatch.linear);
}

/// Scales and bias, an operator each in eager mode: `labels` over the result.
void rescale(Lowering& l, const Linear& linear, Tensor result, Tensor out,
             std::initializer_list<std::string_view> labels) {
    const double elements = l.elements(l.output());
    for (const std::string_view label : labels) {
        pointwise(l, label, elements, result, out, {1, 0});
        result = out;
    }
    if (linear.bias) pointwise(l, "linear.bias", elements, result, out, {1, 0});
}

/// Both factors narrow. torchao's int8 product leaves 32-bit sums, which two operators scale; a compiler generates a
/// product that applies the rows' scales (force_fuse_int_mm_with_mul), and the columns' with what follows. Kernels for
/// fixed scales and for fp8 scale themselves.
void lower_narrow_product(Lowering& l, const Linear& linear, Tensor source, Tensor weights, Tensor out) {
    const LinearPrecision& precision = *linear.precision;
    const Tensor input = quantised_input(l, linear, source);
    GemmWork work{1, linear.rows, linear.out, linear.in};
    work.block_scaled = precision.span == ScaleSpan::block;
    work.generated = scales_after_product(linear) && l.compiled();
    const bool sums = scales_after_product(linear) && !l.compiled();
    const Tensor result = sums ? l.temporary(bytes_of(l.elements(l.output()), DataType::int32)) : out;
    begin_product(l, *precision.activation, work, input);
    l.recorder.weight(weights.storage, weights.bytes);
    finish_product(l, result);
    if (sums) rescale(l, linear, result, out, {"linear.scale_rows", "linear.scale_columns"});
}

/// Only the weights are narrow: converted in the product's kernel (four bits always, others for few rows of a compiled
/// layer), or by a kernel of their own into a copy.
void lower_narrow_weights(Lowering& l, const Linear& linear, Tensor source, Tensor weights, Tensor out) {
    const DataType narrow = linear.precision->weight;
    const DataType type = l.matmul_type(l.type(l.input(0)));
    const bool compiled = l.compiled();
    GemmWork work{1, linear.rows, linear.out, linear.in};
    const bool in_registers = bytes_per_element(narrow) < 1 || (compiled && linear.rows <= few_rows);
    if (compiled && linear.rows == 1 && bytes_per_element(narrow) >= 1) {  // as in lower_linear.cpp
        const double filter = static_cast<double>(linear.in) * static_cast<double>(linear.out);
        l.begin_memory("linear.generated", Category::linear, type, Pattern::row_reduction, filter, {3, 0}, linear.out);
        l.read(source);
        l.read(weights);
        finish_product(l, out);
        return;
    }
    if (in_registers) {
        work.weight = narrow;
        begin_product(l, type, work, source);
        l.recorder.weight(weights.storage, weights.bytes);
        finish_product(l, out);
        if (!compiled) rescale(l, linear, out, out, {});
        return;
    }
    const double filter = static_cast<double>(linear.in) * static_cast<double>(linear.out);
    const Tensor wide = l.temporary(bytes_of(filter, type));
    l.begin_memory("linear.dequantise", Category::elementwise, type, Pattern::streaming, filter, {1, 0});
    l.recorder.weight(weights.storage, weights.bytes);
    l.write(wide);
    l.launch(l.mode().dispatch.elementwise);
    begin_product(l, type, work, source);
    l.read(wide);
    finish_product(l, out);
    if (!compiled) rescale(l, linear, out, out, {"linear.scale_columns"});
}

}  // namespace

double quantised_bytes(const Linear& linear) {
    const LinearPrecision& precision = *linear.precision;
    const double rows = precision.span == ScaleSpan::row ? static_cast<double>(linear.rows) : 0.0;
    return input_elements(linear) * (bytes_per_element(*precision.activation) + precision.activation_scales) +
           scale_width * rows;
}

bool quantises_with_producer(const Linear& linear) {
    const LinearPrecision& precision = *linear.precision;
    return precision.activation && (precision.fixed_scales || precision.span == ScaleSpan::row);
}

bool scales_after_product(const Linear& linear) {
    return linear.precision->activation == DataType::int8 && !linear.precision->fixed_scales;
}

void lower_quantised(Lowering& l, const Linear& linear) {
    const ValueId x = l.input(0);
    const bool view = is_matrix_view(l.shape(x), l.layout(x));
    const Tensor source = view ? l.tensor(x) : l.contiguous(x, "linear.contiguous");
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    const double filter = static_cast<double>(linear.in) * static_cast<double>(linear.out);
    const Tensor weights{l.weight(filter).storage, parameter_bytes(linear, l.type(x))};
    if (linear.precision->activation) {
        lower_narrow_product(l, linear, source, weights, out);
    } else {
        lower_narrow_weights(l, linear, source, weights, out);
    }
}

}  // namespace cupola
