#include "cupola/predict/idle.hpp"
#include "cupola/report/columns.hpp"
#include "cupola/report/describe.hpp"
#include "cupola/report/report.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cupola {
namespace {

constexpr std::size_t bar_width = 40;
constexpr std::size_t label_width = 14;

double share_of(Seconds part, Seconds whole) { return whole > Seconds(0) ? part / whole : 0.0; }

/// "9 %", for figures that are no more precise.
std::string whole_percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string heading(const TextStyle& style, std::string_view text) {
    return "\n" + painted(style, Paint::bold, text) + "\n";
}

/// "data movement" for `data_movement`
std::string spaced(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

std::string parameters_line(const Prediction& prediction, const TextStyle& style) {
    std::vector<std::string> words;
    for (const ParameterSetting& parameter : prediction.parameters) {
        const std::string word = parameter.name + "=" + parameter.value;
        words.push_back(parameter.is_default ? word : painted(style, Paint::accent, word + "*"));
    }
    return wrapped(words, style.width, label_width + 2);
}

std::string memory_line(const Prediction& prediction, const TextStyle& style) {
    const std::string verdict =
        prediction.fits_memory() ? painted(style, Paint::good, "fits") : painted(style, Paint::bad, "does not fit");
    return fmt::format("{} of {}: {} (weights {})", format(prediction.peak_memory_bytes),
                       format(prediction.dram_capacity), verdict, format(prediction.weight_bytes));
}

std::string idle_line(const Prediction& prediction, const TextStyle& style) {
    const Span& span = prediction.span;
    const double share = share_of(span.idle, span.latency);
    const std::string idle = fmt::format("idle {} ({})", format(span.idle), percent(share));
    std::string line = fmt::format("busy {}, {}", format(span.busy),
                                   painted(style, share > 0.2 ? Paint::warning : Paint::plain, idle));
    if (prediction.transfer_wait > Seconds(0)) {
        line += fmt::format(", of which {} for transfers", format(prediction.transfer_wait));
    }
    return line;
}

/// CPU-bound time, and the batch at which the GPU no longer waits.
std::string host_line(const Prediction& prediction) {
    const Span& span = prediction.span;
    std::string line = fmt::format("busy {}, sets the pace for {} ({})", format(span.host), format(span.host_bound),
                                   percent(share_of(span.host_bound, span.latency)));
    if (!prediction.idle_end) return line;
    const IdleEnd& end = *prediction.idle_end;
    return line + fmt::format("; GPU idle {} {} {} batch {}", end.found ? "below" : "above",
                              whole_percent(small_idle_share), end.found ? "from" : "even at", end.batch);
}

std::string work_line(const Prediction& prediction) {
    const std::string work = fmt::format("{}, {} from DRAM", format(prediction.flops), format(prediction.dram_bytes));
    const Seconds latency = prediction.span.latency;
    if (latency <= Seconds(0)) return work;
    return fmt::format("{}: {}, {} on average", work, format(prediction.flops / latency),
                       format(prediction.dram_bytes / latency));
}

std::string intensity_line(const Prediction& prediction) {
    return fmt::format("{} over the run; ridge point {} ({})", format(prediction.arithmetic_intensity()),
                       format(prediction.ridge), name_of(prediction.type));
}

/// "2.88 s ± 9 % (80 % interval 2.63 s to 3.15 s)"; the interval's middle need not be the prediction.
std::string latency_line(const Prediction& prediction, const TextStyle& style) {
    const std::string latency = format(prediction.span.latency);
    const Interval& interval = prediction.interval;
    if (prediction.span.latency <= Seconds(0)) return painted(style, Paint::bold, latency);
    const double half = 0.5 * ((interval.high - interval.low) / prediction.span.latency);
    return fmt::format("{} (80 % interval {} to {})",
                       painted(style, Paint::bold, fmt::format("{} ± {}", latency, whole_percent(half))),
                       format(interval.low), format(interval.high));
}

/// What each kind of kernel rests on: "gemm cublas, memory uncalibrated"; a share of shapes never measured is said.
std::string basis_line(const Prediction& prediction, const TextStyle& style) {
    std::vector<std::string> parts;
    for (const Basis& basis : prediction.basis) {
        std::string part = std::string(name_of(basis.kind)) + " ";
        part += basis.library.empty() ? painted(style, Paint::warning, "uncalibrated") : "by " + basis.library;
        if (basis.extrapolated > 0.005 * basis.time) {
            part += fmt::format(" ({} extrapolated)", whole_percent(basis.extrapolated / basis.time));
        }
        parts.push_back(part + (&basis == &prediction.basis.back() ? "" : ","));
    }
    if (!prediction.calibrated_on.empty()) parts.push_back("(fitted " + prediction.calibrated_on + ")");
    return wrapped(parts, style.width, label_width + 2);
}

std::string summary(const Prediction& prediction, const TextStyle& style) {
    const auto line = [](std::string_view label, const std::string& text) {
        return fmt::format("  {:<{}}{}\n", label, label_width, text);
    };
    std::string result = painted(style, Paint::bold, prediction.workload) + " on " +
                         painted(style, Paint::bold, prediction.gpu) + " with " +
                         painted(style, Paint::bold, prediction.stack) + "\n\n";
    result += line("latency", latency_line(prediction, style));
    if (prediction.lacks_units) {
        result += line("type", painted(style, Paint::warning,
                                       fmt::format("no matrix instructions for {}", name_of(prediction.type))) +
                                   ": products run on FP32 lanes; fp16 has them");
    }
    if (!prediction.basis.empty()) result += line("basis", basis_line(prediction, style));
    result += line("GPU", idle_line(prediction, style));
    result += line("host", host_line(prediction));
    result += line("work", work_line(prediction));
    if (prediction.dram_bytes > Bytes(0)) result += line("intensity", intensity_line(prediction));
    result += line("memory", memory_line(prediction, style));
    if (!prediction.parameters.empty()) result += line("parameters", parameters_line(prediction, style));
    return result;
}

/// The resource that bounds most of a stage, the host included; nothing bounds one that did not run.
std::string_view main_bound(const PredictedStage& stage) {
    if (stage.span.latency <= Seconds(0)) return "-";
    if (stage.host_bound()) return "host";
    const auto largest = std::max_element(stage.busy_by_bound.begin(), stage.busy_by_bound.end());
    return name_of(all_bounds[static_cast<std::size_t>(largest - stage.busy_by_bound.begin())]);
}

std::string stages(const Prediction& prediction, const TextStyle& style) {
    Columns columns(
        {Align::left, Align::right, Align::right, Align::right, Align::right, Align::right, Align::right, Align::left});
    columns.add({"", "share", "time", "steps", "per step", "launches/step", "idle", "bound"});
    for (const PredictedStage& stage : prediction.stages) {
        const double steps = stage.steps;
        columns.add({stage.name, percent(share_of(stage.span.latency, prediction.span.latency)),
                     format(stage.span.latency), count_text(steps),
                     steps > 0 ? format(stage.span.latency / steps) : "-",
                     count_text(std::round(stage.launches_per_step)),
                     percent(share_of(stage.span.idle, stage.span.latency)), std::string(main_bound(stage))});
    }
    return heading(style, "Time by stage") + columns.text(2);
}

struct Share {
    std::string name;
    Seconds time;
    Paint paint = Paint::accent;
};

/// Rows with bars, the longest first, empty ones left out; shares of `whole`.
std::string bars(std::vector<Share> rows, Seconds whole, const TextStyle& style) {
    std::erase_if(rows, [](const Share& row) { return row.time <= Seconds(0); });
    std::stable_sort(rows.begin(), rows.end(), [](const Share& a, const Share& b) { return a.time > b.time; });
    const Seconds longest = rows.empty() ? Seconds(0) : rows.front().time;
    Columns columns({Align::left, Align::right, Align::right, Align::left});
    for (const Share& row : rows) {
        columns.add({row.name, percent(share_of(row.time, whole)), format(row.time),
                     painted(style, row.paint, bar(share_of(row.time, longest), bar_width))});
    }
    return columns.text(2);
}

std::string categories(const Prediction& prediction, const TextStyle& style) {
    std::vector<Share> rows;
    for (std::size_t i = 0; i < all_categories.size(); ++i) {
        rows.push_back({spaced(name_of(all_categories[i])), prediction.busy_by_category[i], Paint::accent});
    }
    rows.push_back({"GPU idle", prediction.span.idle, Paint::warning});
    return heading(style, "Time by category") + bars(std::move(rows), prediction.span.latency, style);
}

std::string bounds(const Prediction& prediction, const TextStyle& style) {
    std::vector<Share> rows;
    for (std::size_t i = 0; i < all_bounds.size(); ++i) {
        rows.push_back({std::string(name_of(all_bounds[i])), prediction.busy_by_bound[i], Paint::accent});
    }
    return heading(style, "GPU busy time by what bounds the kernel") +
           bars(std::move(rows), prediction.span.busy, style);
}

std::string intensity_cell(const KernelCost& cost) {
    if (cost.dram_bytes <= Bytes(0)) return "in L2";
    const double intensity = (cost.flops / cost.dram_bytes).value();
    return intensity < 10 ? fmt::format("{:.1f}", intensity) : count_text(std::round(intensity));
}

/// Half the 80 % interval of a kernel, marked where its shape was never measured (*) or nothing of its kind (?).
std::string spread_cell(const Uncertainty& uncertainty) {
    const std::string mark = uncertainty.uncalibrated ? "?" : uncertainty.extrapolated ? "*" : "";
    return whole_percent(0.5 * (uncertainty.high - uncertainty.low)) + mark;
}

std::string top(const Prediction& prediction, const TextStyle& style, std::size_t limit) {
    const std::vector<PredictedKernel> kernels = merged_kernels(prediction.kernels);
    const std::size_t shown = std::min(limit, kernels.size());
    if (shown == 0) return "";
    Columns columns(
        {Align::left, Align::right, Align::right, Align::right, Align::right, Align::right, Align::left, Align::right});
    columns.add({"", "share", "total", "launches", "each", "±", "bound", "FLOP/B"});
    for (std::size_t i = 0; i < shown; ++i) {
        const PredictedKernel& kernel = kernels[i];
        const std::string sizes = sizes_text(kernel.kernel.work);
        const std::string place = kernel.stage + (kernel.example.empty() ? "" : ": " + kernel.example);
        // Four columns of indentation and two between the parts.
        const std::size_t room = style.width - std::min(style.width, display_width(sizes) + 6);
        columns.add(
            {std::string(kernel.kernel.label), percent(share_of(kernel.total, prediction.span.latency)),
             format(kernel.total), count_text(kernel.launches), format(kernel.cost.time),
             spread_cell(kernel.uncertainty), std::string(name_of(kernel.cost.bound)), intensity_cell(kernel.cost)},
            "    " + painted(style, Paint::faint, sizes + "  " + shortened(place, room)));
    }
    double launches = 0;
    for (const PredictedKernel& kernel : kernels) launches += kernel.launches;
    const std::string title = fmt::format("Top kernels ({} of {} kinds, {} launches; ridge point {})", shown,
                                          kernels.size(), count_text(std::round(launches)), format(prediction.ridge));
    return heading(style, title) + columns.text(2);
}

}  // namespace

std::string prediction_text(const Prediction& prediction, const TextStyle& style, std::size_t top_kernels) {
    return summary(prediction, style) + stages(prediction, style) + categories(prediction, style) +
           bounds(prediction, style) + top(prediction, style, top_kernels);
}

}  // namespace cupola
