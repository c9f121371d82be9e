#include "cupola/lever/step_cache.hpp"

#include "cupola/workload/graph_edit.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

template <typename Kind>
bool is(const Operator& op) {
    return std::holds_alternative<Kind>(op.kind);
}

/// Where the way up of a UNet meets a skip.
struct SkipJoin {
    ValueId from_below = no_id, skip = no_id;
};

/// The operator whose result a value is, but for a factor or a view of it; no_id for inputs.
std::uint32_t source_of(const Graph& graph, ValueId value) {
    for (;;) {
        const std::uint32_t producer = graph.values[value].producer;
        if (producer == no_id) return no_id;
        const Operator& op = graph.operators[producer];
        const bool alters = is<Elementwise>(op) || is<Rearrange>(op) || is<Contiguous>(op);
        if (!alters || op.input_count != 1) return producer;
        value = graph.inputs(op).front();
    }
}

/// The joins of images or videos with skips on the way up, in order: the loop "up" among the main layers. Of the two
/// tensors the one made last came up from below; the other is from before the way up.
std::vector<SkipJoin> skip_joins(const Graph& graph) {
    std::vector<SkipJoin> joins;
    std::uint32_t way_up = no_id;
    for (const LayerRange& layer : main_layers(graph)) {
        if (!graph.scopes[layer.scope].name.starts_with("up.")) continue;
        way_up = std::min(way_up, layer.begin);
        for (std::uint32_t i = layer.begin; i < layer.end; ++i) {
            const Operator& op = graph.operators[i];
            if (!is<Cat>(op) || op.input_count != 2 || graph.output(op).shape.rank() < 4) continue;
            SkipJoin join{graph.inputs(op)[0], graph.inputs(op)[1]};
            if (source_of(graph, join.skip) > source_of(graph, join.from_below)) std::swap(join.skip, join.from_below);
            if (source_of(graph, join.skip) < way_up) joins.push_back(join);
        }
    }
    return joins;
}

/// A chain of blocks with its first and last hidden state.
struct Chain {
    std::vector<LayerRange> blocks;
    ValueId in = no_id, out = no_id;
};

/// The tensor from before the chain that its operators read and that is as large as its result.
ValueId entry_of(const Graph& graph, const LayerRange& chain, const Shape& like) {
    for (std::uint32_t i = chain.begin; i < chain.end; ++i) {
        for (const ValueId input : graph.inputs(graph.operators[i])) {
            const std::uint32_t producer = graph.values[input].producer;
            const bool before = producer == no_id || producer < chain.begin;
            if (before && graph.values[input].shape.sizes() == like.sizes()) return input;
        }
    }
    return no_id;
}

std::optional<Chain> chain_of(const Graph& graph) {
    const bool decodes = std::any_of(graph.operators.begin(), graph.operators.end(),
                                     [](const Operator& op) { return is<Sample>(op) || is<CacheAppend>(op); });
    Chain chain{main_layers(graph)};
    if (decodes || chain.blocks.size() < 2 || !skip_joins(graph).empty()) return std::nullopt;
    const LayerRange whole{no_id, chain.blocks.front().begin, chain.blocks.back().end};
    chain.out = handed_on(graph, whole, whole.end);
    if (chain.out == no_id) return std::nullopt;
    chain.in = entry_of(graph, whole, graph.values[chain.out].shape);
    if (chain.in == no_id) return std::nullopt;
    return chain;
}

/// Relative L1 distance to the last step's tensor, read by the host: |x - last| and |last|, their means, the ratio; x
/// is the tensor looked at, or what a block has added to its entry.
void insert_distance(GraphEdit& edit, ValueId x, ValueId entry) {
    const std::uint32_t before = edit.graph().values[x].producer + 1;
    const Shape shape = edit.value(x).shape;
    const DataType type = edit.value(x).type;
    Shape one;
    one.push_axis(AxisName("batch"), 1);
    const auto put = [&](const OperatorKind& kind, std::initializer_list<ValueId> inputs, const Shape& to) {
        return edit.insert(before, no_id, "distance", kind, {inputs.begin(), inputs.size()}, to, type);
    };
    // One number comes out, but all SMs work on it: a row a token.
    const std::int64_t width = shape.axis_size(shape.rank() - 1);
    const Reduction mean{ReductionKind::mean, shape.elements() / width, width};
    if (entry != no_id) x = put(Elementwise{ElementwiseKind::subtract}, {x, entry}, shape);
    const ValueId last = edit.add_input(shape, type);
    const ValueId change = put(Elementwise{ElementwiseKind::subtract}, {x, last}, shape);
    const ValueId size = put(Elementwise{ElementwiseKind::clamp}, {change}, shape);
    const ValueId numerator = put(mean, {size}, one);
    const ValueId reference = put(Elementwise{ElementwiseKind::clamp}, {last}, shape);
    const ValueId denominator = put(mean, {reference}, one);
    edit.keep(put(Elementwise{ElementwiseKind::divide}, {numerator, denominator}, one));
    edit.persist(x);
}

