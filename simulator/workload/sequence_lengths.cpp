#include "cupola/workload/sequence_lengths.hpp"

#include "cupola/workload/expand.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

namespace cupola {
namespace {

auto sizes_key(const AttentionCall& call) {
    const Attention& s = call.sizes;
    return std::tuple(s.batch, s.heads, s.queries, s.keys, s.head_dim, s.value_dim, call.type);
}

AttentionPass attention_pass(const Pass& pass) {
    AttentionPass result;
    result.steps = pass.count;
    result.first_step = pass.first_step;
    for (const Operator& op : pass.graph.operators) {
        const auto* attention = std::get_if<Attention>(&op.kind);
        if (attention == nullptr) continue;
        AttentionCall call;
        call.module = pass.graph.path(op.scope);
        call.sizes = *attention;
        if (op.output != no_id) call.type = pass.graph.output(op).type;
        result.calls.push_back(std::move(call));
    }
    return result;
}

double count_matmuls(const Pass& pass) {
    const auto& operators = pass.graph.operators;
    const auto count = std::count_if(operators.begin(), operators.end(),
                                     [](const Operator& op) { return std::holds_alternative<Matmul>(op.kind); });
    return static_cast<double>(count) * pass.count;
}

/// Whether the steps of `next` begin where those of `pass` end: not so between the nodes of an interpolated stage.
bool follows(const AttentionPass& pass, const AttentionPass& next) {
    return std::abs(static_cast<double>(pass.first_step) + pass.steps - static_cast<double>(next.first_step)) < 1e-6;
}

/// Whether these are the nodes of expand() instead of all the distinct steps.
bool is_sampled(const std::vector<AttentionPass>& passes, double steps) {
    if (passes.size() != interpolation_nodes || steps <= static_cast<double>(max_distinct_passes)) return false;
    for (std::size_t i = 1; i < passes.size(); ++i) {
        if (!follows(passes[i - 1], passes[i])) return true;
    }
    return false;
}

std::vector<std::int64_t> lengths_of(const AttentionPass& pass, AttentionSpan span) {
    std::vector<std::int64_t> lengths;
    for (const AttentionCall& call : pass.calls) {
        if (call.sizes.span == span) lengths.push_back(sequence_length(call.sizes));
    }
    return lengths;
}

/// Ratios of neighbouring lengths, within passes and over to a pass known to come next.
void measure_steps(const std::vector<AttentionPass>& passes, bool sampled, SpanLengths& result) {
    std::optional<std::int64_t> previous;
    for (std::size_t i = 0; i < passes.size(); ++i) {
        if (i > 0 && (sampled || !follows(passes[i - 1], passes[i]))) previous.reset();
        for (const std::int64_t length : lengths_of(passes[i], result.span)) {
            if (previous && *previous != length) {
                const double ratio = LengthRange{std::min(*previous, length), std::max(*previous, length)}.ratio();
                result.smallest_step_ratio = std::min(result.smallest_step_ratio.value_or(ratio), ratio);
                result.largest_step_ratio = std::max(result.largest_step_ratio.value_or(ratio), ratio);
            }
            previous = length;
        }
    }
}

/// The slope of the lengths over the steps if they lie on a line that is not flat.
std::optional<double> growth_of(const std::vector<AttentionPass>& passes, AttentionSpan span) {
    std::optional<double> slope;
    std::int64_t before = 0, step_before = 0;
    for (std::size_t i = 0; i < passes.size(); ++i) {
        const std::vector<std::int64_t> lengths = lengths_of(passes[i], span);
        if (lengths.empty() || std::set<std::int64_t>(lengths.begin(), lengths.end()).size() > 1) return std::nullopt;
        const std::int64_t step = passes[i].first_step;
        if (i > 0) {
            if (step <= step_before) return std::nullopt;
            const double here = static_cast<double>(lengths.front() - before) / static_cast<double>(step - step_before);
            if (slope && std::abs(*slope - here) > 1e-9) return std::nullopt;
            slope = here;
        }
        before = lengths.front();
        step_before = step;
    }
    return slope && *slope != 0 ? slope : std::nullopt;
}

SpanLengths summarise(const std::vector<AttentionPass>& passes, bool sampled, AttentionSpan span) {
    SpanLengths result;
    result.span = span;
    for (const AttentionPass& pass : passes) {
        for (const AttentionCall& call : pass.calls) {
            if (call.sizes.span != span) continue;
            result.calls += pass.steps;
            result.macs += pass.steps * macs_of(call.sizes);
            result.matrix_bytes += pass.steps * call.matrix_bytes();
            result.histogram[sequence_length(call.sizes)] += pass.steps;
        }
    }
    result.range = {result.histogram.begin()->first, result.histogram.rbegin()->first};
    measure_steps(passes, sampled, result);
    result.growth_per_step = growth_of(passes, span);
    return result;
}

StageLengths stage_lengths(const Stage& stage) {
    StageLengths result;
    result.name = stage.name;
    result.steps = stage.steps();
    for (const Pass& pass : stage.passes) {
        result.matmuls += count_matmuls(pass);
        result.passes.push_back(attention_pass(pass));
    }
    result.sampled = is_sampled(result.passes, result.steps);
    const auto idle = [](const AttentionPass& pass) { return pass.calls.empty(); };
    if (std::all_of(result.passes.begin(), result.passes.end(), idle)) result.passes.clear();
    for (const AttentionPass& pass : result.passes) {
        for (const AttentionCall& call : pass.calls) {
            if (result.find(call.sizes.span) == nullptr)
                result.spans.push_back(summarise(result.passes, result.sampled, call.sizes.span));
        }
    }
    return result;
}

void widen(std::optional<LengthRange>& range, const LengthRange& other) {
    if (!range) range = other;
    range->min = std::min(range->min, other.min);
    range->max = std::max(range->max, other.max);
}

std::int64_t width_of(const Attention& sizes) { return sizes.heads * sizes.head_dim; }

/// The levels at which calls of both kinds see the same activations: as many positions, as wide.
void add_levels(const StageLengths& stage, std::vector<FrameLevel>& levels) {
    for (const LengthRun& spatial : stage.runs(AttentionSpan::spatial)) {
        const Attention& s = spatial.first.sizes;
        for (const LengthRun& temporal : stage.runs(AttentionSpan::temporal)) {
            const Attention& t = temporal.first.sizes;
            if (s.batch * s.queries != t.batch * t.queries || width_of(s) != width_of(t)) continue;
            const bool known = std::any_of(levels.begin(), levels.end(), [&](const FrameLevel& level) {
                return level.tokens_per_frame == s.queries && level.frames == t.queries && level.width == width_of(s);
            });
            if (!known) levels.push_back({s.queries, t.queries, width_of(s), macs_of(s), macs_of(t)});
        }
    }
}

/// A number of frames and how temporal attention compares to spatial attention there.
struct Balance {
    double frames = 1, ratio = 1;
};

/// First place where the ratio reaches 1. Logarithms are interpolated: powers of the frames are straight lines there.
CrossOver first_balance(const std::vector<Balance>& balances) {
    if (balances.front().ratio > 1) return {CrossOver::Where::below, balances.front().frames};
    for (std::size_t i = 1; i < balances.size(); ++i) {
        const Balance &before = balances[i - 1], &here = balances[i];
        if (here.ratio < 1) continue;
        if (before.ratio <= 0) return {CrossOver::Where::inside, here.frames};
        const double share = -std::log(before.ratio) / (std::log(here.ratio) - std::log(before.ratio));
        return {CrossOver::Where::inside, before.frames * std::pow(here.frames / before.frames, share)};
    }
    if (balances.front().ratio == 1) return {CrossOver::Where::inside, balances.front().frames};
    return {CrossOver::Where::beyond, balances.back().frames};
}

}  // namespace

double AttentionCall::matrix_bytes() const {
    return static_cast<double>(sizes.batch) * static_cast<double>(sizes.heads) * static_cast<double>(sizes.queries) *
           static_cast<double>(sizes.keys) * bytes_per_element(type);
}

std::int64_t sequence_length(const Attention& sizes) {
    return is_self_attention(sizes.span) ? std::max(sizes.queries, sizes.keys) : sizes.queries;
}

bool is_self_attention(AttentionSpan span) { return span != AttentionSpan::cross; }

const SpanLengths* StageLengths::find(AttentionSpan span) const {
    const auto found =
        std::find_if(spans.begin(), spans.end(), [&](const SpanLengths& lengths) { return lengths.span == span; });
    return found == spans.end() ? nullptr : &*found;
}

std::vector<LengthRun> StageLengths::runs(AttentionSpan span) const {
    std::vector<LengthRun> runs;
    for (const AttentionPass& pass : passes) {
        const std::size_t begin = runs.size();
        for (const AttentionCall& call : pass.calls) {
            if (call.sizes.span != span) continue;
            if (runs.size() > begin && sizes_key(runs.back().first) == sizes_key(call)) {
                ++runs.back().calls;
            } else {
                runs.push_back({pass.first_step, pass.steps, 1, call});
            }
        }
    }
    return runs;
}

SequenceLengths sequence_lengths(const Workload& workload) {
    SequenceLengths result;
    result.workload = workload.name;
    result.parameters = workload.parameters;
    for (const Stage& stage : workload.stages) result.stages.push_back(stage_lengths(stage));
    return result;
}

std::optional<LengthRange> self_attention_range(const std::vector<StageLengths>& stages) {
    std::optional<LengthRange> range;
    for (const StageLengths& stage : stages) {
        for (const SpanLengths& lengths : stage.spans) {
            if (is_self_attention(lengths.span)) widen(range, lengths.range);
        }
    }
    return range;
}

FramePoint frame_point(const SequenceLengths& lengths, std::int64_t frames) {
    FramePoint point;
    point.frames = frames;
    for (const StageLengths& stage : lengths.stages) {
        const SpanLengths* spatial = stage.find(AttentionSpan::spatial);
        const SpanLengths* temporal = stage.find(AttentionSpan::temporal);
        if (spatial == nullptr || temporal == nullptr) continue;
        point.spatial_macs += spatial->macs;
        point.temporal_macs += temporal->macs;
        add_levels(stage, point.levels);
    }
    return point;
}

CrossOver cross_over(const std::vector<FramePoint>& points) {
    std::vector<Balance> balances;
    for (const FramePoint& point : points) {
        balances.push_back({static_cast<double>(point.frames), point.temporal_macs / point.spatial_macs});
    }
    return first_balance(balances);
}

std::vector<LevelCrossOver> level_cross_overs(const std::vector<FramePoint>& points) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::vector<Balance>> balances;
    std::vector<LevelCrossOver> result;
    for (const FramePoint& point : points) {
        for (const FrameLevel& level : point.levels) {
            std::vector<Balance>& known = balances[{level.tokens_per_frame, level.width}];
            if (known.empty()) result.push_back({level.tokens_per_frame, level.width, {}});
            known.push_back({static_cast<double>(point.frames), level.temporal_macs / level.spatial_macs});
        }
    }
    for (LevelCrossOver& level : result) {
        level.at = first_balance(balances[{level.tokens_per_frame, level.width}]);
    }
    return result;
}

}  // namespace cupola
