#include "cupola/workload/expander.hpp"

#include "cupola/units/suggest.hpp"

#include <algorithm>

namespace cupola {
namespace {

bool is_flow(Builtin builtin) { return builtin <= Builtin::recall; }
bool is_shape(Builtin builtin) { return builtin >= Builtin::rearrange && builtin <= Builtin::pixel_unshuffle; }
bool is_source(Builtin builtin) { return builtin >= Builtin::embedding; }
bool is_elementwise(Builtin builtin) {
    return (builtin >= Builtin::add && builtin <= Builtin::where) ||
           (builtin >= Builtin::activation && builtin <= Builtin::glu);
}

constexpr std::int64_t most_iterations = 100'000;
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

ValueId Expander::emit(const Layer& layer, const OperatorKind& kind, std::initializer_list<ValueId> inputs,
                       const Shape& output) {
    return emit(layer, kind, std::vector<ValueId>(inputs), output, type_);
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

// ---------------------------------------------------------------------------------------------- flow

void Expander::run(const std::vector<Layer>& layers) {
    for (const Layer& layer : layers) run_layer(layer);
}

void Expander::run_layer(const Layer& layer) {
    const ValueId input = layer.from ? tensor(*layer.from) : current_;
    const ValueId kept = current_;
    current_ = input;  // size(axis) in the layer's arguments speaks of what the layer reads
    const ValueId result = apply(layer, input);
    if (layer.to) {
        current_ = kept;
        bind_tensor(*layer.to, result);
    } else {
        current_ = result;
    }
}

void Expander::require_current(const Layer& layer, ValueId input) const {
    if (input == no_id) fail(layer, "no current tensor", "an input of the stage, or a layer that makes a tensor first");
}

ValueId Expander::apply(const Layer& layer, ValueId input) {
    if (layer.spec == nullptr) return apply_module(layer, input);
    const Builtin builtin = layer.spec->builtin;
    if (is_flow(builtin)) return apply_flow(layer, input);
    if (builtin != Builtin::parameter && builtin != Builtin::state) require_current(layer, input);
    if (is_shape(builtin)) return build_shape_layer(*this, layer, input);
    if (is_source(builtin)) return build_source_layer(*this, layer, input);
    if (is_elementwise(builtin)) return build_elementwise_layer(*this, layer, input);
    return build_compute_layer(*this, layer, input);
}

ValueId Expander::apply_flow(const Layer& layer, ValueId input) {
    const auto name = [&] { return argument(layer, "as").names.front(); };
    const auto state_key = [&] {
        return combine_keys(builder_.scope_key(), std::hash<std::string_view>{}(text(name())));
    };
    switch (layer.spec->builtin) {
        case Builtin::block: {
            builder_.enter(layer.path_name, identity(layer));
            const ValueId result = apply_block(argument(layer, "layers").layers, input);
            builder_.leave();
            return result;
        }
        case Builtin::residual: return apply_residual(layer, input);
        case Builtin::repeat: return apply_repeat(layer, input);
        case Builtin::for_each:
        case Builtin::loop: return apply_for(layer, input);
        case Builtin::when: {
            const bool taken = evaluate_condition(argument(layer, "condition").expression, environment());
            return apply_block(argument(layer, taken ? "layers" : "else").layers, input);
        }
        case Builtin::let:
            for (const auto& [variable, expression] : argument(layer, "variables").bindings) {
                Datum value = expression.evaluate(environment());
                variables_.push_back({variable, std::move(value)});
            }
            return input;
        case Builtin::save:
            require_current(layer, input);
            bind_tensor(name(), input);
            return input;
        case Builtin::load: return tensor(argument(layer, "with").tensors.front());
        case Builtin::push:
            require_current(layer, input);
            stacks_[name()].push_back(input);
            return input;
        case Builtin::pop: return pop(name(), layer.where);
        case Builtin::output:
            require_current(layer, input);
            outputs_.emplace_back(std::string(text(name())), builder_.value(input));
            output_ids_.push_back(input);
            return input;
        case Builtin::remember:
            require_current(layer, input);
            states_[state_key()] = input;
            return input;
        case Builtin::recall: {
            const auto found = states_.find(state_key());
            if (found == states_.end()) {
                fail(layer, "no state \"" + std::string(text(name())) + "\" yet",
                     "one remembered in an earlier iteration",
                     "test it with remembers(" + std::string(text(name())) + ")");
            }
            return found->second;
        }
        default: return input;
    }
}

ValueId Expander::apply_block(const std::vector<Layer>& layers, ValueId input) {
    if (builder_.depth() > limits_.depth) {
        throw InputError({layers.empty() ? SourcePosition{} : layers.front().where, path(),
                          "modules nested deeper than " + std::to_string(limits_.depth),
                          "a module that does not call itself", ""});
    }
    const std::size_t variables = variables_.size();
    current_ = input;
    run(layers);
    variables_.resize(variables);
    return current_;
}

ValueId Expander::apply_residual(const Layer& layer, ValueId input) {
    require_current(layer, input);
    if (layer.named) builder_.enter(layer.path_name, identity(layer));
    const ValueId body = apply_block(argument(layer, "layers").layers, input);
    ValueId shortcut = input;
    if (argument(layer, "shortcut").given) shortcut = apply_block(argument(layer, "shortcut").layers, input);
    if (layer.named) builder_.leave();
    if (shape(body).sizes() != shape(shortcut).sizes()) {
        fail(layer, describe(body) + " to be added to " + describe(shortcut), "layers that keep the shape",
             "give a `shortcut:` that changes the other side alike");
    }
    // The first operand decides the sum's memory layout in eager frameworks.
    if (choice(layer, "first", 0, {"body", "shortcut"}) == 1) {
        return emit(layer, Elementwise{ElementwiseKind::add}, {shortcut, body}, shape(shortcut));
    }
    return emit(layer, Elementwise{ElementwiseKind::add}, {body, shortcut}, shape(body));
}

ValueId Expander::apply_repeat(const Layer& layer, ValueId input) {
    const std::int64_t times =
        evaluate_integer(argument(layer, "times").expression, environment(), "repeat", 0, most_iterations);
    const auto& layers = argument(layer, "layers").layers;
    for (std::int64_t i = 0; i < times; ++i) {
        builder_.enter(layer.path_name, identity(layer), i);
        input = apply_block(layers, input);
        builder_.leave();
    }
    return input;
}

ValueId Expander::apply_for(const Layer& layer, ValueId input) {
    const auto& variables = argument(layer, "variables").bindings;
    const auto& layers = argument(layer, "layers").layers;
    std::vector<std::vector<Datum>> values;
    for (const auto& [variable, expression] : variables) {
        values.push_back(evaluate_list(expression, environment()));
        if (values.back().size() != values.front().size()) {
            fail(layer,
                 std::to_string(values.front().size()) + " and " + std::to_string(values.back().size()) + " values",
                 "lists of one length for all variables of a `for`");
        }
        if (values.back().size() > static_cast<std::size_t>(most_iterations)) {
            fail(layer, std::to_string(values.back().size()) + " iterations",
                 "at most " + std::to_string(most_iterations));
        }
    }
    const bool shared = layer.spec->builtin == Builtin::loop;
    for (std::size_t i = 0; i < values.front().size(); ++i) {
        const std::size_t begin = variables_.size();
        for (std::size_t v = 0; v < variables.size(); ++v) variables_.push_back({variables[v].first, values[v][i]});
        builder_.enter(layer.path_name, identity(layer), static_cast<std::int64_t>(i), shared);
        input = apply_block(layers, input);
        builder_.leave();
        variables_.resize(begin);
    }
    return input;
}

void Expander::check_argument(const Layer& layer, const ModuleArgument& spec, const Argument& given,
                              const Datum& value) const {
    using Type = ModuleArgument::Type;
    static constexpr std::string_view descriptions[] = {"a whole number", "a number", "true or false", "a name",
                                                        "a list"};
    const bool good = value.is_none() || (spec.type == Type::whole && value.integer() != nullptr) ||
                      (spec.type == Type::number && value.is_number()) ||
                      (spec.type == Type::flag && value.integer() != nullptr && (*value.integer() | 1) == 1) ||
                      (spec.type == Type::text && value.text() != nullptr) ||
                      (spec.type == Type::list && value.list() != nullptr);
    if (!good) {
        fail_at(given.given ? given.where : layer.where,
                text_of(value) + " for \"" + std::string(text(spec.name)) + "\" of " + layer.module->name,
                std::string(descriptions[static_cast<std::size_t>(spec.type)]));
    }
}

ValueId Expander::tensor_argument(const Argument& given) {
    if (!given.given) return no_id;
    const TensorReference& reference = given.tensors.front();
    const ValueId* found = reference.pop ? nullptr : find_tensor(reference.name);
    return found != nullptr ? *found : tensor(reference);  // a tensor that is none may be handed on as none
}

/// A bare word for a `name` argument is that name, unless it is a variable here.
Datum Expander::name_value(const Expression& expression) const {
    const NameId* single = expression.single_name();
    if (single == nullptr) return expression.evaluate(environment());
    const auto scope = environment().variables;
    const bool variable = std::any_of(scope.begin(), scope.end(), [&](const Binding& b) { return b.name == *single; });
    return variable ? expression.evaluate(environment()) : Datum(std::string(text(*single)));
}

void Expander::bind_arguments(const Layer& layer) {
    // Given arguments are evaluated among the caller's names; then they are the module's only ones, and defaults may
    // speak of them.
    const auto& specs = layer.module->arguments;
    std::vector<Binding> variables;
    std::vector<std::pair<NameId, ValueId>> tensors;
    const auto evaluate = [&](const ModuleArgument& spec, const Argument& given, const Expression& expression) {
        Datum value =
            spec.type == ModuleArgument::Type::text ? name_value(expression) : expression.evaluate(environment());
        check_argument(layer, spec, given, value);
        return Binding{spec.name, std::move(value)};
    };
    for (std::size_t i = 0; i < specs.size(); ++i) {
        const Argument& given = layer.arguments[i];
        if (specs[i].type == ModuleArgument::Type::tensor) {
            tensors.emplace_back(specs[i].name, tensor_argument(given));
        } else if (given.given) {
            variables.push_back(evaluate(specs[i], given, given.expression));
        }
    }
    variables_begin_ = variables_.size();
    tensors_begin_ = tensors_.size();
    variables_.insert(variables_.end(), variables.begin(), variables.end());
    tensors_.insert(tensors_.end(), tensors.begin(), tensors.end());
    for (std::size_t i = 0; i < specs.size(); ++i) {
        const Argument& given = layer.arguments[i];
        if (specs[i].type == ModuleArgument::Type::tensor || given.given) continue;
        variables_.push_back(evaluate(specs[i], given, *specs[i].fallback));
    }
}

ValueId Expander::apply_module(const Layer& layer, ValueId input) {
    const std::size_t variables = variables_.size(), tensors = tensors_.size();
    const std::size_t variables_begin = variables_begin_, tensors_begin = tensors_begin_;
    bind_arguments(layer);
    builder_.enter(layer.path_name, identity(layer));
    ++module_depth_;
    const ValueId result = apply_block(layer.module->layers, input);
    --module_depth_;
    builder_.leave();
    variables_.resize(variables);
    tensors_.resize(tensors);
    variables_begin_ = variables_begin;
    tensors_begin_ = tensors_begin;
    return result;
}

}  // namespace cupola