/// What the host looks at before it decides on the rest of the pass, and the first operator behind it.
struct Decision {
    ValueId looked_at = no_id;
    std::uint32_t rest = 0;
    ValueId base = no_id;   ///< the hidden state that the cached residual is added to
    ValueId entry = no_id;  ///< what `looked_at` is taken off first, if anything
};

Decision decide(const Graph& graph, const Chain& chain, CacheDecision decision) {
    const LayerRange& first = chain.blocks.front();
    if (decision == CacheDecision::first_block) {
        const ValueId out = handed_on(graph, first, first.end, &graph.values[chain.out].shape);
        return {out, first.end, out, chain.in};
    }
    if (decision == CacheDecision::modulation) {
        for (std::uint32_t i = first.begin; i < first.end; ++i) {
            const auto* elementwise = std::get_if<Elementwise>(&graph.operators[i].kind);
            if (elementwise == nullptr || elementwise->kind != ElementwiseKind::modulate) continue;
            return {graph.operators[i].output, first.begin, chain.in, no_id};
        }
    }
    return {chain.in, first.begin, chain.in, no_id};
}

}  // namespace

std::optional<CachedGraphs> cache_blocks(const Graph& graph, CacheDecision by) {
    const auto chain = chain_of(graph);
    if (!chain) return std::nullopt;
    const Decision decision = decide(graph, *chain, by);
    if (decision.base == no_id) return std::nullopt;
    const std::uint32_t end = chain->blocks.back().end;
    const Shape shape = graph.values[chain->out].shape;
    const DataType type = graph.values[chain->out].type;

    GraphEdit full(graph), cached(graph);
    if (by != CacheDecision::schedule) {
        insert_distance(full, decision.looked_at, decision.entry);
        insert_distance(cached, decision.looked_at, decision.entry);
    }
    const std::array<ValueId, 2> difference{chain->out, decision.base};
    const ValueId kept =
        full.insert(end, no_id, "step_cache", Elementwise{ElementwiseKind::subtract}, difference, shape, type);
    full.persist(kept);
    full.keep(kept);

    for (std::uint32_t i = decision.rest; i < end; ++i) cached.remove(i);
    const std::array<ValueId, 2> sum{decision.base, cached.add_input(shape, type)};
    const ValueId out = cached.insert(end, no_id, "step_cache", Elementwise{ElementwiseKind::add}, sum, shape, type);
    cached.redirect(chain->out, out, end);
    return CachedGraphs{full.take(), cached.take()};
}

std::optional<CachedGraphs> cache_below_skip(const Graph& graph, std::int64_t branch) {
    const std::vector<SkipJoin> joins = skip_joins(graph);
    if (branch < 0 || static_cast<std::size_t>(branch) >= joins.size()) return std::nullopt;
    const SkipJoin& join = joins[joins.size() - 1 - static_cast<std::size_t>(branch)];
    const ValueId from_below = join.from_below;
    GraphEdit full(graph), cached(graph);
    full.persist(from_below);
    cached.cut(from_below);
    CachedGraphs result{full.take(), cached.take()};
    double below = 0;
    for (std::uint32_t i = source_of(graph, join.skip) + 1; i < graph.values[from_below].producer; ++i) {
        below += macs_of(graph.operators[i].kind);
    }
    // A way around the join (a residual) would leave the work below in place.
    if (count_macs(result.full).total() - count_macs(result.cached).total() < 0.5 * below) return std::nullopt;
    return result;
}

}  // namespace cupola
