// The repeated layers of a graph, found by the module tree.
#include "cupola/workload/graph_edit.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace cupola {
namespace {

/// "layer.12": an iteration of a repeat or loop.
bool is_iteration(const std::string& name) {
    const std::size_t dot = name.rfind('.');
    return dot != std::string::npos && dot + 1 < name.size() &&
           std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dot) + 1, name.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// For every scope the iteration nearest to the root that it lies in (or is), no_id outside of any. A parent stands
/// before its children.
std::vector<std::uint32_t> outermost_iterations(const Graph& graph) {
    std::vector<std::uint32_t> result(graph.scopes.size(), no_id);
    for (std::uint32_t i = 0; i < result.size(); ++i) {
        const Scope& scope = graph.scopes[i];
        if (scope.parent != no_id) result[i] = result[scope.parent];
        if (result[i] == no_id && is_iteration(scope.name)) result[i] = i;
    }
    return result;
}

bool inside(const LayerRange& range, std::uint32_t op) { return op >= range.begin && op < range.end; }

}  // namespace

std::vector<LayerRange> main_layers(const Graph& graph) {
    const std::vector<std::uint32_t> iteration = outermost_iterations(graph);
    std::map<std::uint32_t, double> macs_below;  // by the module whose repeats they are
    for (const Operator& op : graph.operators) {
        const std::uint32_t layer = op.scope == no_id ? no_id : iteration[op.scope];
        if (layer != no_id) macs_below[graph.scopes[layer].parent] += macs_of(op.kind);
    }
    const auto most = std::max_element(macs_below.begin(), macs_below.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    std::vector<LayerRange> layers;
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        const std::uint32_t scope = graph.operators[i].scope;
        const std::uint32_t layer = scope == no_id ? no_id : iteration[scope];
        if (layer == no_id || graph.scopes[layer].parent != most->first) continue;
        if (layers.empty() || layers.back().scope != layer) layers.push_back({layer, i, i});
        layers.back().end = i + 1;
    }
    return layers;
}

ValueId handed_on(const Graph& graph, const LayerRange& range, std::uint32_t begin, const Shape* like) {
    ValueId result = no_id;
    for (std::uint32_t i = begin; i < graph.operators.size(); ++i) {
        for (const ValueId input : graph.inputs(graph.operators[i])) {
            const std::uint32_t producer = graph.values[input].producer;
            if (producer == no_id || !inside(range, producer)) continue;
            if (like != nullptr && graph.values[input].shape.sizes() != like->sizes()) continue;
            if (result == no_id || producer > graph.values[result].producer) result = input;
        }
    }
    return result;
}

}  // namespace cupola
