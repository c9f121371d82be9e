// Control flow of the descriptor language: lists of layers, blocks, loops, conditions, calls of modules.
#include "cupola/workload/expander.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

bool is_flow(Builtin builtin) { return builtin <= Builtin::recall; }
bool is_shape(Builtin builtin) { return builtin >= Builtin::rearrange && builtin <= Builtin::pixel_unshuffle; }
bool is_source(Builtin builtin) { return builtin >= Builtin::embedding; }
bool is_elementwise(Builtin builtin) {
    return (builtin >= Builtin::add && builtin <= Builtin::narrow) ||
           (builtin >= Builtin::activation && builtin <= Builtin::glu);
}

constexpr std::int64_t most_iterations = 100'000;

}  // namespace

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
        case Builtin::block: return apply_named_block(layer, input);
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

/// What `runs` of a block names: a word, or a variable that holds one.
Execution Expander::execution_of(const Layer& layer) const {
    const Argument& runs = argument(layer, "runs");
    if (!runs.given) return Execution::captured;
    constexpr std::array<std::string_view, 3> names{"captured", "compiled", "eager"};
    const Datum value = name_value(runs.expression);
    const std::string* text = value.text();
    const auto found = text == nullptr ? names.end() : std::find(names.begin(), names.end(), *text);
    if (found == names.end()) fail_at(runs.where, text_of(value), "captured, compiled or eager");
    return static_cast<Execution>(found - names.begin());
}

ValueId Expander::apply_named_block(const Layer& layer, ValueId input) {
    builder_.enter(layer.path_name, identity(layer));
    const Execution outer = builder_.execution_limit();
    builder_.limit_execution(std::max(outer, execution_of(layer)));
    const ValueId result = apply_block(argument(layer, "layers").layers, input);
    builder_.limit_execution(outer);
    builder_.leave();
    return result;
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
