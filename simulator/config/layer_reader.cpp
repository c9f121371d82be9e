#include "cupola/config/layer_reader.hpp"

#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace cupola::config {
namespace {

bool is_identifier(std::string_view text) {
    if (text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) != 0) return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

ArgumentKind argument_kind(const Layer& layer, std::size_t i) {
    if (layer.spec != nullptr) return layer.spec->arguments[i].kind;
    return layer.module->arguments[i].type == ModuleArgument::Type::tensor ? ArgumentKind::tensor
                                                                           : ArgumentKind::expression;
}

bool is_activation(const std::string& name) {
    const auto& names = activation_names();
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// The segment of module paths that a layer gets without `name:`.
std::string default_path_name(const Layer& layer, const std::string& kind, const Descriptor& descriptor) {
    if (layer.spec == nullptr) return kind;
    switch (layer.spec->builtin) {
        case Builtin::repeat: return "layer";
        case Builtin::residual: return "add";  // what it emits; it opens a scope only if it is named
        case Builtin::for_each:
        case Builtin::loop: return descriptor.names.text(layer.arguments.front().bindings.front().first);
        default: return kind;
    }
}

/// A scalar, or a list of such in the language's own notation.
std::string expression_text(const Node& node) {
    if (node.is_scalar()) return node.text();
    if (!node.is_sequence()) node.fail(node.description(), "an expression or a list of expressions");
    std::string text = "[";
    for (const Node& item : node.items()) text += (text.size() > 1 ? ", " : "") + expression_text(item);
    return text + "]";
}

}  // namespace

SourcePosition text_position(const Node& node) {
    SourcePosition where = node.position();
    if (node.is_scalar() && node.quoted()) ++where.column;
    return where;
}

void LayerReader::declare(const Module& module, const SourcePosition& where) {
    if (find_layer_spec(module.name) != nullptr || is_activation(module.name)) {
        throw InputError({where, "modules", "\"" + module.name + "\"", "a name that is no layer of the language", ""});
    }
    if (!modules_.try_emplace(module.name, &module).second) {
        throw InputError({where, "modules", "a second module \"" + module.name + "\"", "each name once", ""});
    }
}

Expression LayerReader::read_expression(const Node& node) {
    const std::string text = expression_text(node);
    try {
        return Expression::parse(text, text_position(node), descriptor_.names);
    } catch (const InputError& error) {
        InputFault fault = error.fault();
        fault.key_path = node.key_path();
        throw InputError(std::move(fault));
    }
}

NameId LayerReader::read_name(const Node& node) {
    if (!node.is_scalar() || !is_identifier(node.text())) {
        node.fail(node.description(), "a name: letters, digits and _, not beginning with a digit");
    }
    return intern(node.text());
}

std::vector<std::pair<NameId, Expression>> LayerReader::read_bindings(const Node& node) {
    if (!node.is_map()) node.fail(node.description(), "a map of names to expressions");
    std::vector<std::pair<NameId, Expression>> bindings;
    for (const auto& entry : node.entries()) {
        if (!is_identifier(entry.key)) entry.value.fail("the name \"" + entry.key + "\"", "letters, digits and _");
        bindings.emplace_back(intern(entry.key), read_expression(entry.value));
    }
    return bindings;
}

std::vector<Layer> LayerReader::read_layers(const Node& node) {
    if (!node.is_sequence()) node.fail(node.description(), "a list of layers");
    std::vector<Layer> layers;
    for (const Node& item : node.items()) layers.push_back(read_layer(item));
    return layers;
}

Layer LayerReader::read_layer(const Node& item) {
    std::string kind;
    if (item.is_scalar()) {
        kind = item.text();
    } else if (item.is_map() && !item.entries().empty()) {
        kind = item.entries().front().key;
    } else {
        item.fail(item.description(), "a layer: its name, or a map that begins with it");
    }
    Layer layer;
    layer.where = item.position();
    if (is_activation(kind)) {
        layer.spec = &layer_spec(Builtin::activation);
    } else {
        find_kind(layer, kind, item);
    }
    Given given = collect_arguments(layer, item);
    read_common(layer, given);
    if (is_activation(kind)) {
        layer.arguments.resize(1);
        layer.arguments.front().given = true;
        layer.arguments.front().where = layer.where;
        layer.arguments.front().expression = Expression::parse(kind, layer.where, descriptor_.names);
    } else {
        fill_arguments(layer, given, item);
    }
    if (!layer.named) layer.path_name = intern(default_path_name(layer, kind, descriptor_));
    return layer;
}

void LayerReader::find_kind(Layer& layer, const std::string& kind, const Node& item) {
    layer.spec = find_layer_spec(kind);
    if (layer.spec != nullptr) return;
    const auto module = modules_.find(kind);
    if (module == modules_.end()) {
        std::vector<std::string> known = builtin_layer_names();
        for (const auto& [name, unused] : modules_) known.push_back(name);
        known.insert(known.end(), activation_names().begin(), activation_names().end());
        std::sort(known.begin(), known.end());
        const auto near = closest_name(kind, known);
        item.fail("the layer \"" + kind + "\"", "a layer or a module that `uses:` brings in",
                  near ? "did you mean \"" + *near + "\"?" : "see workloads/README.md for the layers");
    }
    layer.module = module->second;
}

std::vector<std::string> LayerReader::argument_names(const Layer& layer) const {
    std::vector<std::string> names;
    if (layer.spec != nullptr) {
        for (const ArgumentSpec& argument : layer.spec->arguments) names.emplace_back(argument.name);
    } else {
        for (const ModuleArgument& argument : layer.module->arguments)
            names.push_back(descriptor_.names.text(argument.name));
    }
    return names;
}

LayerReader::Given LayerReader::collect_arguments(const Layer& layer, const Node& item) {
    Given given;
    if (item.is_scalar()) return given;
    const std::vector<std::string> names = argument_names(layer);
    const auto entries = item.entries();
    const Node& value = entries.front().value;
    const bool whole = layer.spec != nullptr && layer.spec->whole_value;
    if (value.is_map() && !whole) {
        for (const auto& entry : value.entries()) given.emplace_back(entry.key, entry.value);
    } else if (!value.is_null()) {
        if (names.empty()) value.fail(value.description(), entries.front().key + " without arguments");
        given.emplace_back(names.front(), value);
    }
    for (std::size_t i = 1; i < entries.size(); ++i) {
        const auto twice =
            std::find_if(given.begin(), given.end(), [&](const auto& g) { return g.first == entries[i].key; });
        if (twice != given.end()) entries[i].value.fail("\"" + entries[i].key + "\" twice", "each argument once");
        given.emplace_back(entries[i].key, entries[i].value);
    }
    // `add: {pop: skip}`: the primary argument is a tensor from a stack.
    for (auto& [name, node] : given) {
        if (name == "pop" && !names.empty() &&
            (argument_kind(layer, 0) == ArgumentKind::tensor || argument_kind(layer, 0) == ArgumentKind::tensors)) {
            name = "pop:" + names.front();
        }
    }
    return given;
}

void LayerReader::read_common(Layer& layer, Given& given) {
    for (auto it = given.begin(); it != given.end();) {
        if (it->first == "name") {
            layer.path_name = read_name(it->second);
            layer.named = true;
        } else if (it->first == "from") {
            layer.from = read_tensor(it->second);
        } else if (it->first == "to") {
            layer.to = read_name(it->second);
        } else {
            ++it;
            continue;
        }
        it = given.erase(it);
    }
}

void LayerReader::fill_arguments(Layer& layer, const Given& given, const Node& item) {
    const std::vector<std::string> names = argument_names(layer);
    layer.arguments.resize(names.size());
    for (const auto& [key, node] : given) {
        const bool pop = key.rfind("pop:", 0) == 0;
        const std::string name = pop ? key.substr(4) : key;
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end()) {
            std::vector<std::string> known = names;
            known.insert(known.end(), {"name", "from", "to"});
            node.fail("the argument \"" + key + "\"", "an argument of this layer", suggestion(key, known));
        }
        const auto i = static_cast<std::size_t>(found - names.begin());
        if (layer.arguments[i].given) node.fail("\"" + name + "\" twice", "each argument once");
        if (pop) {
            layer.arguments[i].given = true;
            layer.arguments[i].where = node.position();
            layer.arguments[i].tensors.push_back({read_name(node), true, node.position()});
        } else {
            layer.arguments[i] = read_argument(argument_kind(layer, i), node);
        }
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        const bool required = layer.spec != nullptr ? layer.spec->arguments[i].required
                                                    : !layer.module->arguments[i].fallback.has_value();
        if (required && !layer.arguments[i].given) {
            item.fail("no \"" + names[i] + "\"",
                      "the argument \"" + names[i] + "\" of " +
                          (layer.spec != nullptr ? std::string(layer.spec->name) : layer.module->name));
        }
    }
}

