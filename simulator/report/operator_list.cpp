#include "cupola/report/describe.hpp"
#include "cupola/report/json.hpp"
#include "cupola/report/report.hpp"

#include <fmt/format.h>

#include <iterator>

namespace cupola {
namespace {

std::int64_t parameters_in(const Graph& graph, const Operator& op) {
    return op.weight == no_id ? 0 : graph.weights[op.weight].parameters;
}

double operator_flops(const Graph& graph, const Operator& op) {
    return flops_of(op.kind, static_cast<double>(graph.output(op).shape.elements()));
}

std::string inputs_text(const Graph& graph, const Operator& op) {
    std::string text;
    for (const ValueId id : graph.inputs(op)) {
        if (!text.empty()) text += ';';
        text += graph.values[id].shape.sizes();
    }
    return text;
}

/// "bf16": of the result; empty for an operator without one.
std::string_view type_of(const Graph& graph, const Operator& op) {
    return op.output == no_id ? "" : name_of(graph.output(op).type);
}

std::string output_text(const Graph& graph, const Operator& op) {
    return op.output == no_id ? "" : graph.output(op).shape.sizes();
}

json inputs_json(const Graph& graph, const Operator& op) {
    json inputs = json::array();
    for (const ValueId id : graph.inputs(op)) inputs.push_back(graph.values[id].shape.sizes());
    return inputs;
}

/// Calls `visit(stage, pass, index, graph, op)` for every operator of every pass in order.
template <typename Visit>
void each_operator(const std::vector<PassReference>& passes, const Visit& visit) {
    for (const PassReference& pass : passes) {
        const Graph& graph = pass.graph();
        for (std::size_t i = 0; i < graph.operators.size(); ++i) {
            visit(pass.stage->name, pass.pass, i, graph, graph.operators[i]);
        }
    }
}

}  // namespace

std::string operators_text(const std::vector<PassReference>& passes) {
    std::string text =
        "stage\tpass\tindex\tmodule\toperator\tinputs\toutput\ttype\tparameters\tmacs\tflops\tbytes\tattributes\n";
    each_operator(
        passes, [&](const std::string& stage, std::size_t pass, std::size_t i, const Graph& graph, const Operator& op) {
            fmt::format_to(std::back_inserter(text), "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:.0f}\t{:.0f}\t{:.0f}\t{}\n",
                           stage, pass, i, graph.path(op.scope), name_of(op.kind), inputs_text(graph, op),
                           output_text(graph, op), type_of(graph, op), parameters_in(graph, op), macs_of(op.kind),
                           operator_flops(graph, op), graph.bytes(op), attributes_text(op.kind));
        });
    return text;
}

std::string operators_json(const std::vector<PassReference>& passes) {
    json list = json::array();
    each_operator(
        passes, [&](const std::string& stage, std::size_t pass, std::size_t i, const Graph& graph, const Operator& op) {
            list.push_back({{"stage", stage},
                            {"pass", pass},
                            {"index", i},
                            {"module", graph.path(op.scope)},
                            {"operator", name_of(op.kind)},
                            {"inputs", inputs_json(graph, op)},
                            {"output", output_text(graph, op)},
                            {"type", type_of(graph, op)},
                            {"parameters", parameters_in(graph, op)},
                            {"macs", whole_json(macs_of(op.kind))},
                            {"flops", whole_json(operator_flops(graph, op))},
                            {"bytes", whole_json(graph.bytes(op))},
                            {"attributes", attributes_text(op.kind)}});
        });
    return list.dump(2) + "\n";
}

}  // namespace cupola
