// Token merging for diffusion (ToMe): fewer tokens in self-attention, every pass.
#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"
#include "cupola/workload/graph_edit.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace cupola {
namespace {

/// A self-attention over pixels or latents and the operators of its module: [begin, end), entered by one tensor and
/// left by another.
struct SelfAttention {
    std::uint32_t begin = 0, end = 0;
    ValueId in = no_id, out = no_id;
    std::int64_t tokens = 0;
};

bool attends_to_itself(const Operator& op) {
    const auto* attention = std::get_if<Attention>(&op.kind);
    return attention != nullptr && !attention->causal && attention->queries == attention->keys &&
           attention->span != AttentionSpan::temporal;
}

/// Whether an operator works on every token by itself, so that it may have fewer of them.
bool may_shrink(const Operator& op) {
    return std::holds_alternative<Linear>(op.kind) || std::holds_alternative<Elementwise>(op.kind) ||
           attends_to_itself(op);
}

/// The module around an attention if all its operators may have fewer tokens and it has one way in; else empty.
std::optional<SelfAttention> module_around(const Graph& graph, std::uint32_t attention) {
    const std::uint32_t scope = graph.scopes[graph.operators[attention].scope].parent;
    SelfAttention module{attention, attention + 1, no_id, no_id,
                         std::get<Attention>(graph.operators[attention].kind).queries};
    const auto inside = [&](std::uint32_t i) { return graph.scopes[graph.operators[i].scope].parent == scope; };
    while (module.begin > 0 && inside(module.begin - 1)) --module.begin;
    while (module.end < graph.operators.size() && inside(module.end)) ++module.end;
    for (std::uint32_t i = module.begin; i < module.end; ++i) {
        if (!may_shrink(graph.operators[i])) return std::nullopt;
        for (const ValueId input : graph.inputs(graph.operators[i])) {
            const std::uint32_t producer = graph.values[input].producer;
            if (producer != no_id && producer >= module.begin) continue;
            if (module.in != no_id && module.in != input) return std::nullopt;
            module.in = input;
        }
    }
    module.out = handed_on(graph, {scope, module.begin, module.end}, module.end);
    if (module.in == no_id || module.out == no_id || graph.values[module.in].shape.rank() != 3) return std::nullopt;
    return module;
}

/// The self-attentions over the most tokens.
std::vector<SelfAttention> largest_self_attentions(const Graph& graph) {
    std::vector<SelfAttention> found;
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        if (!attends_to_itself(graph.operators[i])) continue;
        const auto module = module_around(graph, i);
        if (!module || (!found.empty() && module->tokens < found.front().tokens)) continue;
        if (!found.empty() && module->tokens > found.front().tokens) found.clear();
        found.push_back(*module);
    }
    return found;
}

Shape with_tokens(const Shape& shape, std::int64_t tokens, std::int64_t channels = 0) {
    Shape result = shape;
    result.replace_axis(shape.rank() - 2, AxisName("tokens"), tokens);
    if (channels > 0) result.replace_axis(result.rank() - 1, AxisName("channels"), channels);
    return result;
}

/// Merges and unmerges the tokens of one module; a quarter of them, one of each 2x2, are those that others merge into.
class Merge {
public:
    Merge(GraphEdit& edit, const SelfAttention& module, double ratio)
        : edit_(edit), module_(module), shape_(edit.value(module.in).shape), type_(edit.value(module.in).type) {
        targets_ = std::max<std::int64_t>(1, module.tokens / 4);
        sources_ = module.tokens - targets_;
        merged_ = std::min(sources_, static_cast<std::int64_t>(std::floor(static_cast<double>(module.tokens) * ratio)));
        batch_ = shape_.elements() / (shape_.axis_size(1) * shape_.axis_size(2));
        parent_ = edit.graph().scopes[edit.graph().operators[module.begin].scope].parent;
    }

    void apply() {
        match();
        const ValueId fewer = merge();
        shrink();
        edit_.redirect(module_.in, fewer, module_.begin);
        const ValueId all = unmerge();
        edit_.redirect(module_.out, all, module_.end);
        // Readers of the module's input behind it, or outside of it, still read all tokens.
        edit_.redirect(fewer, module_.in, module_.end);
    }

private:
    ValueId put(std::uint32_t before, const char* name, const OperatorKind& kind, std::initializer_list<ValueId> inputs,
                const Shape& shape, DataType type) {
        return edit_.insert(before, parent_, name, kind, {inputs.begin(), inputs.size()}, shape, type);
    }
    [[nodiscard]] std::int64_t left() const { return module_.tokens - merged_; }
    void match();
    ValueId merge();
    ValueId unmerge();
    void shrink();

    GraphEdit& edit_;
    SelfAttention module_;
    Shape shape_;
    DataType type_;
    std::uint32_t parent_ = no_id;
    std::int64_t targets_ = 0, sources_ = 0, merged_ = 0, batch_ = 1;
    ValueId kept_index_ = no_id, merged_index_ = no_id;
};

