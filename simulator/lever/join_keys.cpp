#include "cupola/lever/join_keys.hpp"

#include "cupola/workload/graph_edit.hpp"

#include <array>
#include <string_view>
#include <vector>

namespace cupola {
namespace {

/// Linear layers that make the keys and the values of one attention.
struct Projections {
    std::uint32_t keys = no_id, values = no_id;
};

bool is_projection(const Graph& graph, const Operator& op, std::string_view name) {
    return std::holds_alternative<Linear>(op.kind) && op.scope != no_id && graph.scopes[op.scope].name == name;
}

/// Pairs to_k, to_v of one module that read the same tensor.
std::vector<Projections> projections_of(const Graph& graph) {
    std::vector<Projections> pairs;
    std::optional<std::uint32_t> keys;
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        const Operator& op = graph.operators[i];
        if (is_projection(graph, op, "to_k")) keys = i;
        if (!keys || !is_projection(graph, op, "to_v")) continue;
        const Operator& first = graph.operators[*keys];
        const bool one_module = graph.scopes[first.scope].parent == graph.scopes[op.scope].parent;
        if (one_module && graph.inputs(first).front() == graph.inputs(op).front()) pairs.push_back({*keys, i});
        keys.reset();
    }
    return pairs;
}

/// torch.cat([key, value], dim=-1), then its halves as views.
void join(GraphEdit& edit, const Projections& pair) {
    const Operator first = edit.graph().operators[pair.keys], second = edit.graph().operators[pair.values];
    const std::array<ValueId, 2> parts{first.output, second.output};
    const std::uint32_t at = pair.values + 1, parent = edit.graph().scopes[second.scope].parent;
    const Value keys = edit.graph().values[parts[0]], values = edit.graph().values[parts[1]];
    const std::size_t channels = keys.shape.rank() - 1;
    Shape both = keys.shape;
    both.replace_axis(channels, AxisName("channels"),
                      keys.shape.axis_size(channels) + values.shape.axis_size(channels));
    const ValueId joined = edit.insert(at, parent, "join_keys", Cat{}, parts, both, keys.type);
    edit.redirect(parts[0], edit.insert(at, parent, "keys", Slice{}, {&joined, 1}, keys.shape, keys.type), at);
    edit.redirect(parts[1], edit.insert(at, parent, "values", Slice{}, {&joined, 1}, values.shape, values.type), at);
}

}  // namespace

std::optional<Graph> join_keys(const Graph& graph) {
    const std::vector<Projections> pairs = projections_of(graph);
    if (pairs.empty()) return std::nullopt;
    GraphEdit edit(graph);
    for (const Projections& pair : pairs) join(edit, pair);
    return edit.take();
}

}  // namespace cupola
