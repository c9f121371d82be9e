#include "cupola/stack/lower_kind.hpp"
#include "cupola/stack/quantised_linear.hpp"

namespace cupola {
namespace {

/// Rows up to which a generated kernel converts int8 and fp8 weights in registers; more of them multiply a converted
/// copy. Estimate: TorchInductor writes products of one row itself, and its mixed products have tiles of 16 rows.
constexpr std::int64_t few_rows = 16;

/// An element-wise kernel over `elements`; reads and writes so many bytes of each.
void pointwise(Lowering& l, std::string_view label, double elements, Tensor from, Tensor to, PointwiseWork work) {
    l.begin_memory(label, Category::elementwise, DataType::fp32, Pattern::streaming, elements, work);
    l.read(from);
    l.write(to);
    l.launch(l.mode().dispatch.elementwise);
}

/// The greatest of a whole tensor: two kernels.
void find_greatest(Lowering& l, const Linear& linear, DataType type, Tensor source) {
    const Tensor scale = l.temporary(scale_width);
    l.begin_memory("quantise.greatest", Category::elementwise, type, Pattern::streaming, input_elements(linear),
                   {2, 0});
    l.read(source);
    l.write(scale);
    l.launch(l.mode().dispatch.norm);
    pointwise(l, "quantise.scale", 1, scale, scale, {1, 0});
}

/// One kernel where the scales are known, or concern no more than a block works on; the greatest of a whole tensor is
/// found by two before.
void quantise_in_one(Lowering& l, const Linear& linear, DataType type, Tensor source, Tensor target) {
    const LinearPrecision& precision = *linear.precision;
    const double elements = input_elements(linear);
    const bool by_rows = precision.span == ScaleSpan::row && !precision.fixed_scales;
    if (precision.span == ScaleSpan::tensor && !precision.fixed_scales) {
        find_greatest(l, linear, type, source);
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
        torchao_quantise(l, linear, type, source, target);
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

/// A generated kernel is launched as any other; a library's product without a bias is one call.
void finish_product(Lowering& l, Tensor out, bool generated) {
    l.store(out);
    l.launch(generated ? l.mode().dispatch.elementwise : l.mode().dispatch.matmul);
}

/// Both factors narrow. A compiler generates a product that applies the rows' scales (force_fuse_int_mm_with_mul), and
/// the columns' with what follows. Kernels for fixed scales and for fp8 scale themselves.
void lower_narrow_product(Lowering& l, const Linear& linear, Tensor source, Tensor weights, Tensor out) {
    const LinearPrecision& precision = *linear.precision;
    const Tensor input = quantised_input(l, linear, source);
    if (scales_after_product(linear) && !l.compiled()) return torchao_int8_product(l, linear, input, weights, out);
    GemmWork work{1, linear.rows, linear.out, linear.in};
    work.block_scaled = precision.span == ScaleSpan::block;
    work.generated = scales_after_product(linear);
    begin_product(l, *precision.activation, work, input);
    l.recorder.weight(weights.storage, weights.bytes);
    finish_product(l, out, work.generated);
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
        finish_product(l, out, true);
        return;
    }
    if (in_registers) {
        work.weight = narrow;
        begin_product(l, type, work, source);
        l.recorder.weight(weights.storage, weights.bytes);
        finish_product(l, out, compiled && bytes_per_element(narrow) >= 1);
        if (linear.bias && !compiled) pointwise(l, "linear.bias", l.elements(l.output()), out, out, l.indexed({1, 0}));
        return;
    }
    if (!compiled) return torchao_weight_only(l, linear, source, weights, out);
    const double filter = static_cast<double>(linear.in) * static_cast<double>(linear.out);
    const Tensor wide = l.temporary(bytes_of(filter, type));
    l.begin_memory("linear.dequantise", Category::elementwise, type, Pattern::streaming, filter, {1, 0});
    l.recorder.weight(weights.storage, weights.bytes);
    l.write(wide);
    l.launch(l.mode().dispatch.elementwise);
    begin_product(l, type, work, source);
    l.read(wide);
    finish_product(l, out, false);
}

}  // namespace

double input_elements(const Linear& linear) {
    return static_cast<double>(linear.rows) * static_cast<double>(linear.in);
}

double scales_of(const Linear& linear) {
    return scale_width * (linear.precision->span == ScaleSpan::row ? static_cast<double>(linear.rows) : 1.0);
}

double quantised_bytes(const Linear& linear) {
    const LinearPrecision& precision = *linear.precision;
    const double scales = precision.span == ScaleSpan::row ? scales_of(linear) : 0.0;
    return input_elements(linear) * (bytes_per_element(*precision.activation) + precision.activation_scales) + scales;
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