/// One random target of each 2x2, cosine similarity of all other tokens with the targets, the most similar ones.
void Merge::match() {
    const std::uint32_t at = module_.begin;
    const Shape one = with_tokens(shape_, module_.tokens, 1);
    const Shape from = with_tokens(shape_, sources_), to = with_tokens(shape_, targets_);
    const Shape best = with_tokens(shape_, sources_, 1);
    const ValueId seed = edit_.add_input(one, DataType::int64);
    const ValueId drawn = put(at, "random", Elementwise{ElementwiseKind::offset}, {seed}, one, DataType::int64);
    const ValueId marked = put(at, "mark", Gather{}, {drawn}, one, DataType::int64);
    const ValueId order =
        put(at, "argsort", Reduction{ReductionKind::max, batch_, module_.tokens}, {marked}, one, DataType::int64);
    const Norm unit_length{NormKind::l2, 1, batch_ * module_.tokens, shape_.axis_size(2), 1, false, false};
    const ValueId metric = put(at, "metric", unit_length, {module_.in}, shape_, type_);
    const ValueId a = put(at, "sources", Gather{}, {metric, order}, from, type_);
    const ValueId b = put(at, "targets", Gather{}, {metric, order}, to, type_);
    const Matmul product{batch_, sources_, targets_, shape_.axis_size(2)};
    const ValueId scores = put(at, "similarity", product, {a, b}, with_tokens(shape_, sources_, targets_), type_);
    const ValueId nearest =
        put(at, "max", Reduction{ReductionKind::max, batch_ * sources_, targets_}, {scores}, best, type_);
    const ValueId ranked =
        put(at, "argsort", Reduction{ReductionKind::max, batch_, sources_}, {nearest}, best, DataType::int64);
    kept_index_ = ranked;
    merged_index_ = put(at, "gather", Gather{}, {ranked, nearest},
                        with_tokens(shape_, std::max<std::int64_t>(1, merged_), 1), DataType::int64);
}

/// The tokens that stay, and the targets, each the mean of what merges into it.
ValueId Merge::merge() {
    const std::uint32_t at = module_.begin;
    const auto gathered = [&](const char* name, std::int64_t count, ValueId index) {
        return put(at, name, Gather{}, {module_.in, index}, with_tokens(shape_, std::max<std::int64_t>(1, count)),
                   type_);
    };
    const ValueId kept = gathered("kept", sources_ - merged_, kept_index_);
    const ValueId sources = gathered("merged", merged_, merged_index_);
    const ValueId targets = gathered("targets", targets_, kept_index_);
    const ValueId means = put(at, "scatter_mean", Elementwise{ElementwiseKind::add}, {targets, sources},
                              with_tokens(shape_, targets_), type_);
    return put(at, "concat", Cat{}, {kept, means}, with_tokens(shape_, left()), type_);
}

/// All tokens again: each that was merged is a copy of its target.
ValueId Merge::unmerge() {
    const std::uint32_t at = module_.end;
    const Value out = edit_.value(module_.out);
    const Shape all = with_tokens(out.shape, module_.tokens);
    const ValueId zero = edit_.add_input(with_tokens(out.shape, 1, 1), out.type);
    const ValueId empty = put(at, "zeros", Broadcast{}, {zero}, all, out.type);
    const auto scattered = [&](const char* name, std::int64_t count) {
        return put(at, name, Gather{}, {module_.out}, with_tokens(out.shape, std::max<std::int64_t>(1, count)),
                   out.type);
    };
    const ValueId copies = scattered("gather", merged_);
    const ValueId targets = scattered("scatter_targets", targets_);
    const ValueId kept = scattered("scatter_kept", sources_ - merged_);
    return put(at, "scatter_merged", Gather{}, {copies, empty, targets, kept}, all, out.type);
}

void Merge::shrink() {
    for (std::uint32_t i = module_.begin; i < module_.end; ++i) {
        Operator& op = edit_.op(i);
        if (auto* linear = std::get_if<Linear>(&op.kind)) linear->rows = linear->rows / module_.tokens * left();
        if (auto* attention = std::get_if<Attention>(&op.kind)) attention->queries = attention->keys = left();
        Value& value = edit_.value(op.output);
        value.shape = with_tokens(value.shape, left());
    }
}

void apply_token_merging(LeverContext& context, const LeverValue& value) {
    value.allow_only({"ratio"});
    const auto given = value.field("ratio");
    const double ratio = given ? given->number(0.01, 0.75) : 0.5;
    bool any = false;
    for (Stage& stage : context.workload.stages) {
        if (!(stage.steps() > 1)) continue;
        for (Pass& pass : stage.passes) {
            const auto modules = largest_self_attentions(pass.graph);
            if (modules.empty()) continue;
            any = true;
            GraphEdit edit(pass.graph);
            for (const SelfAttention& module : modules) Merge(edit, module, ratio).apply();
            pass.graph = edit.take();
        }
    }
    if (any) return;
    does_not_apply("token-merging", context.workload.name,
                   "a denoiser with self-attention whose projections have no norms or rotations of their own");
}

constexpr std::array<Lever, 1> levers{{
    {"token-merging", "ratio:0.5",
     "before self-attention over the most tokens this share of them merges into similar ones, and is copied back "
     "behind "
     "it: a product for the similarities, maxima, two sorts, gathers and scatters",
     "Bolya and Hoffman 2023 (Token Merging for Fast Stable Diffusion), dbolya/tomesd",
     "denoisers with plain self-attention (UNets, PixArt); a sort is priced as one pass over its rows",
     LeverPhase::graph, "tokens of self-attention", apply_token_merging},
}};

}  // namespace

std::span<const Lever> token_merging_levers() { return levers; }

}  // namespace cupola
