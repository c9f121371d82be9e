#include "cupola/lever/cache.hpp"

#include <algorithm>

namespace cupola {
namespace {

/// The axis along which a cache is longer than the rows that come in, or the one before the last.
std::size_t token_axis(const Shape& rows, const Shape& cache) {
    for (std::size_t axis = 0; axis < std::min(rows.rank(), cache.rank()); ++axis) {
        if (rows.axis_size(axis) != cache.axis_size(axis)) return axis;
    }
    return cache.rank() > 1 ? cache.rank() - 2 : 0;
}

std::size_t token_axis(const Graph& graph, const Operator& append) {
    return token_axis(graph.values[graph.inputs(append).back()].shape, graph.output(append).shape);
}

}  // namespace

CacheUse cache_use(const Graph& graph) {
    CacheUse use;
    std::vector<bool> cached(graph.values.size(), false);
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        const Operator& op = graph.operators[i];
        if (std::holds_alternative<CacheAppend>(op.kind)) {
            use.appends.push_back(i);
            cached[op.output] = true;
            continue;
        }
        const auto inputs = graph.inputs(op);
        const bool reads = std::any_of(inputs.begin(), inputs.end(), [&](ValueId input) { return cached[input]; });
        if (!reads) continue;
        if (std::holds_alternative<Attention>(op.kind)) {
            use.readers.push_back(i);
        } else {
            cached[op.output] = true;  // a view or a copy of it
        }
    }
    return use;
}

std::int64_t longest_cache(const Graph& graph) {
    std::int64_t longest = 0;
    for (const std::uint32_t index : cache_use(graph).appends) {
        const Operator& op = graph.operators[index];
        longest = std::max(longest, graph.output(op).shape.axis_size(token_axis(graph, op)));
    }
    return longest;
}

void narrow_caches(Graph& graph, DataType type) {
    for (const std::uint32_t index : cache_use(graph).appends) {
        const Operator& op = graph.operators[index];
        graph.values[op.output].type = type;
        if (op.input_count > 1) graph.values[graph.inputs(op).front()].type = type;
    }
}

void grow_caches(Graph& graph) {
    for (const std::uint32_t index : cache_use(graph).appends) {
        std::get<CacheAppend>(graph.operators[index].kind).grown = true;
    }
}

void fix_caches(Graph& graph, std::int64_t length) {
    const CacheUse use = cache_use(graph);
    for (const std::uint32_t index : use.appends) {
        const Operator& op = graph.operators[index];
        Shape& shape = graph.values[op.output].shape;
        const std::size_t axis = token_axis(graph, op);
        shape.replace_axis(axis, shape.atom(shape.axis_begin(axis)).name, length);
    }
    for (const std::uint32_t index : use.readers) {
        auto& attention = std::get<Attention>(graph.operators[index].kind);
        attention.keys = length;
        attention.causal = false;
        attention.mask = true;
    }
}

}  // namespace cupola
