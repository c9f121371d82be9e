#pragma once

#include "cupola/workload/descriptor.hpp"
#include "cupola/workload/expand.hpp"
#include "cupola/workload/graph_builder.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cupola {

/// Runs the layers of one stage once, appending to one graph.
class Expander final : public TensorSizes {
public:
    Expander(const Descriptor& descriptor, const ExpandLimits& limits, DataType type);

    void define(NameId variable, Datum value) { variables_.push_back({variable, std::move(value)}); }
    void add_input(NameId name, const Shape& shape, DataType type);
    void set_current(ValueId value) { current_ = value; }
    void run(const std::vector<Layer>& layers);

    /// The finished graph; the current tensor and every `output` are its outputs.
    /// Throws InputError at the stage if a stack still holds tensors.
    [[nodiscard]] Graph finish(const SourcePosition& stage);
    /// Values named by `output` layers, and the last current tensor under "".
    [[nodiscard]] const std::vector<std::pair<std::string, Value>>& outputs() const { return outputs_; }

    // TensorSizes
    [[nodiscard]] std::int64_t size(std::string_view tensor, std::string_view axis) const override;
    [[nodiscard]] bool has(std::string_view tensor) const override;
    [[nodiscard]] bool remembers(std::string_view state) const override;

    // What the builders of single layers use (layers_*.cpp).
    [[nodiscard]] const Argument& argument(const Layer& layer, std::string_view name) const;
    [[nodiscard]] std::int64_t integer(const Layer& layer, std::string_view name, std::int64_t fallback,
                                       std::int64_t min, std::int64_t max = std::int64_t{1} << 40) const;
    [[nodiscard]] bool flag(const Layer& layer, std::string_view name, bool fallback) const;
    /// A name that must be one of the choices; returns its index.
    [[nodiscard]] std::size_t choice(const Layer& layer, std::string_view name, std::size_t fallback,
                                     const std::vector<std::string>& choices) const;
    /// The value of an expression where a bare word that is no variable means itself (an activation, a mode).
    [[nodiscard]] Datum name_value(const Expression& expression) const;
    [[nodiscard]] std::string_view text(NameId name) const { return descriptor_.names.text(name); }
    [[nodiscard]] NameId axis_id(AxisName name) const { return descriptor_.names.find(name.view()); }
    /// The axis name of that identifier; InputError if it is too long.
    [[nodiscard]] AxisName axis_name(NameId name, const SourcePosition& where) const;
    /// The axis that an argument names, or the fallback.
    [[nodiscard]] AxisName axis_argument(const Layer& layer, std::string_view name, std::string_view fallback) const;
    [[nodiscard]] Environment environment() const;
    [[nodiscard]] ValueId tensor(const TensorReference& reference);
    [[nodiscard]] ValueId tensor_or_current(const Layer& layer, std::string_view name, ValueId current);
    [[nodiscard]] const Value& value(ValueId id) const { return builder_.value(id); }
    [[nodiscard]] const Shape& shape(ValueId id) const { return builder_.value(id).shape; }
    /// Index of the axis of that name; InputError naming the tensor's shape if there is none.
    [[nodiscard]] std::size_t axis(const Layer& layer, ValueId tensor, std::string_view name) const;
    [[nodiscard]] std::size_t channels_axis(const Layer& layer, ValueId tensor) const {
        return axis(layer, tensor, "channels");
    }
    /// The result is of the stage's type, or fp32 where an input has been widened.
    ValueId emit(const Layer& layer, const OperatorKind& kind, const std::vector<ValueId>& inputs, const Shape& shape);
    ValueId emit(const Layer& layer, const OperatorKind& kind, const std::vector<ValueId>& inputs, const Shape& shape,
                 DataType type);
    [[noreturn]] void fail(const Layer& layer, std::string found, std::string expected, std::string hint = {}) const;
    [[noreturn]] void fail_at(const SourcePosition& where, std::string found, std::string expected,
                              std::string hint = {}) const;
    [[nodiscard]] std::string describe(ValueId tensor) const;
    /// Where in the module tree the expansion stands, for messages.
    [[nodiscard]] std::string path() const;
    void bind_tensor(NameId name, ValueId value);
    GraphBuilder& builder() { return builder_; }
    [[nodiscard]] DataType type() const { return type_; }
    /// Whether a layer has made it fp32 in a stage of a narrower type.
    [[nodiscard]] bool is_widened(ValueId id) const;

private:
    void run_layer(const Layer& layer);
    /// The result of a layer that reads `input`.
    ValueId apply(const Layer& layer, ValueId input);
    ValueId apply_flow(const Layer& layer, ValueId input);
    ValueId apply_block(const std::vector<Layer>& layers, ValueId input);
    [[nodiscard]] Execution execution_of(const Layer& layer) const;
    ValueId apply_named_block(const Layer& layer, ValueId input);
    ValueId apply_residual(const Layer& layer, ValueId input);
    ValueId apply_for(const Layer& layer, ValueId input);
    ValueId apply_repeat(const Layer& layer, ValueId input);
    ValueId apply_module(const Layer& layer, ValueId input);
    ValueId pop(NameId stack, const SourcePosition& where);
    void bind_arguments(const Layer& layer);
    [[nodiscard]] ValueId tensor_argument(const Argument& given);
    void check_argument(const Layer& layer, const ModuleArgument& spec, const Argument& given,
                        const Datum& value) const;
    [[nodiscard]] std::uint64_t identity(const Layer& layer) const;
    [[nodiscard]] DataType result_type(const Layer& layer, const OperatorKind& kind,
                                       const std::vector<ValueId>& inputs) const;
    void require_current(const Layer& layer, ValueId input) const;
    [[nodiscard]] const ValueId* find_tensor(std::string_view name) const;
    [[nodiscard]] const ValueId* find_tensor(NameId name) const;

    const Descriptor& descriptor_;
    const ExpandLimits& limits_;
    GraphBuilder builder_;
    DataType type_;
    ValueId current_ = no_id;
    std::vector<Binding> variables_;
    std::size_t variables_begin_ = 0;  ///< of the innermost module
    std::vector<std::pair<NameId, ValueId>> tensors_;
    std::size_t tensors_begin_ = 0;
    int module_depth_ = 0;
    std::unordered_map<NameId, std::vector<ValueId>> stacks_;
    std::unordered_map<std::uint64_t, ValueId> states_;
    std::vector<std::pair<std::string, Value>> outputs_;
    std::vector<ValueId> output_ids_;
};

/// Builders of the layers of the language; each returns the result for the input tensor.
[[nodiscard]] ValueId build_shape_layer(Expander& expander, const Layer& layer, ValueId input);
[[nodiscard]] ValueId build_compute_layer(Expander& expander, const Layer& layer, ValueId input);
[[nodiscard]] ValueId build_elementwise_layer(Expander& expander, const Layer& layer, ValueId input);
[[nodiscard]] ValueId build_source_layer(Expander& expander, const Layer& layer, ValueId input);

}  // namespace cupola
