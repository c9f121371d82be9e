#include "cupola/workload/graph_edit.hpp"

#include <algorithm>

namespace cupola {
namespace {

constexpr std::uint32_t gone = no_id;

/// Copies the operators of one graph behind those of another, with what they refer to.
class Appender {
public:
    Appender(const Graph& from, Graph& to)
        : from_(from),
          to_(to),
          values_(from.values.size(), gone),
          weights_(from.weights.size(), gone),
          scopes_(from.scopes.size(), gone) {}

    void link(ValueId value, ValueId already) { values_[value] = already; }
    void append(const Operator& op);
    [[nodiscard]] ValueId value(ValueId id);

private:
    std::uint32_t scope(std::uint32_t id);
    std::uint32_t weight(std::uint32_t id);

    const Graph& from_;
    Graph& to_;
    std::vector<std::uint32_t> values_, weights_, scopes_;
};

/// The value's new number. One whose producer has not come over is an input that lies in memory, except inputs of the
/// pass itself, which stay as they were.
ValueId Appender::value(ValueId id) {
    if (values_[id] != gone) return values_[id];
    Value copy = from_.values[id];
    if (copy.producer != no_id) copy.persistent = true;
    copy.producer = no_id;
    to_.values.push_back(copy);
    return values_[id] = static_cast<ValueId>(to_.values.size() - 1);
}

std::uint32_t Appender::scope(std::uint32_t id) {
    if (id == no_id || scopes_[id] != gone) return id == no_id ? no_id : scopes_[id];
    const std::uint32_t parent = scope(from_.scopes[id].parent);
    to_.scopes.push_back({parent, from_.scopes[id].name});
    return scopes_[id] = static_cast<std::uint32_t>(to_.scopes.size() - 1);
}

std::uint32_t Appender::weight(std::uint32_t id) {
    if (id == no_id || weights_[id] != gone) return id == no_id ? no_id : weights_[id];
    const Weight& weight = from_.weights[id];
    const auto same = std::find_if(to_.weights.begin(), to_.weights.end(), [&](const Weight& w) {
        return w.key == weight.key && w.parameters == weight.parameters && w.type == weight.type;
    });
    weights_[id] = static_cast<std::uint32_t>(same - to_.weights.begin());
    if (same == to_.weights.end()) to_.weights.push_back(weight);
    return weights_[id];
}

void Appender::append(const Operator& op) {
    Operator copy = op;
    std::vector<ValueId> inputs;
    for (const ValueId input : from_.inputs(op)) inputs.push_back(value(input));
    copy.first_input = static_cast<std::uint32_t>(to_.operands.size());
    to_.operands.insert(to_.operands.end(), inputs.begin(), inputs.end());
    copy.scope = scope(op.scope);
    copy.weight = weight(op.weight);
    Value out = from_.values[op.output];
    out.producer = static_cast<std::uint32_t>(to_.operators.size());
    to_.values.push_back(out);
    copy.output = values_[op.output] = static_cast<ValueId>(to_.values.size() - 1);
    to_.operators.push_back(copy);
}

}  // namespace

GraphEdit::GraphEdit(const Graph& graph)
    : graph_(graph),
      original_(static_cast<std::uint32_t>(graph.operators.size())),
      removed_(graph.operators.size(), false),
      cut_(graph.values.size(), false),
      read_once_(graph.values.size(), false) {
    for (const Operator& op : graph.operators) {
        for (const ValueId input : graph.inputs(op)) read_once_[input] = true;
    }
}

Weight& GraphEdit::weight(Operator& op) {
    graph_.weights.push_back(graph_.weights[op.weight]);
    op.weight = static_cast<std::uint32_t>(graph_.weights.size() - 1);
    return graph_.weights.back();
}

void GraphEdit::cut(ValueId value) {
    cut_[value] = true;
    persist(value);
}

ValueId GraphEdit::add_input(const Shape& shape, DataType type) {
    graph_.values.push_back({shape, type, no_id, true});
    cut_.push_back(false);
    read_once_.push_back(false);
    return static_cast<ValueId>(graph_.values.size() - 1);
}

ValueId GraphEdit::insert(std::uint32_t before, std::uint32_t parent, const std::string& name, const OperatorKind& kind,
                          std::span<const ValueId> inputs, const Shape& shape, DataType type) {
    const auto index = static_cast<std::uint32_t>(graph_.operators.size());
    Operator op;
    op.kind = kind;
    op.first_input = static_cast<std::uint32_t>(graph_.operands.size());
    op.input_count = static_cast<std::uint32_t>(inputs.size());
    graph_.operands.insert(graph_.operands.end(), inputs.begin(), inputs.end());
    graph_.scopes.push_back({parent, name});
    op.scope = static_cast<std::uint32_t>(graph_.scopes.size() - 1);
    op.output = add_input(shape, type);
    graph_.values[op.output].producer = index;
    graph_.values[op.output].persistent = false;
    graph_.operators.push_back(op);
    removed_.push_back(false);
    inserted_.push_back({before, index});
    return op.output;
}

void GraphEdit::redirect(ValueId from, ValueId to, std::uint32_t begin) {
    for (std::uint32_t i = begin; i < original_; ++i) {
        const Operator& op = graph_.operators[i];
        const auto first = graph_.operands.begin() + op.first_input;
        std::replace(first, first + op.input_count, from, to);
    }
    std::replace(graph_.outputs.begin(), graph_.outputs.end(), from, to);
}

/// The operators in the order in which they run.
std::vector<std::uint32_t> GraphEdit::order() const {
    std::vector<Inserted> inserted = inserted_;
    std::stable_sort(inserted.begin(), inserted.end(),
                     [](const auto& a, const auto& b) { return a.before < b.before; });
    std::vector<std::uint32_t> result;
    result.reserve(graph_.operators.size());
    auto next = inserted.begin();
    for (std::uint32_t i = 0; i <= original_; ++i) {
        for (; next != inserted.end() && next->before == i; ++next) result.push_back(next->op);
        if (i < original_) result.push_back(i);
    }
    return result;
}

/// Everything that leads to kept values, removed or not.
void GraphEdit::need_all_behind(std::vector<bool>& alive) const {
    std::vector<ValueId> open = kept_;
    while (!open.empty()) {
        const std::uint32_t producer = graph_.values[open.back()].producer;
        open.pop_back();
        if (producer == no_id || alive[producer]) continue;
        alive[producer] = true;
        for (const ValueId input : graph_.inputs(graph_.operators[producer])) {
            if (!cut_[input]) open.push_back(input);
        }
    }
}

/// The pass's outputs, what runs for its own sake, and what leads to them as far as it is not removed.
void GraphEdit::need_what_runs(std::vector<bool>& alive) const {
    std::vector<std::uint32_t> open;
    const auto need = [&](ValueId value) {
        const std::uint32_t producer = cut_[value] ? no_id : graph_.values[value].producer;
        if (producer == no_id || removed_[producer] || alive[producer]) return;
        alive[producer] = true;
        open.push_back(producer);
    };
    for (const ValueId output : graph_.outputs) need(output);
    for (std::uint32_t i = 0; i < graph_.operators.size(); ++i) {
        if (alive[i]) open.push_back(i);
        const ValueId result = graph_.operators[i].output;
        if (!removed_[i] && !read_once_[result] && i < original_) need(result);
    }
    while (!open.empty()) {
        const Operator& op = graph_.operators[open.back()];
        open.pop_back();
        for (const ValueId input : graph_.inputs(op)) need(input);
    }
}

std::vector<bool> GraphEdit::needed() const {
    std::vector<bool> alive(graph_.operators.size(), false);
    need_all_behind(alive);
    need_what_runs(alive);
    return alive;
}

Graph GraphEdit::take() {
    const std::vector<bool> alive = needed();
    Graph result;
    Appender appender(graph_, result);
    for (const std::uint32_t index : order()) {
        if (alive[index]) appender.append(graph_.operators[index]);
    }
    for (const ValueId output : graph_.outputs) result.outputs.push_back(appender.value(output));
    return result;
}

Graph concatenated(const Graph& first, const Graph& second, std::span<const std::pair<ValueId, ValueId>> links) {
    Graph result = first;
    Appender appender(second, result);
    for (const auto& [input, value] : links) appender.link(input, value);
    for (const Operator& op : second.operators) appender.append(op);
    result.outputs.clear();
    for (const ValueId output : second.outputs) result.outputs.push_back(appender.value(output));
    return result;
}

std::vector<std::uint32_t> readers(const Graph& graph, ValueId value) {
    std::vector<std::uint32_t> result;
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        const auto inputs = graph.inputs(graph.operators[i]);
        if (std::find(inputs.begin(), inputs.end(), value) != inputs.end()) result.push_back(i);
    }
    return result;
}

}  // namespace cupola
