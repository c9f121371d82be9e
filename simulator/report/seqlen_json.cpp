#include "cupola/report/describe.hpp"
#include "cupola/report/json.hpp"
#include "cupola/report/report.hpp"

#include <fmt/format.h>

#include <iterator>

namespace cupola {
namespace {

json range_json(const std::optional<LengthRange>& range) {
    if (!range) return nullptr;
    return {{"min", range->min}, {"max", range->max}, {"ratio", number_json(range->ratio())}};
}

json optional_json(const std::optional<double>& value) { return value ? number_json(*value) : json(nullptr); }

json span_json(const SpanLengths& lengths) {
    json histogram = json::array();
    for (const auto& [length, calls] : lengths.histogram) {
        histogram.push_back({{"sequence_length", length}, {"calls", number_json(calls)}});
    }
    return {{"span", name_of(lengths.span)},
            {"min", lengths.range.min},
            {"max", lengths.range.max},
            {"ratio", number_json(lengths.range.ratio())},
            {"smallest_step_ratio", optional_json(lengths.smallest_step_ratio)},
            {"largest_step_ratio", optional_json(lengths.largest_step_ratio)},
            {"growth_per_step", optional_json(lengths.growth_per_step)},
            {"calls", number_json(lengths.calls)},
            {"flops", whole_json(flops_per_mac * lengths.macs)},
            {"attention_matrix_bytes", whole_json(lengths.matrix_bytes)},
            {"histogram", std::move(histogram)}};
}

json call_json(const AttentionCall& call) {
    const Attention& sizes = call.sizes;
    return {{"module", call.module},
            {"span", name_of(sizes.span)},
            {"causal", sizes.causal},
            {"sequence_length", sequence_length(sizes)},
            {"queries", sizes.queries},
            {"keys", sizes.keys},
            {"batch", sizes.batch},
            {"heads", sizes.heads},
            {"kv_heads", sizes.kv_heads},
            {"head_dim", sizes.head_dim},
            {"value_dim", sizes.value_dim},
            {"type", name_of(call.type)},
            {"macs", whole_json(macs_of(sizes))},
            {"attention_matrix_bytes", whole_json(call.matrix_bytes())}};
}

json stage_json(const StageLengths& stage) {
    json spans = json::array(), passes = json::array();
    for (const SpanLengths& lengths : stage.spans) spans.push_back(span_json(lengths));
    for (const AttentionPass& pass : stage.passes) {
        json calls = json::array();
        for (const AttentionCall& call : pass.calls) calls.push_back(call_json(call));
        passes.push_back(
            {{"first_step", pass.first_step}, {"steps", number_json(pass.steps)}, {"calls", std::move(calls)}});
    }
    return {{"name", stage.name},
            {"steps", number_json(stage.steps)},
            {"sampled", stage.sampled},
            {"self_attention", range_json(self_attention_range({stage}))},
            {"matmuls", number_json(stage.matmuls)},
            {"spans", std::move(spans)},
            {"passes", std::move(passes)}};
}

json cross_over_json(const CrossOver& at) {
    const char* where = at.where == CrossOver::Where::below    ? "below the sweep"
                        : at.where == CrossOver::Where::beyond ? "beyond the sweep"
                                                               : "inside the sweep";
    return {{"where", where}, {"frames", at.where == CrossOver::Where::inside ? number_json(at.frames) : nullptr}};
}

json frames_json(const std::vector<FramePoint>& frames) {
    if (frames.empty()) return nullptr;
    json points = json::array(), levels = json::array();
    for (const FramePoint& point : frames) {
        points.push_back({{"frames", point.frames},
                          {"spatial_flops", whole_json(flops_per_mac * point.spatial_macs)},
                          {"temporal_flops", whole_json(flops_per_mac * point.temporal_macs)},
                          {"temporal_to_spatial", number_json(point.temporal_macs / point.spatial_macs)}});
    }
    for (const LevelCrossOver& level : level_cross_overs(frames)) {
        levels.push_back({{"tokens_per_frame", level.tokens_per_frame},
                          {"width", level.width},
                          {"cross_over", cross_over_json(level.at)}});
    }
    return {{"points", std::move(points)},
            {"cross_over", cross_over_json(cross_over(frames))},
            {"levels", std::move(levels)}};
}

/// As RFC 4180 asks: quoted where it has a comma, a quote or a line break.
std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
    return quoted + "\"";
}

}  // namespace

std::string sequence_lengths_json(const SequenceLengths& lengths, const std::vector<FramePoint>& frames) {
    double calls = 0, macs = 0, bytes = 0;
    json stages = json::array();
    for (const StageLengths& stage : lengths.stages) {
        stages.push_back(stage_json(stage));
        for (const SpanLengths& span : stage.spans) {
            calls += span.calls;
            macs += span.macs;
            bytes += span.matrix_bytes;
        }
    }
    const json document{{"workload", lengths.workload},
                        {"parameters", parameters_json(lengths.parameters)},
                        {"self_attention", range_json(self_attention_range(lengths.stages))},
                        {"calls", number_json(calls)},
                        {"flops", whole_json(flops_per_mac * macs)},
                        {"attention_matrix_bytes", whole_json(bytes)},
                        {"stages", std::move(stages)},
                        {"frames", frames_json(frames)}};
    return document.dump(2) + "\n";
}

std::string sequence_lengths_csv(const SequenceLengths& lengths) {
    std::string text =
        "stage,first_step,steps,module,span,causal,sequence_length,queries,keys,batch,heads,kv_heads,head_dim,type,"
        "macs,"
        "attention_matrix_bytes\n";
    for (const StageLengths& stage : lengths.stages) {
        for (const AttentionPass& pass : stage.passes) {
            for (const AttentionCall& call : pass.calls) {
                const Attention& s = call.sizes;
                fmt::format_to(std::back_inserter(text), "{},{},{:g},{},{},{},{},{},{},{},{},{},{},{},{:.0f},{:.0f}\n",
                               csv_field(stage.name), pass.first_step, pass.steps, csv_field(call.module),
                               name_of(s.span), s.causal ? 1 : 0, sequence_length(s), s.queries, s.keys, s.batch,
                               s.heads, s.kv_heads, s.head_dim, name_of(call.type), macs_of(s), call.matrix_bytes());
            }
        }
    }
    return text;
}

}  // namespace cupola