TensorReference LayerReader::read_tensor(const Node& node) {
    if (node.is_map()) {
        node.allow_only({"pop"});
        return {read_name(node.at("pop")), true, node.position()};
    }
    return {read_name(node), false, node.position()};
}

std::vector<std::vector<NameId>> LayerReader::read_pattern(const Node& node) {
    if (!node.is_scalar()) node.fail(node.description(), "axes such as \"batch (height width) channels\"");
    std::vector<std::vector<NameId>> pattern;
    bool folded = false;
    std::string word;
    const auto fail = [&] { node.fail(node.description(), "axes such as \"batch (height width) channels\""); };
    const auto end_word = [&] {
        if (word.empty()) return;
        if (!is_identifier(word) && (word != "..." || folded)) fail();
        if (!folded) pattern.emplace_back();
        pattern.back().push_back(intern(word));
        word.clear();
    };
    for (const char c : node.text()) {
        if (c == '(' || c == ')') {
            end_word();
            if (folded == (c == '(')) fail();
            if (folded && pattern.back().empty()) fail();
            folded = c == '(';
            if (folded) pattern.emplace_back();
        } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            end_word();
        } else {
            word += c;
        }
    }
    end_word();
    if (folded || pattern.empty()) fail();
    return pattern;
}

Argument LayerReader::read_argument(ArgumentKind kind, const Node& node) {
    Argument argument;
    argument.given = true;
    argument.where = node.position();
    const auto each = [&](auto&& read) {
        if (!node.is_sequence()) return read(node);
        for (const Node& item : node.items()) read(item);
        if (node.items().empty()) node.fail(node.description(), "at least one name");
    };
    switch (kind) {
        case ArgumentKind::expression: argument.expression = read_expression(node); break;
        case ArgumentKind::name: argument.names.push_back(read_name(node)); break;
        case ArgumentKind::names: each([&](const Node& item) { argument.names.push_back(read_name(item)); }); break;
        case ArgumentKind::tensor: argument.tensors.push_back(read_tensor(node)); break;
        case ArgumentKind::tensors:
            each([&](const Node& item) { argument.tensors.push_back(read_tensor(item)); });
            break;
        case ArgumentKind::pattern: argument.pattern = read_pattern(node); break;
        case ArgumentKind::sizes:
        case ArgumentKind::bindings:
            argument.bindings = read_bindings(node);
            if (argument.bindings.empty()) node.fail(node.description(), "at least one name");
            break;
        case ArgumentKind::layers: argument.layers = read_layers(node); break;
    }
    return argument;
}

}  // namespace cupola::config
