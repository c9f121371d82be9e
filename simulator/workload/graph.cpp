#include "cupola/workload/graph.hpp"

namespace cupola {

std::span<const ValueId> Graph::inputs(const Operator& op) const {
    return std::span<const ValueId>(operands).subspan(op.first_input, op.input_count);
}

const Value& Graph::output(const Operator& op) const { return values[op.output]; }

double Graph::bytes(const Operator& op) const {
    const bool view = std::holds_alternative<Rearrange>(op.kind) || std::holds_alternative<Slice>(op.kind) ||
                      std::holds_alternative<Parameter>(op.kind);
    if (view) return 0;
    const auto bytes_of = [](const Value& value) {
        return static_cast<double>(value.shape.elements()) * bytes_per_element(value.type);
    };
    if (std::holds_alternative<CacheAppend>(op.kind)) return 2 * bytes_of(values[inputs(op).front()]);
    double total = bytes_of(output(op));
    for (const ValueId input : inputs(op)) total += bytes_of(values[input]);
    if (std::holds_alternative<Embedding>(op.kind)) {
        total += bytes_of(output(op));  // the rows that are looked up, not the table
    } else if (op.weight != no_id) {
        total += memory_bytes(weights[op.weight]);
    }
    return total;
}

std::string Graph::path(std::uint32_t scope) const {
    if (scope == no_id) return {};
    const Scope& node = scopes[scope];
    std::string parent = path(node.parent);
    if (parent.empty()) return node.name;
    return node.name.empty() ? parent : parent + '.' + node.name;
}

MacCounts& MacCounts::operator+=(const MacCounts& other) {
    conv += other.conv;
    linear += other.linear;
    attention += other.attention;
    return *this;
}

MacCounts MacCounts::scaled(double factor) const { return {conv * factor, linear * factor, attention * factor}; }

MacCounts count_macs(const Graph& graph) {
    MacCounts counts;
    for (const Operator& op : graph.operators) {
        const double macs = macs_of(op.kind);
        if (std::holds_alternative<Convolution>(op.kind)) {
            counts.conv += macs;
        } else if (std::holds_alternative<Linear>(op.kind)) {
            counts.linear += macs;
        } else {
            counts.attention += macs;  // attention and its unfused products
        }
    }
    return counts;
}

double Stage::steps() const {
    double total = 0;
    for (const Pass& pass : passes) total += pass.count;
    return total;
}

MacCounts component_macs(const Workload& workload, const std::string& component) {
    MacCounts counts;
    for (const Stage& stage : workload.stages) {
        if (stage.component == component && !stage.passes.empty()) counts += count_macs(stage.passes.front().graph);
    }
    return counts;
}

MacCounts run_macs(const Workload& workload) {
    MacCounts counts;
    for (const Stage& stage : workload.stages) {
        for (const Pass& pass : stage.passes) counts += count_macs(pass.graph).scaled(pass.count);
    }
    return counts;
}

}  // namespace cupola
