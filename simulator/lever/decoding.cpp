#include "cupola/lever/decoding.hpp"

#include "cupola/workload/graph_edit.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

/// Whether the pass appends to a cache that held tokens before.
bool continues_a_text(const Graph& graph) {
    bool appends = false, looks_back = false;
    for (const Operator& op : graph.operators) {
        appends = appends || std::holds_alternative<CacheAppend>(op.kind);
        const auto* attention = std::get_if<Attention>(&op.kind);
        looks_back = looks_back || (attention != nullptr && attention->causal && attention->keys > attention->queries);
    }
    return appends && looks_back;
}

/// The graph's layers, of which `exit` leaves some on either side.
std::vector<LayerRange> layers_around(const Graph& graph, std::int64_t exit, std::string_view lever) {
    std::vector<LayerRange> layers = main_layers(graph);
    const auto count = static_cast<std::int64_t>(layers.size());
    if (exit < 1 || exit >= count) {
        does_not_apply(lever, "exit behind layer " + std::to_string(exit),
                       count > 1 ? "one from 1 to " + std::to_string(count - 1) + ", before the last layer"
                                 : "a model of more than one layer");
    }
    return layers;
}

ValueId hidden_state(const Graph& graph, const LayerRange& layer) { return handed_on(graph, layer, layer.end); }

/// Embedding and layers 0 … exit-1 alone; the pass's only output is the hidden state.
Graph first_layers(const Graph& graph, const std::vector<LayerRange>& layers, std::size_t exit) {
    GraphEdit edit(graph);
    const ValueId hidden = hidden_state(graph, layers[exit - 1]);
    for (std::uint32_t i = layers[exit].begin; i < edit.original_count(); ++i) edit.remove(i);
    edit.end_with(hidden);
    return edit.take();
}

/// Layers exit … and what stands behind them; the first input is their hidden state.
Graph last_layers(const Graph& graph, const std::vector<LayerRange>& layers, std::size_t exit) {
    GraphEdit edit(graph);
    for (std::uint32_t i = 0; i < layers[exit].begin; ++i) edit.remove(i);
    return edit.take();
}

Shape with_tokens(const Shape& shape, std::int64_t tokens) {
    Shape result = shape;
    const int axis = shape.find_axis("tokens");
    if (axis >= 0) result.replace_axis(static_cast<std::size_t>(axis), AxisName("tokens"), tokens);
    return result;
}

/// Joins the hidden states that drafting has kept with the newest one.
ValueId insert_join(GraphEdit& edit, std::uint32_t before, ValueId newest, std::int64_t kept) {
    const Value value = edit.value(newest);
    const ValueId queries = edit.add_input(with_tokens(value.shape, kept), value.type);
    const std::array<ValueId, 2> inputs{queries, newest};
    return edit.insert(before, no_id, "exit_query_cache", Cat{}, inputs, with_tokens(value.shape, kept + 1),
                       value.type);
}

}  // namespace

std::size_t decode_stage(const Workload& workload, std::string_view lever) {
    for (std::size_t i = workload.stages.size(); i-- > 0;) {
        const Stage& stage = workload.stages[i];
        if (!stage.passes.empty() && continues_a_text(stage.passes.back().graph)) return i;
    }
    does_not_apply(lever, workload.name, "a model that decodes token by token with a cache, and tokens to decode");
}

Stage decode_in_passes_of(const LeverContext& context, std::string_view lever, std::int64_t tokens) {
    const auto& parameters = context.workload.parameters;
    const bool known = std::any_of(parameters.begin(), parameters.end(),
                                   [](const ParameterSetting& p) { return p.name == "pass_tokens"; });
    if (!known) {
        does_not_apply(lever, context.workload.name,
                       "a model with a parameter pass_tokens, whose decoding passes can read several tokens");
    }
    Workload wide = context.expand_with({{"pass_tokens", std::to_string(tokens)}});
    return std::move(wide.stages[decode_stage(wide, lever)]);
}

Graph exited_early(const Graph& graph, std::int64_t exit, std::string_view lever) {
    const auto layers = layers_around(graph, exit, lever);
    const auto index = static_cast<std::size_t>(exit);
    GraphEdit edit(graph);
    edit.redirect(hidden_state(graph, layers.back()), hidden_state(graph, layers[index - 1]), layers.back().end);
    for (std::uint32_t i = layers[index].begin; i < layers.back().end; ++i) edit.remove(i);
    return edit.take();
}

Graph with_comparison(const Graph& graph, std::int64_t draft) {
    GraphEdit edit(graph);
    Shape tokens, one;
    tokens.push_axis(AxisName("tokens"), draft);
    one.push_axis(AxisName("tokens"), 1);
    const std::uint32_t end = edit.original_count();
    const auto put = [&](const OperatorKind& kind, std::initializer_list<ValueId> inputs, const Shape& shape) {
        return edit.insert(end, no_id, "compare", kind, {inputs.begin(), inputs.size()}, shape, DataType::int64);
    };
    const ValueId drafted = edit.add_input(tokens, DataType::int64);
    const ValueId verified = graph.outputs.empty() ? graph.operators.back().output : graph.outputs.front();
    const ValueId equal = put(Elementwise{ElementwiseKind::subtract}, {verified, drafted}, tokens);
    const ValueId unequal = put(Elementwise{ElementwiseKind::offset}, {equal}, tokens);
    const ValueId misses = put(Reduction{ReductionKind::sum, 1, draft}, {unequal}, tokens);
    const ValueId accepted = put(Elementwise{ElementwiseKind::clamp}, {misses}, tokens);
    edit.keep(put(Reduction{ReductionKind::sum, 1, draft}, {accepted}, one));
    return edit.take();
}

Graph with_cropped_caches(const Graph& graph) {
    GraphEdit edit(graph);
    for (std::uint32_t i = 0; i < edit.original_count(); ++i) {
        if (!std::holds_alternative<CacheAppend>(graph.operators[i].kind)) continue;
        const std::array<ValueId, 1> cache{graph.operators[i].output};
        const Value value = graph.values[cache[0]];
        edit.keep(edit.insert(edit.original_count(), no_id, "crop", Slice{}, cache, value.shape, value.type));
    }
    return edit.take();
}

Graph self_draft(const Graph& one, std::int64_t exit, std::int64_t draft, std::string_view lever) {
    const Graph early = exited_early(one, exit, lever);
    const LayerRange last = main_layers(early).back();
    GraphEdit edit(early);
    // Half of the draft is there on average.
    edit.keep(insert_join(edit, last.end, hidden_state(early, last), std::max<std::int64_t>(1, draft / 2)));
    return edit.take();
}

Graph self_verify(const Graph& one, const Graph& many, std::int64_t exit, std::int64_t draft, std::string_view lever) {
    const auto layers = layers_around(one, exit, lever);
    const auto index = static_cast<std::size_t>(exit);
    GraphEdit early(first_layers(one, layers, index));
    const ValueId newest = early.graph().outputs.front();
    const ValueId all = insert_join(early, early.original_count(), newest, draft);
    early.redirect(newest, all, early.original_count());
    const Graph front = early.take();
    const Graph back = last_layers(many, main_layers(many), index);
    const std::array<std::pair<ValueId, ValueId>, 1> link{
        {{back.inputs(back.operators.front()).front(), front.outputs.front()}}};
    return with_cropped_caches(with_comparison(concatenated(front, back, link), draft));
}

}  // namespace cupola
