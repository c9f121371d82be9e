#include "cupola/stack/lower_kind.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace cupola {

namespace {

void read_scale_and_shift(Lowering& l, const Norm& norm) {
    const int parts = (norm.scale ? 1 : 0) + (norm.shift ? 1 : 0);
    if (parts == 0) return;
    const Tensor weights = l.weight(static_cast<double>(norm.channels * parts));
    l.recorder.weight(weights.storage, weights.bytes);
}

/// PyTorch's GroupNorm on CUDA: statistics by one block a (sample, group), a tiny kernel that turns them into one scale
/// and shift a (sample, channel), and the element-wise application. It wants logical order and copies anything else,
/// channels-last too (ATen native/cuda/group_norm_kernel.cu, at::group_norm).
void lower_group_norm(Lowering& l, const Norm& norm) {
    const ValueId x = l.input(0);
    const DataType type = l.type(x);
    const double elements = l.elements(x);
    const Seconds extra = l.mode().dispatch.extra_kernel;
    const Tensor source = l.contiguous(x, "group_norm.contiguous");
    const double samples = static_cast<double>(norm.rows) / static_cast<double>(norm.groups);
    const double pairs = samples * static_cast<double>(norm.channels);

    const Tensor moments = l.temporary(bytes_of(2.0 * static_cast<double>(norm.rows), DataType::fp32));
    l.begin_memory("group_norm.statistics", Category::norm, type, Pattern::block_reduction, elements, {4, 0},
                   norm.rows);
    l.read(source);
    l.write(moments);
    l.launch(l.mode().dispatch.norm);

    const Tensor factors = l.temporary(bytes_of(2.0 * pairs, DataType::fp32));
    l.begin_memory("group_norm.parameters", Category::norm, type, Pattern::streaming, pairs, {4, 1});
    l.read(moments);
    read_scale_and_shift(l, norm);
    l.write(factors);
    l.launch(extra);

    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.begin_memory("group_norm.apply", Category::norm, type, Pattern::streaming, elements, l.indexed({2, 0}));
    l.read(source);
    l.read(factors);
    l.write(out);
    l.launch(extra);
}

/// One kernel, a block a row; the row is read for its moments and again for the result.
void lower_layer_norm(Lowering& l, const Norm& norm) {
    const ValueId x = l.input(0);
    const Tensor source = l.contiguous(x, "layer_norm.input_layout");
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.begin_memory("layer_norm", Category::norm, l.type(x), Pattern::row_reduction, l.elements(x),
                   library_layer_norm_work(l.mode().code), norm.rows);
    l.read(source, 0, 2);
    read_scale_and_shift(l, norm);
    l.write(out);
    l.launch(l.mode().dispatch.norm);
}

/// A chain of small ATen kernels on one tensor: the pieces of RMSNorm and L2 normalisation written in Python.
struct Step {
    std::string_view label;
    bool reduces = false;       ///< writes one number a row
    bool per_row = false;       ///< reads and writes one number a row
    bool reads_rows = false;    ///< reads the numbers of the rows as well
    bool weights = false;       ///< reads the scale
    bool reads_source = false;  ///< starts from the norm's (up-cast) input again
    bool narrows = false;       ///< writes the model's type, others fp32
    PointwiseWork work;
};

void lower_chain(Lowering& l, const Norm& norm, std::span<const Step> steps) {
    const ValueId x = l.input(0);
    const DataType type = l.type(x);
    const double elements = l.elements(x);
    const double wide = bytes_of(elements, DataType::fp32);
    const double row_bytes = bytes_of(static_cast<double>(norm.rows), DataType::fp32);
    const bool casts = type != DataType::fp32;
    const Layout layout = layout_like(l.shape(x), l.layout(x), l.shape(l.output()));
    Tensor source = l.tensor(x);
    if (casts) {
        const Tensor widened = l.temporary(wide);
        l.begin_memory("norm.to_fp32", Category::norm, type, Pattern::streaming, elements, {0, 0});
        l.read(source);
        l.write(widened);
        l.launch(l.mode().dispatch.elementwise);
        source = widened;
    }
    Tensor current = source;
    Tensor rows;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const Step& step = steps[i];
        if (step.narrows && !casts && !step.weights) continue;
        const bool last = i + 1 == steps.size();
        const double count = step.per_row ? static_cast<double>(norm.rows) : elements;
        l.begin_memory(step.label, Category::norm, type, step.reduces ? Pattern::row_reduction : Pattern::streaming,
                       count, step.reads_rows || step.weights ? l.indexed(step.work) : step.work,
                       step.reduces ? norm.rows : 1);
        l.read(step.per_row ? rows : step.reads_source ? source : current);
        if (step.reads_rows) l.read(rows);
        if (step.weights) read_scale_and_shift(l, norm);
        Tensor result;
        if (step.reduces || step.per_row) {
            result = rows = l.temporary(row_bytes);
        } else if (last) {
            result = current = l.create(l.output(), layout);
        } else {
            result = current = l.temporary(step.narrows ? l.tensor(x).bytes : wide);
        }
        l.write(result);
        l.launch(step.reduces ? l.mode().dispatch.norm : l.mode().dispatch.elementwise);
    }
}

