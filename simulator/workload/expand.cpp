#include "cupola/workload/expand.hpp"

#include "cupola/units/suggest.hpp"
#include "cupola/workload/expander.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

namespace cupola {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;
using Outputs = std::map<std::string, Value>;  ///< "stage" and "stage.name" of the stages so far

// ---------------------------------------------------------------------------------------------- parameters

[[noreturn]] void refuse(const ParameterDescriptor& parameter, const std::string& name, const std::string& found,
                         const std::string& expected) {
    throw InputError({SourcePosition{}, "--set " + name, "\"" + found + "\"", expected,
                      parameter.about.empty() ? "" : name + " is: " + parameter.about});
}

/// A number as a user writes it, whole or real.
std::optional<Datum> parse_number(const std::string& text) {
    const char* first = text.data();
    const char* last = first + text.size();
    std::int64_t whole = 0;
    if (const auto [end, error] = std::from_chars(first, last, whole); error == std::errc{} && end == last)
        return Datum(whole);
    double real = 0;
    if (const auto [end, error] = std::from_chars(first, last, real);
        error == std::errc{} && end == last && std::isfinite(real)) {
        return Datum(real);
    }
    return std::nullopt;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::string plain(const Datum& datum) { return datum.text() != nullptr ? *datum.text() : text_of(datum); }

std::string range_text(const ParameterDescriptor& parameter) {
    if (!parameter.one_of.empty()) return joined(parameter.one_of);
    std::string text;
    if (parameter.min) text = "from " + text_of(Datum(*parameter.min));
    if (parameter.max) text += (text.empty() ? "up to " : " to ") + text_of(Datum(*parameter.max));
    if (parameter.multiple_of)
        text += (text.empty() ? "" : ", ") + std::string("a multiple of ") + std::to_string(*parameter.multiple_of);
    return text;
}

Datum parse_setting(const ParameterDescriptor& parameter, const std::string& name, const std::string& text) {
    if (!parameter.one_of.empty()) {
        if (std::find(parameter.one_of.begin(), parameter.one_of.end(), text) == parameter.one_of.end()) {
            refuse(parameter, name, text, "one of " + joined(parameter.one_of));
        }
        return Datum(text);
    }
    const auto number = parse_number(text);
    const bool whole = parameter.fallback.integer() != nullptr;
    if (!number || (whole && number->integer() == nullptr))
        refuse(parameter, name, text, whole ? "a whole number" : "a number");
    const double value = number->number();
    if ((parameter.min && value < *parameter.min) || (parameter.max && value > *parameter.max)) {
        refuse(parameter, name, text, "a value " + range_text(parameter));
    }
    if (parameter.multiple_of && *number->integer() % *parameter.multiple_of != 0) {
        refuse(parameter, name, text, "a multiple of " + std::to_string(*parameter.multiple_of));
    }
    return whole ? *number : Datum(value);
}

void refuse_unknown_settings(const Descriptor& descriptor, const Settings& settings) {
    std::vector<std::string> names;
    for (const auto& parameter : descriptor.parameters) names.push_back(descriptor.names.text(parameter.name));
    std::set<std::string> seen;
    for (const auto& [name, value] : settings) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            throw InputError({SourcePosition{}, "--set", "\"" + name + "\"", "a parameter of " + descriptor.name,
                              suggestion(name, names)});
        }
        if (!seen.insert(name).second) {
            throw InputError({SourcePosition{}, "--set " + name, "two values", "one", ""});
        }
    }
}

std::vector<Binding> fix_parameters(const Descriptor& descriptor, const Settings& settings, Workload& workload) {
    refuse_unknown_settings(descriptor, settings);
    std::vector<Binding> variables;
    for (const ParameterDescriptor& parameter : descriptor.parameters) {
        const std::string& name = descriptor.names.text(parameter.name);
        const auto given =
            std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.first == name; });
        const bool is_default = given == settings.end();
        Datum value = is_default ? parameter.fallback : parse_setting(parameter, name, given->second);
        ParameterSetting setting;
        setting.name = name;
        setting.value = plain(value);
        setting.fallback = plain(parameter.fallback);
        setting.range = range_text(parameter);
        setting.unit = parameter.unit;
        setting.about = parameter.about;
        setting.is_default = is_default;
        workload.parameters.push_back(std::move(setting));
        variables.push_back({parameter.name, std::move(value)});
    }
    for (const auto& [name, expression] : descriptor.variables) {
        Datum value = expression.evaluate({variables, &descriptor.names, nullptr});
        variables.push_back({name, std::move(value)});
    }
    return variables;
}

