#include "cupola/report/columns.hpp"
#include "cupola/report/describe.hpp"
#include "cupola/report/report.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cupola {
namespace {

constexpr std::size_t bar_width = 28;
constexpr std::size_t most_rows = 20;  ///< of one kind of attention in one stage, or of the histogram
constexpr std::size_t label_width = 20;

std::string heading(const TextStyle& style, std::string_view text) { return painted(style, Paint::bold, text) + "\n"; }

/// A ratio or a number of frames with at most three significant digits after the leading ones: "64", "1.01", "12.4".
std::string short_number(double value) {
    return value >= 100 || value == std::round(value) ? format_count(std::llround(value))
                                                      : fmt::format("{:.3g}", value);
}

/// "77", "64 to 4,096 (x64)"
std::string range_text(const LengthRange& range) {
    if (range.min == range.max) return format_count(range.min);
    return fmt::format("{} to {} (x{})", format_count(range.min), format_count(range.max), short_number(range.ratio()));
}

/// How the length moves from call to call: "constant", "grows by 1 a step", "neighbours differ by x4".
std::string movement_text(const SpanLengths& lengths) {
    if (lengths.range.min == lengths.range.max) return "constant";
    if (lengths.growth_per_step) {
        const double growth = *lengths.growth_per_step;
        return fmt::format("{} by {} a step", growth > 0 ? "grows" : "shrinks", count_text(std::abs(growth)));
    }
    if (!lengths.largest_step_ratio) return "changes from step to step";
    const std::string largest = short_number(*lengths.largest_step_ratio);
    const std::string smallest = short_number(*lengths.smallest_step_ratio);
    if (largest == smallest) return "neighbouring levels differ by x" + largest;
    return fmt::format("neighbouring levels differ by x{} to x{}", smallest, largest);
}

// ---------------------------------------------------------------------------------------------- profile

/// Bars are logarithmic: the shortest sequence of the stage has one share, each factor of it adds as much.
double bar_share(std::int64_t length, const LengthRange& range) {
    const double floor = std::log2(static_cast<double>(range.min)) - 1;
    return (std::log2(static_cast<double>(length)) - floor) / (std::log2(static_cast<double>(range.max)) - floor);
}

/// Indices of at most `most_rows` of them, evenly spread, first and last included.
std::vector<std::size_t> chosen_rows(std::size_t count) {
    std::vector<std::size_t> chosen;
    if (count <= most_rows) {
        for (std::size_t i = 0; i < count; ++i) chosen.push_back(i);
        return chosen;
    }
    for (std::size_t i = 0; i < most_rows; ++i) chosen.push_back(i * (count - 1) / (most_rows - 1));
    return chosen;
}

/// "2 x 8 x 4,096 x 77": the attention matrices of one call.
std::string matrix_text(const Attention& sizes) {
    return fmt::format("{} x {} x {} x {}", format_count(sizes.batch), sizes.heads, format_count(sizes.queries),
                       format_count(sizes.keys));
}

std::string profile_text(const StageLengths& stage, const SpanLengths& lengths, const TextStyle& style) {
    const std::vector<LengthRun> runs = stage.runs(lengths.span);
    const bool steps = stage.passes.size() > 1;
    const LengthRange range = lengths.range;
    Columns columns({Align::right, Align::left, Align::right, Align::right, Align::right, Align::right});
    columns.add({"length", "", steps ? "step" : "", "calls", "batch x heads x queries x keys", "bytes a call"});
    const std::vector<std::size_t> chosen = chosen_rows(runs.size());
    for (const std::size_t i : chosen) {
        const LengthRun& run = runs[i];
        const std::int64_t length = sequence_length(run.first.sizes);
        const std::string drawn = bar(bar_share(length, range), bar_width);
        columns.add({format_count(length), painted(style, Paint::accent, drawn),
                     steps ? format_count(run.first_step) : "", format_count(static_cast<long long>(run.calls)),
                     matrix_text(run.first.sizes), format(Bytes(run.first.matrix_bytes()))});
    }
    std::string text = fmt::format("  {}  {}, {}\n", painted(style, Paint::bold, name_of(lengths.span)),
                                   range_text(range), movement_text(lengths)) +
                       columns.text(4);
    if (chosen.size() < runs.size()) {
        text += "    " +
                painted(style, Paint::faint,
                        fmt::format("{} of {} levels; --csv lists every call", chosen.size(), runs.size())) +
                "\n";
    }
    return text;
}

std::string stage_text(const StageLengths& stage, const TextStyle& style) {
    std::string title = painted(style, Paint::bold, stage.name) +
                        fmt::format("  {} {}", count_text(stage.steps), stage.steps == 1 ? "step" : "steps");
    if (stage.sampled) title += fmt::format(", {} of them shown, first and last included", stage.passes.size());
    std::string text = "\n" + title + "\n";
    if (stage.spans.empty()) text += "  no attention\n";
    for (const SpanLengths& lengths : stage.spans) text += profile_text(stage, lengths, style);
    if (stage.matmuls > 0) {
        text += fmt::format("  {} products of two activations (matmul) are not counted as attention here\n",
                            count_text(stage.matmuls));
    }
    return text;
}

// ---------------------------------------------------------------------------------------------- run

struct Bucket {
    std::int64_t first = 0, last = 0;
    double calls = 0;
};

/// Calls of self-attention by length; by powers of two where lengths are left out or too many.
std::vector<Bucket> histogram_of(const SequenceLengths& lengths) {
    std::map<std::int64_t, double> calls;
    bool sampled = false;  // only some of the lengths are known
    for (const StageLengths& stage : lengths.stages) {
        sampled = sampled || stage.sampled;
        for (const SpanLengths& span : stage.spans) {
            if (!is_self_attention(span.span)) continue;
            for (const auto& [length, count] : span.histogram) calls[length] += count;
        }
    }
    const bool by_powers = sampled || calls.size() > most_rows;
    std::vector<Bucket> buckets;
    for (const auto& [length, count] : calls) {
        std::int64_t first = length, last = length;
        if (by_powers) {
            for (first = 1; 2 * first <= length;) first *= 2;
            last = 2 * first - 1;
        }
        if (buckets.empty() || buckets.back().first != first) buckets.push_back({first, last, 0});
        buckets.back().calls += count;
    }
    return buckets;
}

std::string histogram_text(const SequenceLengths& lengths, const TextStyle& style) {
    const std::vector<Bucket> buckets = histogram_of(lengths);
    if (buckets.size() < 2) return "";
    double most = 0;
    for (const Bucket& bucket : buckets) most = std::max(most, bucket.calls);
    Columns columns({Align::right, Align::left, Align::right});
    for (const Bucket& bucket : buckets) {
        std::string label = format_count(bucket.first);
        if (bucket.last != bucket.first) label += " to " + format_count(bucket.last);
        columns.add({label, painted(style, Paint::accent, bar(bucket.calls / most, bar_width)),
                     format_count(std::llround(bucket.calls))});
    }
    return "\n" + heading(style, "Calls of self-attention by sequence length, over the run") + columns.text(2);
}

std::string summary(const SequenceLengths& lengths, const TextStyle& style) {
    const auto line = [](std::string_view label, const std::string& text) {
        return fmt::format("  {:<{}}{}\n", label, label_width, text);
    };
    std::vector<std::string> settings;
    for (const ParameterSetting& parameter : lengths.parameters) {
        const std::string word = parameter.name + "=" + parameter.value;
        settings.push_back(parameter.is_default ? word : painted(style, Paint::accent, word + "*"));
    }
    double calls = 0, macs = 0, bytes = 0;
    for (const StageLengths& stage : lengths.stages) {
        for (const SpanLengths& span : stage.spans) {
            calls += span.calls;
            macs += span.macs;
            bytes += span.matrix_bytes;
        }
    }
    std::string text = heading(style, lengths.workload + ": sequence lengths of attention");
    if (!settings.empty()) text += line("parameters", wrapped(settings, style.width, label_width + 2));
    const auto range = self_attention_range(lengths.stages);
    text += line("self-attention", range ? range_text(*range) : "none");
    text += line("attention calls", fmt::format("{} over the run, {}", format_count(std::llround(calls)),
                                                macs > 0 ? format(Flops(flops_per_mac * macs)) : "no FLOP"));
    text += line("attention matrices", format(Bytes(bytes)) + " over the run, were they written to memory");
    return text;
}

// ---------------------------------------------------------------------------------------------- frames

std::string cross_over_text(const CrossOver& at) {
    const std::string frames = short_number(at.frames);
    switch (at.where) {
        case CrossOver::Where::below: return "below " + frames + " frames";
        case CrossOver::Where::inside: return "at " + frames + (at.frames == 1 ? " frame" : " frames");
        case CrossOver::Where::beyond: return "beyond " + frames + " frames";
    }
    return "";
}

std::string frames_text(const std::vector<FramePoint>& frames, const TextStyle& style) {
    if (frames.empty()) return "";
    Columns columns({Align::right, Align::right, Align::right, Align::right, Align::left});
    columns.add({"frames", "spatial", "temporal", "temporal's part", ""});
    for (const FramePoint& point : frames) {
        const double share = point.temporal_macs / (point.spatial_macs + point.temporal_macs);
        columns.add({format_count(point.frames), format(Flops(flops_per_mac * point.spatial_macs)),
                     format(Flops(flops_per_mac * point.temporal_macs)), percent(share),
                     painted(style, Paint::accent, bar(share, bar_width))});
    }
    std::string text = "\n" + heading(style, "Spatial and temporal attention as frames grow, over the run") +
                       columns.text(2) + "  cross-over " + cross_over_text(cross_over(frames)) +
                       "; by level, where frames = tokens per frame:\n";
    Columns levels({Align::right, Align::left, Align::left});
    for (const LevelCrossOver& level : level_cross_overs(frames)) {
        levels.add({format_count(level.tokens_per_frame) + " tokens", fmt::format("width {}", level.width),
                    cross_over_text(level.at)});
    }
    return text + levels.text(4);
}

}  // namespace

std::string sequence_lengths_text(const SequenceLengths& lengths, const std::vector<FramePoint>& frames,
                                  const TextStyle& style) {
    std::string text = summary(lengths, style);
    for (const StageLengths& stage : lengths.stages) text += stage_text(stage, style);
    text += histogram_text(lengths, style) + frames_text(frames, style);
    return text + "\n" +
           painted(style, Paint::faint,
                   "Bars of lengths are logarithmic. Calls of a level are those of one step. Cross-attention has the "
                   "length of its queries.") +
           "\n";
}

}  // namespace cupola
