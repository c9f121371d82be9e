#include "cupola/stack/lower_kind.hpp"
#include "cupola/stack/quantised_linear.hpp"

namespace cupola {

namespace {

/// Whether generated code replaces the library's product: one row times a matrix is a reduction of each of the
/// matrix's rows, which streams it (PyTorch torch/_inductor/decomposition.py, mm; used by pytorch-labs/gpt-fast).
bool is_generated(const Lowering& l, const Linear& linear) { return l.compiled() && linear.rows == 1; }

void begin_generated(Lowering& l, const Linear& linear, DataType type) {
    l.begin_memory("linear.generated", Category::linear, type, Pattern::row_reduction,
                   static_cast<double>(linear.in) * static_cast<double>(linear.out), {2, 0}, linear.out);
}

}  // namespace

/// y = x Wᵀ + b. PyTorch flattens x to [rows, in] by a view where its strides allow, transposed views included, and by
/// a copy where they do not. Only a contiguous (or 2-D) x takes the path with the bias in the GEMM's epilogue
/// (`addmm`); others multiply (`mm`) and add the bias in a kernel of its own. A compiler always uses the epilogue.
void lower_kind(Lowering& l, const Linear& linear) {
    if (linear.precision) return lower_quantised(l, linear);
    const ValueId x = l.input(0);
    const Shape& shape = l.shape(x);
    const Layout& layout = l.layout(x);
    const DataType type = l.type(x);
    const bool view = is_matrix_view(shape, layout);
    const bool epilogue = l.compiled() || is_contiguous(layout) || shape.rank() == 2;
    const Tensor source = view ? l.tensor(x) : l.contiguous(x, "linear.contiguous");
    const double filter = static_cast<double>(linear.in) * static_cast<double>(linear.out);
    const double bias = linear.bias ? static_cast<double>(linear.out) : 0.0;

    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    const bool generated = is_generated(l, linear);
    if (generated) {
        begin_generated(l, linear, type);
    } else {
        l.recorder.begin("linear", Category::linear, l.matmul_type(type),
                         GemmWork{1, linear.rows, linear.out, linear.in});
    }
    l.read(source);
    const Tensor weights = l.weight(epilogue ? filter + bias : filter);
    if (generated) {
        l.read(weights);  // `weight` would be a vector that every row of the reduction reads
    } else {
        l.recorder.weight(weights.storage, weights.bytes);
    }
    l.store(out);
    const DispatchCosts& dispatch = l.mode().dispatch;
    l.launch(generated ? dispatch.elementwise : linear.bias && epilogue ? dispatch.linear : dispatch.matmul);
    if (!linear.bias || epilogue) return;

    l.begin_memory("linear.bias", Category::elementwise, type, Pattern::streaming, l.elements(l.output()),
                   l.indexed({1, 0}));
    l.read(out);
    l.recorder.weight(weights.storage, l.weight(bias).bytes);
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
}

/// Batched product; either operand may be transposed in memory, but not interleaved.
void lower_kind(Lowering& l, const Matmul& matmul) {
    const ValueId a = l.input(0);
    const ValueId b = l.input_count() > 1 ? l.input(1) : a;
    const auto operand = [&](ValueId value) {
        return is_contiguous(l.layout(value)) || has_fast_last_axis(l.shape(value), l.layout(value))
                   ? l.tensor(value)
                   : l.contiguous(value, "matmul.contiguous");
    };
    const Tensor left = operand(a);
    const Tensor right = operand(b);
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.recorder.begin("matmul", Category::attention, l.matmul_type(l.type(a)),
                     GemmWork{matmul.batch, matmul.m, matmul.n, matmul.k});
    l.read(left);
    l.read(right);
    l.write(out);
    l.launch(l.mode().dispatch.matmul);
}

}  // namespace cupola