// ---------------------------------------------------------------------------------------------- steps

/// A step at which to expand a stage, and how many steps it stands for.
struct Node {
    std::int64_t step = 0;
    double count = 1;
    std::vector<Binding> variables;
};

/// Steps whose stage variables are equal share one node, at the first of them. The last step counts for what `repeat`
/// has of it.
std::vector<Node> distinct_steps(const StageDescriptor& stage, const Descriptor& descriptor,
                                 const std::vector<Binding>& globals, NameId step_name, double repeat) {
    std::vector<Node> nodes;
    std::map<std::string, std::size_t> known;
    for (std::int64_t step = 0; static_cast<double>(step) < repeat; ++step) {
        std::vector<Binding> scope = globals;
        scope.push_back({step_name, Datum(step)});
        std::vector<Binding> variables;
        std::string key;
        for (const auto& [name, expression] : stage.variables) {
            Datum value = expression.evaluate({scope, &descriptor.names, nullptr});
            key += text_of(value) + ';';
            scope.push_back({name, value});
            variables.push_back({name, std::move(value)});
        }
        const double count = std::min(1.0, repeat - static_cast<double>(step));
        const auto [found, inserted] = known.try_emplace(std::move(key), nodes.size());
        if (inserted) {
            nodes.push_back({step, count, std::move(variables)});
        } else {
            nodes[found->second].count += count;
        }
    }
    return nodes;
}

/// Whether a variable is a number that moves by the same amount with every step.
bool is_linear(const std::vector<Node>& nodes, std::size_t variable) {
    const auto value = [&](const Node& node) { return node.variables[variable].value; };
    if (!std::all_of(nodes.begin(), nodes.end(), [&](const Node& node) { return value(node).is_number(); }))
        return false;
    const Node &first = nodes.front(), &last = nodes.back();
    const double slope = (value(last).number() - value(first).number()) / static_cast<double>(last.step - first.step);
    return std::all_of(nodes.begin(), nodes.end(), [&](const Node& node) {
        const double line = value(first).number() + slope * static_cast<double>(node.step - first.step);
        return std::abs(value(node).number() - line) <= 1e-9 * (1.0 + std::abs(line));
    });
}

/// Keeps a few of many steps that differ only linearly: nodes spread evenly, each weighted by the integral of its
/// piecewise linear hat over the steps. Sums of what is linear in the step between nodes stay exact.
void append_interpolated(const std::vector<Node>& all, std::vector<Node>& nodes) {
    if (all.size() <= interpolation_nodes) {
        nodes.insert(nodes.end(), all.begin(), all.end());
        return;
    }
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < interpolation_nodes; ++i)
        at.push_back(i * (all.size() - 1) / (interpolation_nodes - 1));
    const std::size_t begin = nodes.size();
    for (const std::size_t index : at) {
        nodes.push_back(all[index]);
        nodes.back().count = 0;
    }
    for (std::size_t i = 0, segment = 0; i < all.size(); ++i) {
        while (segment + 2 < at.size() && i > at[segment + 1]) ++segment;
        const std::int64_t left = all[at[segment]].step, right = all[at[segment + 1]].step;
        const double share = static_cast<double>(all[i].step - left) / static_cast<double>(right - left);
        nodes[begin + segment].count += all[i].count * (1.0 - share);
        nodes[begin + segment + 1].count += all[i].count * share;
    }
}

/// Steps that agree in every variable that is not linear in the step (a switch, a chunk number) are one class;
/// interpolation never crosses from one class to another.
std::vector<Node> interpolated(const std::vector<Node>& all) {
    std::vector<bool> linear;
    for (std::size_t i = 0; i < all.front().variables.size(); ++i) linear.push_back(is_linear(all, i));
    std::map<std::string, std::size_t> known;
    std::vector<std::vector<Node>> classes;
    for (const Node& node : all) {
        std::string key;
        for (std::size_t i = 0; i < linear.size(); ++i) {
            if (!linear[i]) key += text_of(node.variables[i].value) + ';';
        }
        const auto [found, inserted] = known.try_emplace(std::move(key), classes.size());
        if (inserted) classes.emplace_back();
        classes[found->second].push_back(node);
    }
    std::vector<Node> nodes;
    for (const auto& members : classes) append_interpolated(members, nodes);
    std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.step < b.step; });
    return nodes;
}

