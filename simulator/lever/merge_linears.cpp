#include "cupola/lever/merge_linears.hpp"

#include "cupola/workload/graph_edit.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace cupola {
namespace {

using Indices = std::vector<std::uint32_t>;

/// Operators that read each value.
std::vector<Indices> readers_of(const Graph& graph) {
    std::vector<Indices> readers(graph.values.size());
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        for (const ValueId input : graph.inputs(graph.operators[i])) readers[input].push_back(i);
    }
    return readers;
}

bool is_product(const OperatorKind& kind) {
    return std::holds_alternative<Linear>(kind) || std::holds_alternative<Convolution>(kind) ||
           std::holds_alternative<Matmul>(kind);
}

/// The first attention that a linear layer's result comes to without another product on the way; no_id if none.
std::uint32_t attention_behind(const Graph& graph, const std::vector<Indices>& readers, std::uint32_t linear) {
    Indices open{linear};
    std::vector<bool> seen(graph.operators.size(), false);
    std::uint32_t found = no_id;
    while (!open.empty()) {
        const ValueId result = graph.operators[open.back()].output;
        open.pop_back();
        for (const std::uint32_t reader : readers[result]) {
            const OperatorKind& kind = graph.operators[reader].kind;
            if (std::holds_alternative<Attention>(kind)) found = std::min(found, reader);
            if (seen[reader] || std::holds_alternative<Attention>(kind) || is_product(kind)) continue;
            seen[reader] = true;
            open.push_back(reader);
        }
    }
    return found;
}

/// The gated activation of two inputs that reads a linear layer's result; no_id if none.
std::uint32_t gate_behind(const Graph& graph, const std::vector<Indices>& readers, std::uint32_t linear) {
    for (const std::uint32_t reader : readers[graph.operators[linear].output]) {
        const auto* gated = std::get_if<GatedActivation>(&graph.operators[reader].kind);
        if (gated != nullptr && !gated->split_input) return reader;
    }
    return no_id;
}

/// Sets of two or more layers that agree in input, sizes and bias, and meet in one operator.
std::vector<Indices> sets_of(const Graph& graph, MergedLinears which) {
    const std::vector<Indices> readers = readers_of(graph);
    std::map<std::tuple<ValueId, std::uint32_t, bool>, Indices> sets;
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        const Operator& op = graph.operators[i];
        const auto* linear = std::get_if<Linear>(&op.kind);
        if (linear == nullptr || op.weight == no_id) continue;
        const std::uint32_t meeting =
            which == MergedLinears::attention ? attention_behind(graph, readers, i) : gate_behind(graph, readers, i);
        if (meeting != no_id) sets[{graph.inputs(op).front(), meeting, linear->bias}].push_back(i);
    }
    std::vector<Indices> result;
    for (auto& [key, set] : sets) {
        if (set.size() > 1) result.push_back(std::move(set));
    }
    return result;
}

/// Parameters of all layers of a set.
Weight joined_weight(const Graph& graph, const Indices& set) {
    Weight weight = graph.weights[graph.operators[set.front()].weight];
    for (std::size_t i = 1; i < set.size(); ++i) {
        const Weight& next = graph.weights[graph.operators[set[i]].weight];
        weight.key = (weight.key ^ next.key) * 0x9E3779B97F4A7C15ULL;
        weight.parameters += next.parameters;
    }
    return weight;
}

void merge(GraphEdit& edit, const Indices& set, std::uint32_t weight) {
    const Operator first = edit.graph().operators[set.front()];
    const ValueId input = edit.graph().inputs(first).front();
    Linear wide = std::get<Linear>(first.kind);
    wide.out = 0;
    for (const std::uint32_t index : set) wide.out += std::get<Linear>(edit.graph().operators[index].kind).out;
    const Value result = edit.graph().output(first);
    Shape shape = result.shape;
    shape.replace_axis(shape.rank() - 1, AxisName("channels"), wide.out);
    const std::uint32_t parent = first.scope == no_id ? no_id : edit.graph().scopes[first.scope].parent;
    const ValueId merged = edit.insert(set.front(), parent, "merged_proj", wide, {&input, 1}, shape, result.type);
    edit.op(edit.value(merged).producer).weight = weight;
    for (const std::uint32_t index : set) {
        const Value part = edit.graph().output(edit.graph().operators[index]);
        const ValueId slice = edit.insert(set.front(), parent, "slice", Slice{}, {&merged, 1}, part.shape, part.type);
        edit.redirect(edit.graph().operators[index].output, slice);
        edit.remove(index);
    }
}

}  // namespace

std::optional<Graph> merge_linears(const Graph& graph, MergedLinears which) {
    const std::vector<Indices> sets = sets_of(graph, which);
    if (sets.empty()) return std::nullopt;
    Graph with_weights = graph;
    for (const Indices& set : sets) with_weights.weights.push_back(joined_weight(graph, set));
    GraphEdit edit(with_weights);
    for (std::size_t i = 0; i < sets.size(); ++i) {
        merge(edit, sets[i], static_cast<std::uint32_t>(graph.weights.size() + i));
    }
    return edit.take();
}

}  // namespace cupola
