#include "cupola/workload/graph_builder.hpp"

namespace cupola {

void GraphBuilder::reserve_like(const Graph& other) {
    graph_.operators.reserve(other.operators.size());
    graph_.values.reserve(other.values.size());
    graph_.operands.reserve(other.operands.size());
    graph_.weights.reserve(other.weights.size());
    graph_.scopes.reserve(other.scopes.size());
    weights_.reserve(other.weights.size());
}

ValueId GraphBuilder::add_input(const Shape& shape, DataType type, bool persistent) {
    graph_.values.push_back({shape, type, no_id, persistent});
    return static_cast<ValueId>(graph_.values.size() - 1);
}

GraphBuilder::Leaf GraphBuilder::child(NameId segment, std::uint64_t identity, std::int64_t index,
                                       bool shared_weights) {
    Open& parent = open_.back();
    int occurrence = 0;
    bool known = false;
    for (auto& [name, count] : parent.children) {
        if (name != segment) continue;
        // Iterations of one loop are one occurrence; the first iteration opens it.
        occurrence = index > 0 ? count - 1 : count++;
        known = true;
        break;
    }
    if (!known) parent.children.emplace_back(segment, 1);
    std::uint64_t key =
        identity != 0 ? combine_keys(parent.key, identity)
                      : combine_keys(combine_keys(parent.key, segment + 1), static_cast<std::uint64_t>(occurrence));
    if (index >= 0 && !shared_weights) key = combine_keys(key, static_cast<std::uint64_t>(index) + 1);
    std::string name = names_.text(segment);
    if (occurrence > 0) name += "_" + std::to_string(occurrence + 1);
    if (index >= 0) name += "." + std::to_string(index);
    graph_.scopes.push_back({parent.id, std::move(name)});
    return {static_cast<std::uint32_t>(graph_.scopes.size() - 1), key};
}

void GraphBuilder::enter(NameId segment, std::uint64_t identity, std::int64_t index, bool shared_weights) {
    const Leaf leaf = child(segment, identity, index, shared_weights);
    open_.push_back({leaf.id, leaf.key, {}});
}

std::uint32_t GraphBuilder::weight_of(std::uint64_t key, std::int64_t parameters, DataType type) {
    const auto [found, inserted] = weights_.try_emplace(key, static_cast<std::uint32_t>(graph_.weights.size()));
    conflict_ = -1;
    if (inserted) {
        graph_.weights.push_back({key, parameters, type});
    } else if (graph_.weights[found->second].parameters != parameters) {
        conflict_ = graph_.weights[found->second].parameters;
    }
    return found->second;
}

ValueId GraphBuilder::emit(NameId segment, std::uint64_t identity, const OperatorKind& kind,
                           std::span<const ValueId> inputs, const Shape& shape, DataType type,
                           std::uint64_t weight_name) {
    const Leaf leaf = child(segment, identity, -1, false);
    Operator op;
    op.kind = kind;
    op.first_input = static_cast<std::uint32_t>(graph_.operands.size());
    op.input_count = static_cast<std::uint32_t>(inputs.size());
    op.scope = leaf.id;
    op.limit = limit_;
    graph_.operands.insert(graph_.operands.end(), inputs.begin(), inputs.end());
    const std::int64_t parameters = std::holds_alternative<Parameter>(kind) ? shape.elements() : parameters_of(kind);
    if (parameters > 0) op.weight = weight_of(weight_name != 0 ? weight_name : leaf.key, parameters, type);
    graph_.values.push_back({shape, type, static_cast<std::uint32_t>(graph_.operators.size()), false});
    op.output = static_cast<ValueId>(graph_.values.size() - 1);
    graph_.operators.push_back(op);
    return op.output;
}

}  // namespace cupola
