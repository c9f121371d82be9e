#include "cupola/workload/expander.hpp"

#include "cupola/units/suggest.hpp"

#include <algorithm>

namespace cupola {
namespace {

constexpr std::int64_t most_parameters = 1'000'000'000'000'000;

}  // namespace

Expander::Expander(const Descriptor& descriptor, const ExpandLimits& limits, DataType type)
    : descriptor_(descriptor), limits_(limits), builder_(descriptor.names), type_(type) {}

void Expander::add_input(NameId name, const Shape& shape, DataType type) {
    const ValueId id = builder_.add_input(shape, type, true);
    if (descriptor_.names.text(name).empty()) {
        current_ = id;
    } else {
        bind_tensor(name, id);
    }
}

Graph Expander::finish(const SourcePosition& stage) {
    for (const auto& [stack, values] : stacks_) {
        if (values.empty()) continue;
        throw InputError({stage, "",
                          std::to_string(values.size()) + (values.size() == 1 ? " tensor" : " tensors") +
                              " left on stack \"" + std::string(text(stack)) + "\"",
                          "every push to be popped", "the last pushed is " + shape(values.back()).text()});
    }
    if (current_ != no_id) {
        outputs_.emplace_back("", builder_.value(current_));
        output_ids_.push_back(current_);
    }
    Graph graph = builder_.take();
    graph.outputs = output_ids_;
    return graph;
}

// ---------------------------------------------------------------------------------------------- names and arguments

const ValueId* Expander::find_tensor(NameId name) const {
    for (std::size_t i = tensors_.size(); i-- > tensors_begin_;) {
        if (tensors_[i].first == name) return &tensors_[i].second;
    }
    return nullptr;
}

const ValueId* Expander::find_tensor(std::string_view name) const {
    for (std::size_t i = tensors_.size(); i-- > tensors_begin_;) {
        if (text(tensors_[i].first) == name) return &tensors_[i].second;
    }
    return nullptr;
}

void Expander::bind_tensor(NameId name, ValueId value) {
    for (std::size_t i = tensors_.size(); i-- > tensors_begin_;) {
        if (tensors_[i].first != name) continue;
        tensors_[i].second = value;
        return;
    }
    tensors_.emplace_back(name, value);
}

ValueId Expander::pop(NameId stack, const SourcePosition& where) {
    auto& values = stacks_[stack];
    if (values.empty())
        fail_at(where, "nothing on stack \"" + std::string(text(stack)) + "\"", "a tensor pushed before");
    const ValueId top = values.back();
    values.pop_back();
    return top;
}

ValueId Expander::tensor(const TensorReference& reference) {
    if (reference.pop) return pop(reference.name, reference.where);
    const ValueId* found = find_tensor(reference.name);
    const std::string name(text(reference.name));
    if (found == nullptr) {
        std::vector<std::string> known;
        for (std::size_t i = tensors_begin_; i < tensors_.size(); ++i) known.emplace_back(text(tensors_[i].first));
        fail_at(reference.where, "\"" + name + "\"", "a saved tensor", suggestion(name, known));
    }
    if (*found == no_id)
        fail_at(reference.where, "\"" + name + "\", which is none here", "a tensor", "test it with has(" + name + ")");
    return *found;
}

ValueId Expander::tensor_or_current(const Layer& layer, std::string_view name, ValueId current) {
    const Argument& given = argument(layer, name);
    return given.given ? tensor(given.tensors.front()) : current;
}

std::int64_t Expander::size(std::string_view tensor_name, std::string_view axis_text) const {
    ValueId id = current_;
    if (!tensor_name.empty()) {
        const ValueId* found = find_tensor(tensor_name);
        if (found == nullptr) return -1;
        id = *found;
    }
    if (id == no_id) return -1;
    const Shape& tensor_shape = builder_.value(id).shape;
    const int atom = tensor_shape.find_atom(axis_text);
    if (atom < 0) return -1;
    const int axis_index = tensor_shape.find_axis(axis_text);
    // A fold is named after its last atom for layers (channels), after itself for sizes of one atom.
    const auto begin = tensor_shape.axis_begin(static_cast<std::size_t>(axis_index));
    const auto end = tensor_shape.axis_end(static_cast<std::size_t>(axis_index));
    const bool whole_fold = axis_text == "channels" && end - begin > 1;
    return whole_fold ? tensor_shape.axis_size(static_cast<std::size_t>(axis_index))
                      : tensor_shape.atom(static_cast<std::size_t>(atom)).size;
}

bool Expander::has(std::string_view name) const {
    const ValueId* found = find_tensor(name);
    return found != nullptr && *found != no_id;
}

bool Expander::remembers(std::string_view state) const {
    for (const auto& [name, value] : states_) {
        if (name == combine_keys(builder_.scope_key(), std::hash<std::string_view>{}(state))) return value != no_id;
    }
    return false;
}

Environment Expander::environment() const {
    return {std::span<const Binding>(variables_).subspan(variables_begin_), &descriptor_.names, this};
}

const Argument& Expander::argument(const Layer& layer, std::string_view name) const {
    const auto& specs = layer.spec->arguments;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (specs[i].name == name) return layer.arguments[i];
    }
    fail(layer, "no argument \"" + std::string(name) + "\"", "one that the layer has");
}

std::int64_t Expander::integer(const Layer& layer, std::string_view name, std::int64_t fallback, std::int64_t min,
                               std::int64_t max) const {
    const Argument& given = argument(layer, name);
    return given.given ? evaluate_integer(given.expression, environment(), name, min, max) : fallback;
}

