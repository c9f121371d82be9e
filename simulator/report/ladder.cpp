#include "cupola/report/ladder.hpp"

#include "cupola/report/columns.hpp"
#include "cupola/report/describe.hpp"
#include "cupola/report/json.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cupola {
namespace {

constexpr std::size_t bar_width = 30;

double ratio(Seconds a, Seconds b) { return b > Seconds(0) ? a / b : 0; }

std::string name_of(const Rung& rung) {
    if (rung.levers.empty()) return "as it is";
    return rung.levers + (rung.replaces.empty() ? "" : " (for " + rung.replaces + ")");
}

/// GPU time, and behind it idle time, of a latency that is `longest` at most.
std::string waterfall(const Span& span, Seconds longest, const TextStyle& style) {
    const auto columns = [&](Seconds time) {
        return static_cast<std::size_t>(std::lround(ratio(time, longest) * static_cast<double>(bar_width)));
    };
    const std::size_t all = columns(span.latency), busy = std::min(columns(span.busy), all);
    std::string idle;
    for (std::size_t i = busy; i < all; ++i) idle += "░";
    return painted(style, Paint::accent, bar(ratio(span.busy, longest), bar_width)) +
           painted(style, Paint::warning, idle);
}

std::string memory_text(const Prediction& prediction, const TextStyle& style) {
    const std::string bytes = format(prediction.peak_memory_bytes);
    return prediction.fits_memory() ? bytes : painted(style, Paint::bad, bytes + " !");
}

std::string too_large_text(const std::vector<Rung>& rungs, const TextStyle& style) {
    const bool all_fit =
        std::all_of(rungs.begin(), rungs.end(), [](const Rung& rung) { return rung.prediction.fits_memory(); });
    if (all_fit) return "";
    return "  " + painted(style, Paint::bad, "! does not fit") + " into the GPU's " +
           format(rungs.front().prediction.dram_capacity) + "\n";
}

std::string rungs_text(const std::vector<Rung>& rungs, const TextStyle& style) {
    const Prediction& foot = rungs.front().prediction;
    Seconds longest;
    for (const Rung& rung : rungs) longest = std::max(longest, rung.prediction.span.latency);
    Columns columns({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right, Align::right,
                     Align::right, Align::right, Align::left});
    columns.add({"", "latency", "step", "total", "idle", "host", "launches", "DRAM", "memory", ""});
    const Prediction* before = &foot;
    for (const Rung& rung : rungs) {
        const Prediction& now = rung.prediction;
        columns.add({name_of(rung), format(now.span.latency),
                     fmt::format("{:.2f}x", ratio(before->span.latency, now.span.latency)),
                     fmt::format("{:.2f}x", ratio(foot.span.latency, now.span.latency)),
                     percent(ratio(now.span.idle, now.span.latency)), format(now.span.host),
                     count_text(std::round(launches_of(now))), format(now.dram_bytes), memory_text(now, style),
                     waterfall(now.span, longest, style)});
        before = &now;
    }
    return columns.text(2);
}

std::string arrow(const std::string& before, const std::string& after) {
    return before == after ? after : before + " → " + after;
}

std::string change_text(const Rung& rung, const Prediction& before, const TextStyle& style, std::size_t top) {
    Columns columns({Align::left, Align::right, Align::right, Align::right});
    columns.add({painted(style, Paint::bold, name_of(rung)), "time", "launches", "DRAM"});
    const Span& was = before.span;
    const Span& is = rung.prediction.span;
    if (format(was.idle) != format(is.idle)) {
        columns.add({"GPU idle", arrow(format(was.idle), format(is.idle)), "", ""});
    }
    for (std::size_t i = 0; i < std::min(top, rung.changes.size()); ++i) {
        const KernelChange& change = rung.changes[i];
        columns.add(
            {change.label, arrow(format(change.time_before), format(change.time_after)),
             arrow(count_text(std::round(change.launches_before)), count_text(std::round(change.launches_after))),
             arrow(format(change.dram_before), format(change.dram_after))});
    }
    const std::string more =
        rung.changes.size() > top ? fmt::format("    … and {} more kinds of kernel\n", rung.changes.size() - top) : "";
    return "\n" + columns.text(2) + more;
}

json change_json(const KernelChange& change) {
    return {{"label", change.label},
            {"launches", {number_json(change.launches_before), number_json(change.launches_after)}},
            {"time_s", {change.time_before.value(), change.time_after.value()}},
            {"dram_bytes", {whole_json(change.dram_before.value()), whole_json(change.dram_after.value())}}};
}

json rung_json(const Rung& rung, const Prediction& before, const Prediction& foot) {
    const Prediction& now = rung.prediction;
    json changes = json::array();
    for (const KernelChange& change : rung.changes) changes.push_back(change_json(change));
    return {{"levers", rung.levers},
            {"replaces", rung.replaces},
            {"stack", now.stack},
            {"parameters", parameters_json(now.parameters)},
            {"latency_s", now.span.latency.value()},
            {"interval_s", {now.interval.low.value(), now.interval.high.value()}},
            {"gpu_busy_s", now.span.busy.value()},
            {"gpu_idle_s", now.span.idle.value()},
            {"step_speedup", ratio(before.span.latency, now.span.latency)},
            {"speedup", ratio(foot.span.latency, now.span.latency)},
            {"launches", number_json(launches_of(now))},
            {"flops", whole_json(now.flops.value())},
            {"dram_bytes", whole_json(now.dram_bytes.value())},
            {"weight_bytes", whole_json(now.weight_bytes.value())},
            {"peak_memory_bytes", whole_json(now.peak_memory_bytes.value())},
            {"fits_memory", now.fits_memory()},
            {"host_s", now.span.host.value()},
            {"energy_j", nullptr},  // power is not modelled
            {"changes", std::move(changes)}};
}

}  // namespace

std::string ladder_text(const std::vector<Rung>& rungs, const TextStyle& style, std::size_t top) {
    const Prediction& foot = rungs.front().prediction;
    std::string text = painted(style, Paint::bold, foot.workload) + " on " + painted(style, Paint::bold, foot.gpu) +
                       " with " + painted(style, Paint::bold, foot.stack) + ", one lever after another\n\n" +
                       rungs_text(rungs, style) + "\n  " + painted(style, Paint::faint, "bars: GPU busy █, idle ░") +
                       "\n" + too_large_text(rungs, style);
    for (std::size_t i = 1; i < rungs.size(); ++i) {
        text += change_text(rungs[i], rungs[i - 1].prediction, style, top);
    }
    return text;
}

std::string ladder_json(const std::vector<Rung>& rungs) {
    const Prediction& foot = rungs.front().prediction;
    json list = json::array();
    for (std::size_t i = 0; i < rungs.size(); ++i) {
        list.push_back(rung_json(rungs[i], rungs[i > 0 ? i - 1 : 0].prediction, foot));
    }
    return json{{"workload", foot.workload}, {"gpu", foot.gpu}, {"rungs", std::move(list)}}.dump(2) + "\n";
}

}  // namespace cupola
