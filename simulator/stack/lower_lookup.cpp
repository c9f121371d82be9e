#include "cupola/stack/lower_kind.hpp"

#include <algorithm>

namespace cupola {

namespace {

/// A kernel that copies whole rows of `source` chosen by ids.
void lower_gather(Lowering& l, std::string_view label, double row_elements) {
    const ValueId x = l.input(0);
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.begin_memory(label, Category::embedding, l.type(l.output()), Pattern::gather, l.elements(l.output()), {0, 0});
    l.recorder.read(l.tensor(x).storage, out.bytes, bytes_of(row_elements, l.type(x)));
    l.write(out);
    l.launch(l.mode().dispatch.embedding);
}

double last_axis(const Shape& shape) {
    const std::size_t rank = shape.rank();
    return rank > 0 ? static_cast<double>(shape.axis_size(rank - 1)) : 1.0;
}

/// Old and new rows are copied into a longer cache; the first rows are a cache by themselves.
void lower_grown_cache(Lowering& l) {
    const ValueId rows = l.input(l.input_count() - 1);
    const Layout order = contiguous_layout(l.shape(l.output()));
    const double before = l.elements(l.output()) - l.elements(rows);
    if (before <= 0) {
        l.alias(l.output(), rows, order);
        l.recorder.set_lifetime(l.tensor(rows).storage, Lifetime::persistent);
        return;
    }
    const double bytes = bytes_of(before, l.type(l.output()));
    const Tensor old{l.recorder.add_storage(bytes, Lifetime::persistent), bytes};
    const Tensor cache = l.create(l.output(), order);
    l.begin_memory("cache.cat", Category::data_movement, l.type(rows), Pattern::streaming, l.elements(l.output()),
                   {0, 0});
    l.read(old);
    l.read(l.tensor(rows));
    l.write(cache);
    l.launch(l.mode().dispatch.copy);
}

}  // namespace

void lower_kind(Lowering& l, const Embedding& embedding) {
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.begin_memory("embedding", Category::embedding, l.type(l.output()), Pattern::gather, l.elements(l.output()),
                   {0, 0});
    const double rows = std::min(static_cast<double>(embedding.rows), static_cast<double>(embedding.vocabulary));
    if (l.input_count() > 0) l.read(l.tensor(l.input(0)));
    const Tensor table = l.weight(rows * static_cast<double>(embedding.width));
    l.recorder.weight(table.storage, table.bytes);
    l.write(out);
    l.launch(l.mode().dispatch.embedding);
}

void lower_kind(Lowering& l, const Gather&) { lower_gather(l, "gather", last_axis(l.shape(l.output()))); }

/// Greedy: one argmax. Otherwise temperature, radix-select top-k (which reads the logits several times), masking,
/// softmax, and an exponential draw with its argmax, as in gpt-fast.
void lower_kind(Lowering& l, const Sample& sample) {
    const ValueId x = l.input(0);
    const DataType type = l.type(x);
    const double elements = static_cast<double>(sample.rows) * static_cast<double>(sample.vocabulary);
    Tensor logits = l.tensor(x);
    logits.bytes = std::min(logits.bytes, bytes_of(elements, type));
    const Tensor out = l.create(l.output(), contiguous_layout(l.shape(l.output())));
    const auto kernel = [&](std::string_view label, Pattern pattern, Tensor from, Tensor to, PointwiseWork work,
                            double passes) {
        const bool reduces = pattern == Pattern::row_reduction;
        l.begin_memory(label, Category::sampling, type, pattern, elements, work, reduces ? sample.rows : 1);
        l.read(from, 0, passes);
        l.write(to);
        l.launch(reduces ? l.mode().dispatch.norm : l.mode().dispatch.elementwise);
    };
    if (sample.top_k <= 1) {
        kernel("sample.argmax", Pattern::row_reduction, logits, out, {1, 0}, 1);
        return;
    }
    const Tensor scaled = l.temporary(logits.bytes);
    const double kept = static_cast<double>(sample.rows) * static_cast<double>(sample.top_k);
    const Tensor best = l.temporary(bytes_of(kept, type) + bytes_of(kept, DataType::int64));
    kernel("sample.temperature", Pattern::streaming, logits, scaled, {1, 0}, 1);
    kernel("sample.top_k", Pattern::row_reduction, scaled, best, {1, 0}, 4);
    kernel("sample.mask", Pattern::streaming, scaled, scaled, {1, 0}, 1);
    kernel("sample.softmax", Pattern::row_reduction, scaled, scaled, softmax_work, 1);
    kernel("sample.exponential", Pattern::streaming, scaled, scaled, {20, 1}, 1);
    kernel("sample.argmax", Pattern::row_reduction, scaled, out, {1, 0}, 1);
}

/// A static cache: the new rows are copied to their place (index_copy_), the rest stays. Inputs are the cache and the
/// rows, or the rows alone.
void lower_kind(Lowering& l, const CacheAppend& append) {
    if (append.grown) return lower_grown_cache(l);
    const ValueId rows = l.input(l.input_count() - 1);
    const Layout order = contiguous_layout(l.shape(l.output()));
    if (l.input_count() > 1) {
        l.alias(l.output(), l.input(0), order);
    } else {
        l.create(l.output(), order);
    }
    const Tensor added = l.tensor(rows);
    const double stored = bytes_of(l.elements(rows), l.type(l.output()));
    l.begin_memory("cache.append", Category::embedding, l.type(rows), Pattern::streaming, l.elements(rows), {0, 0});
    l.read(added);
    l.write({l.tensor(l.output()).storage, stored});
    l.launch(l.mode().dispatch.embedding);
}

/// index_select, and with `in_place` copy_ back.
void lower_kind(Lowering& l, const CacheReorder& reorder) {
    lower_gather(l, "cache.reorder", last_axis(l.shape(l.output())));
    if (!reorder.in_place) return;
    l.begin_memory("cache.copy_back", Category::embedding, l.type(l.output()), Pattern::streaming,
                   l.elements(l.output()), {0, 0});
    l.read(l.tensor(l.output()));
    l.write(l.tensor(l.input(0)));
    l.launch(l.mode().dispatch.copy);
    l.alias(l.output(), l.input(0), l.layout(l.output()));
}

void lower_kind(Lowering& l, const Parameter&) {
    l.create(l.output(), contiguous_layout(l.shape(l.output())));
    l.recorder.set_lifetime(l.tensor(l.output()).storage, Lifetime::weight);
}

}  // namespace cupola