bool Expander::flag(const Layer& layer, std::string_view name, bool fallback) const {
    const Argument& given = argument(layer, name);
    return given.given ? evaluate_condition(given.expression, environment()) : fallback;
}

std::size_t Expander::choice(const Layer& layer, std::string_view name, std::size_t fallback,
                             const std::vector<std::string>& choices) const {
    const Argument& given = argument(layer, name);
    if (!given.given) return fallback;
    const std::string_view chosen = text(given.names.front());
    const auto found = std::find(choices.begin(), choices.end(), chosen);
    if (found == choices.end()) {
        fail_at(given.where, "\"" + std::string(chosen) + "\"", "a " + std::string(name), suggestion(chosen, choices));
    }
    return static_cast<std::size_t>(found - choices.begin());
}

AxisName Expander::axis_name(NameId name, const SourcePosition& where) const {
    const std::string_view axis_text = text(name);
    if (axis_text.size() > AxisName::max_length) {
        fail_at(where, "the axis name \"" + std::string(axis_text) + "\"",
                "at most " + std::to_string(AxisName::max_length) + " characters");
    }
    return AxisName(axis_text);
}

AxisName Expander::axis_argument(const Layer& layer, std::string_view name, std::string_view fallback) const {
    const Argument& given = argument(layer, name);
    return given.given ? axis_name(given.names.front(), given.where) : AxisName(fallback);
}

std::size_t Expander::axis(const Layer& layer, ValueId id, std::string_view name) const {
    const int found = shape(id).find_axis(name);
    if (found < 0) fail(layer, describe(id), "a tensor with an axis \"" + std::string(name) + "\"");
    return static_cast<std::size_t>(found);
}

// ---------------------------------------------------------------------------------------------- operators and errors

bool Expander::is_widened(ValueId id) const {
    const Value& tensor = value(id);
    return tensor.producer != no_id && tensor.type == DataType::fp32 && bytes_per_element(type_) < 4;
}

/// As PyTorch promotes types: fp32 with a narrower type is fp32. Layers with weights want their own type.
DataType Expander::result_type(const Layer& layer, const OperatorKind& kind, const std::vector<ValueId>& inputs) const {
    const bool widened = std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return is_widened(id); });
    if (!widened) return type_;
    const bool own_type = std::holds_alternative<Linear>(kind) || std::holds_alternative<Convolution>(kind) ||
                          std::holds_alternative<Attention>(kind);
    if (own_type)
        fail(layer, "a tensor widened to fp32", std::string(name_of(type_)) + ", the stage's type",
             "`narrow` it first");
    return DataType::fp32;
}

ValueId Expander::emit(const Layer& layer, const OperatorKind& kind, const std::vector<ValueId>& inputs,
                       const Shape& output) {
    return emit(layer, kind, inputs, output, result_type(layer, kind, inputs));
}

ValueId Expander::emit(const Layer& layer, const OperatorKind& kind, const std::vector<ValueId>& inputs,
                       const Shape& output, DataType type) {
    if (builder_.operator_count() >= limits_.operators) {
        fail(layer, std::to_string(limits_.operators) + " operators", "a smaller model");
    }
    if (static_cast<double>(output.elements()) > 1e15 || output.elements() <= 0) {
        fail(layer, "an output of " + output.text(), "fewer than 1e15 elements");
    }
    std::uint64_t weight_name = 0;
    for (std::size_t i = 0; i < layer.spec->arguments.size(); ++i) {
        if (layer.spec->arguments[i].name == "weights" && layer.arguments[i].given) {
            weight_name = combine_keys(std::hash<std::string_view>{}(text(layer.arguments[i].names.front())), 7);
        }
    }
    const std::int64_t parameters = parameters_of(kind);
    if (parameters > most_parameters) fail(layer, "more than 1e15 parameters", "a smaller layer");
    const ValueId result = builder_.emit(layer.path_name, identity(layer), kind, inputs, output, type, weight_name);
    if (parameters > 0 && builder_.conflicting_parameters() >= 0) {
        fail(layer,
             std::to_string(parameters) + " parameters under the name of " +
                 std::to_string(builder_.conflicting_parameters()) + " others",
             "weights of one size for one name", "give one of the layers a `name:` of its own");
    }
    return result;
}

std::string Expander::describe(ValueId id) const {
    return id == no_id ? "no current tensor" : "a tensor of " + shape(id).text();
}

std::string Expander::path() const {
    constexpr std::size_t longest = 120;
    std::string whole = builder_.path();
    if (whole.size() > longest) whole = "…" + whole.substr(whole.size() - longest);
    return whole;
}

void Expander::fail(const Layer& layer, std::string found, std::string expected, std::string hint) const {
    std::string path = this->path();
    const std::string segment(text(layer.path_name));
    if (!segment.empty()) path += (path.empty() ? "" : ".") + segment;
    throw InputError({layer.where, std::move(path), std::move(found), std::move(expected), std::move(hint)});
}

void Expander::fail_at(const SourcePosition& where, std::string found, std::string expected, std::string hint) const {
    throw InputError({where, path(), std::move(found), std::move(expected), std::move(hint)});
}

/// Layers of a module are known by where they stand in it, so that one skipped by `when` renames no other. Layers of a
/// stage are known by their names: two stages of one component write theirs apart and share weights.
std::uint64_t Expander::identity(const Layer& layer) const {
    if (module_depth_ == 0) return 0;
    return combine_keys(static_cast<std::uint64_t>(layer.where.line), static_cast<std::uint64_t>(layer.where.column)) |
           1U;
}

}  // namespace cupola
