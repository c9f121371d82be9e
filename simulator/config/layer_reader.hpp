#pragma once

#include "cupola/config/node.hpp"
#include "cupola/workload/descriptor.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cupola::config {

/// Turns YAML into the layers of the descriptor language. Knows the modules by name, so that a call can be checked
/// where it stands.
class LayerReader {
public:
    explicit LayerReader(Descriptor& descriptor) : descriptor_(descriptor) {}

    /// Makes a module known; its layers are read later. Throws if the name is taken.
    void declare(const Module& module, const SourcePosition& where);

    [[nodiscard]] std::vector<Layer> read_layers(const Node& node);
    [[nodiscard]] Expression read_expression(const Node& node);
    [[nodiscard]] NameId read_name(const Node& node);
    [[nodiscard]] NameId intern(std::string_view text) { return descriptor_.names.intern(text); }
    /// {name: expression, …}
    [[nodiscard]] std::vector<std::pair<NameId, Expression>> read_bindings(const Node& node);

private:
    using Given = std::vector<std::pair<std::string, Node>>;

    Layer read_layer(const Node& item);
    void find_kind(Layer& layer, const std::string& kind, const Node& item);
    [[nodiscard]] Given collect_arguments(const Layer& layer, const Node& item);
    [[nodiscard]] std::vector<std::string> argument_names(const Layer& layer) const;
    void read_common(Layer& layer, Given& given);
    void fill_arguments(Layer& layer, const Given& given, const Node& item);
    [[nodiscard]] Argument read_argument(ArgumentKind kind, const Node& node);
    [[nodiscard]] TensorReference read_tensor(const Node& node);
    [[nodiscard]] std::vector<std::vector<NameId>> read_pattern(const Node& node);

    Descriptor& descriptor_;
    std::unordered_map<std::string, const Module*> modules_;
};

/// Where an expression's text begins: after the quote of a quoted scalar.
[[nodiscard]] SourcePosition text_position(const Node& node);

}  // namespace cupola::config