std::vector<Node> plan_steps(const StageDescriptor& stage, const Descriptor& descriptor,
                             const std::vector<Binding>& globals, NameId step_name) {
    double repeat = 1;
    if (!stage.repeat.empty()) {
        const Datum value = stage.repeat.evaluate({globals, &descriptor.names, nullptr});
        if (!value.is_number() || value.number() < 0 || value.number() > 1e6) {
            throw InputError({stage.repeat.where(), "stages." + stage.name + ".repeat", text_of(value),
                              "a number from 0 to 1000000", ""});
        }
        repeat = value.number();
    }
    const bool varies = std::any_of(stage.variables.begin(), stage.variables.end(),
                                    [&](const auto& variable) { return variable.second.mentions(step_name); });
    if (repeat == 0) return {};
    std::vector<Node> nodes = distinct_steps(stage, descriptor, globals, step_name, varies ? repeat : 1.0);
    if (nodes.size() > max_distinct_passes) return interpolated(nodes);
    if (!varies) nodes.front().count = repeat;
    return nodes;
}

// ---------------------------------------------------------------------------------------------- stages

DataType evaluate_type(const Expression& expression, const Environment& environment, DataType fallback) {
    if (expression.empty()) return fallback;
    std::string name;
    if (const NameId* single = expression.single_name()) name = environment.names->text(*single);
    if (const auto type = parse_data_type(name)) return *type;
    const auto variable = std::any_of(environment.variables.begin(), environment.variables.end(),
                                      [&](const Binding& b) { return environment.names->text(b.name) == name; });
    const Datum value = name.empty() || variable ? expression.evaluate(environment) : Datum(name);
    const auto type = value.text() != nullptr ? parse_data_type(*value.text()) : std::nullopt;
    if (!type) {
        throw InputError(
            {expression.where(), "", text_of(value), "a data type: " + std::string(data_type_names()), ""});
    }
    return *type;
}

/// The type of a stage without its own: the workload's parameter `dtype` if there is one, else fp16.
DataType default_type(const Descriptor& descriptor, const std::vector<Binding>& variables) {
    for (const Binding& binding : variables) {
        if (descriptor.names.text(binding.name) != "dtype" || binding.value.text() == nullptr) continue;
        if (const auto type = parse_data_type(*binding.value.text())) return *type;
    }
    return DataType::fp16;
}

Value stage_input(const StageInput& input, const Environment& environment, DataType type, const Outputs& outputs) {
    if (!input.from_stage.empty()) {
        const auto found = outputs.find(input.from_stage);
        if (found != outputs.end()) return found->second;
        std::vector<std::string> known;
        for (const auto& [name, value] : outputs) known.push_back(name);
        throw InputError({input.where, "", "\"" + input.from_stage + "\"",
                          "an earlier stage that runs, or stage.output", suggestion(input.from_stage, known)});
    }
    Value value;
    value.type = evaluate_type(input.type, environment, type);
    for (const auto& [axis, expression] : input.axes) {
        const std::string& name = environment.names->text(axis);
        if (name.size() > AxisName::max_length || value.shape.atom_count() == Shape::max_atoms) {
            throw InputError(
                {input.where, "", "axis \"" + name + "\"", "at most 8 axes with names of at most 15 characters", ""});
        }
        value.shape.push_axis(AxisName(name),
                              evaluate_integer(expression, environment, name, 1, std::int64_t{1} << 40));
    }
    return value;
}

/// Makes errors of a stage's expansion begin their path with the stage, and those of expressions name their module.
[[noreturn]] void rethrow_in_stage(const InputError& error, const StageDescriptor& stage, const std::string& module) {
    InputFault fault = error.fault();
    if (fault.key_path.empty()) fault.key_path = module;
    fault.key_path = stage.name + (fault.key_path.empty() ? "" : "." + fault.key_path);
    throw InputError(std::move(fault));
}