/// x · rsqrt(mean(x²) + eps) · w in Python, in fp32 between two casts, as Hugging Face's LlamaRMSNorm and gpt-fast have
/// it: eight kernels for fp16 and bf16, six for fp32.
void lower_rms_norm(Lowering& l, const Norm& norm) {
    static constexpr std::array<Step, 7> chain{{
        {.label = "rms_norm.square", .work = {1, 0}},
        {.label = "rms_norm.mean", .reduces = true, .work = {1, 0}},
        {.label = "rms_norm.add_eps", .per_row = true, .work = {1, 0}},
        {.label = "rms_norm.rsqrt", .per_row = true, .work = {0, 1}},
        {.label = "rms_norm.normalise", .reads_rows = true, .reads_source = true, .work = {1, 0}},
        {.label = "rms_norm.to_type", .narrows = true, .work = {0, 0}},
        {.label = "rms_norm.scale", .weights = true, .narrows = true, .work = {1, 0}},
    }};
    const bool casts = l.type(l.input(0)) != DataType::fp32;
    lower_chain(l, norm, std::span<const Step>(chain).first(norm.scale ? 7 : casts ? 6 : 5));
}

/// torch.nn.functional.normalize: the norm of each row, a clamp, a division; with a learned scale one more product.
void lower_l2_norm(Lowering& l, const Norm& norm) {
    const ValueId x = l.input(0);
    const DataType type = l.type(x);
    const double rows = static_cast<double>(norm.rows);
    const Tensor norms = l.temporary(bytes_of(rows, type));
    l.begin_memory("l2_norm.norm", Category::norm, type, Pattern::row_reduction, l.elements(x), {2, 0}, norm.rows);
    l.read(l.tensor(x));
    l.write(norms);
    l.launch(l.mode().dispatch.norm);
    l.begin_memory("l2_norm.clamp", Category::norm, type, Pattern::streaming, rows);
    l.read(norms);
    l.write(norms);
    l.launch(l.mode().dispatch.elementwise);
    const Tensor out = l.create(l.output(), layout_like(l.shape(x), l.layout(x), l.shape(l.output())));
    l.begin_memory("l2_norm.divide", Category::norm, type, Pattern::streaming, l.elements(x), l.indexed({1, 1}));
    l.read(l.tensor(x));
    l.read(norms);
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
    if (!norm.scale) return;
    l.begin_memory("l2_norm.scale", Category::norm, type, Pattern::streaming, l.elements(x), l.indexed({1, 0}));
    l.read(out);
    read_scale_and_shift(l, norm);
    l.write(out);
    l.launch(l.mode().dispatch.elementwise);
}

constexpr std::int64_t softmax_in_registers = 1024;  ///< elements of a row that one warp holds

/// Elements that a thread of PyTorch's block softmax loads at once: 16 bytes of them.
std::int64_t softmax_vector(DataType type) {
    return std::max<std::int64_t>(4, static_cast<std::int64_t>(16 / bytes_per_element(type)));
}

/// PyTorch keeps a row of up to 1,024 elements in registers and a longer one in shared memory where it fits and is made
/// of whole vectors; else it reads the row three times (ATen native/cuda/PersistentSoftmax.cuh, SoftMax.cu).
double softmax_reads(std::int64_t width, DataType type) {
    constexpr double shared_memory_row = 48.0 * 1024.0;
    const bool fits =
        bytes_of(static_cast<double>(width), type) <= shared_memory_row && width % softmax_vector(type) == 0;
    return width <= softmax_in_registers || fits ? 1 : 3;
}

}  // namespace

void lower_kind(Lowering& l, const Norm& norm) {
    switch (norm.kind) {
        case NormKind::group: return lower_group_norm(l, norm);
        case NormKind::layer: return lower_layer_norm(l, norm);
        case NormKind::rms: return lower_rms_norm(l, norm);
        case NormKind::l2: return lower_l2_norm(l, norm);
    }
}

/// A block takes `softmax_iteration` clocks for each of its loops over a row, as many for the remainder that fills no
/// vectors, and for its start, three reductions and end as for four loops. Blocks of 8-element loads hold twice the
/// registers, so half as many share an SM.
PointwiseWork library_softmax_work(const KernelCode& code, std::int64_t width, DataType type) {
    PointwiseWork work = softmax_work;
    if (width <= softmax_in_registers) return work;
    constexpr std::int64_t fixed_loops = 4;
    const std::int64_t vector = softmax_vector(type);
    std::int64_t threads = 32;
    while (threads < std::min<std::int64_t>(width / vector, 1024) / 2) threads *= 2;
    const std::int64_t vectors = width / (threads * vector);
    const std::int64_t singles = (width - vectors * threads * vector + threads - 1) / threads;
    const float share_of_sm = static_cast<float>(threads * vector) / (2048.0F * 4.0F);
    work.row_clocks = code.softmax_iteration * static_cast<float>(fixed_loops + vectors + singles) * share_of_sm;
    work.row_threads = static_cast<float>(threads);
    return work;
}

void lower_kind(Lowering& l, const Softmax& softmax) {
    const ValueId x = l.input(0);
    const Tensor source = l.contiguous(x, "softmax.input_layout");
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.begin_memory("softmax", Category::elementwise, l.type(x), Pattern::row_reduction, l.elements(x),
                   library_softmax_work(l.mode().code, softmax.width, l.type(x)), softmax.rows);
    l.read(source, 0, softmax_reads(softmax.width, l.type(x)));
    l.write(out);
    l.launch(l.mode().dispatch.norm);
}

void lower_kind(Lowering& l, const Reduction& reduction) {
    const ValueId x = l.input(0);
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.begin_memory("reduce", Category::elementwise, l.type(x), Pattern::row_reduction, l.elements(x), {1, 0},
                   reduction.rows);
    l.read(l.tensor(x));
    l.write(out);
    l.launch(l.mode().dispatch.norm);
}

}  // namespace cupola
