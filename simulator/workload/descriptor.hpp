#pragma once

#include "cupola/units/input_error.hpp"
#include "cupola/workload/expression.hpp"
#include "cupola/workload/graph.hpp"
#include "cupola/workload/layer_spec.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cupola {

struct Layer;

/// A tensor as an argument: a saved name, or the top of a stack.
struct TensorReference {
    NameId name = 0;
    bool pop = false;
    SourcePosition where;
};

/// An argument of a layer as read; which member counts follows from the layer's ArgumentSpec.
struct Argument {
    bool given = false;
    SourcePosition where;
    Expression expression;
    std::vector<NameId> names;
    std::vector<TensorReference> tensors;
    std::vector<std::vector<NameId>> pattern;             ///< axes, each the names of its atoms
    std::vector<std::pair<NameId, Expression>> bindings;  ///< sizes by axis, or values by variable
    std::vector<Layer> layers;
};

/// An argument that a module takes.
struct ModuleArgument {
    enum class Type { whole, number, flag, text, list, tensor };
    NameId name = 0;
    Type type = Type::whole;
    std::optional<Expression> fallback;  ///< absent: required
};

struct Module {
    std::string name, about;
    std::vector<ModuleArgument> arguments;
    std::vector<Layer> layers;
};

/// One item of a list of layers: a layer of the language or a call of a module.
struct Layer {
    const LayerSpec* spec = nullptr;  ///< null for a module
    const Module* module = nullptr;
    std::vector<Argument> arguments;      ///< as spec->arguments, or as module->arguments
    NameId path_name = 0;                 ///< segment in module paths
    bool named = false;                   ///< `name:` was given
    std::optional<TensorReference> from;  ///< reads this instead of the current tensor
    std::optional<NameId> to;             ///< result goes under this name; the current tensor stays
    SourcePosition where;
};

/// A knob of a workload.
struct ParameterDescriptor {
    NameId name = 0;
    Datum fallback;
    std::optional<double> min, max;
    std::optional<std::int64_t> multiple_of;
    std::vector<std::string> one_of;
    std::string unit, about;
    SourcePosition where;
};

/// A tensor that a stage starts from: axes with sizes, or the output of an earlier stage.
struct StageInput {
    NameId name = 0;  ///< interned "" for the current tensor
    std::vector<std::pair<NameId, Expression>> axes;
    Expression type;         ///< empty: the stage's type
    std::string from_stage;  ///< "text_encoder" or "text_encoder.pooled"; empty if axes are given
    SourcePosition where;
};

struct StageDescriptor {
    std::string name, component;
    Expression condition, repeat, type;  ///< each may be empty
    std::vector<std::pair<NameId, Expression>> variables;
    std::vector<StageInput> inputs;
    std::vector<Layer> layers;
    bool new_shapes = false;  ///< see Graph
    int syncs = 0;            ///< see Stage
    SourcePosition where;
};

/// A workload file with the modules it uses, read but not yet expanded.
struct Descriptor {
    std::string name, title, status, about;
    std::vector<std::string> sources;
    std::vector<ParameterDescriptor> parameters;
    std::vector<std::pair<NameId, Expression>> variables;
    std::vector<StageDescriptor> stages;
    std::vector<Expectation> expectations;
    std::vector<std::unique_ptr<Module>> modules;
    Names names;
};

}  // namespace cupola