/// Expands one step of a stage and books its outputs.
Graph expand_step(const Descriptor& descriptor, const StageDescriptor& stage, const std::vector<Binding>& variables,
                  const ExpandLimits& limits, const Graph* step_before, Outputs& outputs) {
    const Environment environment{variables, &descriptor.names, nullptr};
    const DataType type = evaluate_type(stage.type, environment, default_type(descriptor, variables));
    Expander expander(descriptor, limits, type);
    if (step_before != nullptr) expander.builder().reserve_like(*step_before);
    Graph graph;
    try {
        for (const Binding& binding : variables) expander.define(binding.name, binding.value);
        for (const StageInput& input : stage.inputs) {
            const Value value = stage_input(input, environment, type, outputs);
            expander.add_input(input.name, value.shape, value.type);
        }
        expander.run(stage.layers);
        graph = expander.finish(stage.where);
        graph.new_shapes = stage.new_shapes;
    } catch (const InputError& error) {
        rethrow_in_stage(error, stage, expander.path());
    }
    for (const auto& [name, value] : expander.outputs()) {
        outputs.insert_or_assign(name.empty() ? stage.name : stage.name + "." + name, value);
    }
    return graph;
}

std::optional<Stage> expand_stage(const Descriptor& descriptor, const StageDescriptor& stage,
                                  const std::vector<Binding>& globals, NameId step_name, ExpandLimits& limits,
                                  Outputs& outputs) {
    if (!stage.condition.empty() && !evaluate_condition(stage.condition, {globals, &descriptor.names, nullptr})) {
        return std::nullopt;
    }
    Stage result;
    result.name = stage.name;
    result.component = stage.component;
    result.syncs = stage.syncs;
    std::vector<Node> nodes = plan_steps(stage, descriptor, globals, step_name);
    result.passes.reserve(nodes.size());
    for (Node& node : nodes) {
        std::vector<Binding> variables = globals;
        variables.insert(variables.end(), node.variables.begin(), node.variables.end());
        Pass pass;
        pass.count = node.count;
        pass.first_step = node.step;
        const Graph* step_before = result.passes.empty() ? nullptr : &result.passes.back().graph;
        pass.graph = expand_step(descriptor, stage, variables, limits, step_before, outputs);
        limits.operators -= std::min(limits.operators, pass.graph.operators.size());
        result.passes.push_back(std::move(pass));
    }
    return result;
}

/// Every component's parameters once, over all its stages and passes. InputError where two stages mean different
/// weights by one name.
std::vector<Component> collect_components(const std::vector<Stage>& stages) {
    constexpr std::int64_t most = 1'000'000'000'000'000'000;
    std::vector<Component> components;
    std::map<std::string, std::unordered_map<std::uint64_t, std::int64_t>> seen;
    for (const Stage& stage : stages) {
        auto found = std::find_if(components.begin(), components.end(),
                                  [&](const Component& component) { return component.name == stage.component; });
        if (found == components.end()) found = components.insert(components.end(), Component{stage.component, 0, 0});
        auto& known = seen[stage.component];
        for (const Pass& pass : stage.passes) {
            for (const Weight& weight : pass.graph.weights) {
                const auto [entry, inserted] = known.try_emplace(weight.key, weight.parameters);
                if (!inserted && entry->second != weight.parameters) {
                    throw InputError({SourcePosition{}, stage.name,
                                      std::to_string(weight.parameters) + " parameters that another stage of \"" +
                                          stage.component + "\" has with " + std::to_string(entry->second),
                                      "the same layers in stages of one component",
                                      "give layers that differ a `name:`"});
                }
                if (!inserted) continue;
                found->parameters = std::min(most, found->parameters + weight.parameters);
                found->weight_bytes += memory_bytes(weight);
            }
        }
    }
    return components;
}

}  // namespace

Workload expand(Descriptor& descriptor, const Settings& settings, const ExpandLimits& limits) {
    Workload workload;
    workload.name = descriptor.name;
    workload.title = descriptor.title;
    workload.status = descriptor.status;
    workload.sources = descriptor.sources;
    workload.expectations = descriptor.expectations;
    const std::vector<Binding> globals = fix_parameters(descriptor, settings, workload);
    const NameId step_name = descriptor.names.intern("step");
    ExpandLimits left = limits;
    Outputs outputs;
    for (const StageDescriptor& stage : descriptor.stages) {
        auto expanded = expand_stage(descriptor, stage, globals, step_name, left, outputs);
        if (expanded) workload.stages.push_back(std::move(*expanded));
    }
    workload.components = collect_components(workload.stages);
    return workload;
}

}  // namespace cupola
