#include "cupola/report/columns.hpp"
#include "cupola/report/validation.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <span>

namespace cupola {
namespace {

using namespace validation;

std::string signed_percent(double share) { return fmt::format("{:+.1f} %", 100 * share); }
std::string count(double number) { return format_count(static_cast<long long>(number + 0.5)); }
std::string share(const std::optional<double>& value) { return value ? percent(*value) : "-"; }

std::string counters_text(const std::vector<CounterGroup>& groups, const TextStyle& style) {
    if (groups.empty()) return "";
    Columns columns({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
    columns.add({"rows behind a flush of L2", "rows", "DRAM median", "DRAM bias", "L1 hits", "L2 hits"});
    for (const CounterGroup& group : groups) {
        const bool has_dram = group.dram_rows > 0;
        columns.add({group.name, count(static_cast<double>(group.rows)), has_dram ? percent(group.dram_median) : "-",
                     has_dram ? signed_percent(group.dram_bias) : "-", share(group.l1_hits), share(group.l2_hits)});
    }
    return "\n  " + painted(style, Paint::bold, "Hardware counters") +
           ": DRAM bytes predicted against counted, median hit rates; times in this file\n"
           "  were taken with the profiler attached\n" +
           columns.text(2);
}

std::string replays_text(const std::vector<Replay>& replays, const TextStyle& style) {
    if (replays.empty()) return "";
    Columns columns({Align::left, Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
    columns.add({"pass", "launched", "launches", "whole", "kernels", "idle", "line"});
    for (const Replay& replay : replays) {
        const bool known = replay.kernels.has_value();
        columns.add({replay.name, replay.mode == "graph" ? "as one graph" : "one by one", count(replay.launches),
                     format(replay.whole), known ? format(*replay.kernels) : "-",
                     known ? percent(1 - *replay.kernels / replay.whole) : "-", std::to_string(replay.line)});
    }
    return "\n  " + painted(style, Paint::bold, "Replays") + " of one pass of each stage\n" + columns.text(2);
}

std::string sums_text(const std::vector<KernelSum>& sums, const TextStyle& style) {
    if (sums.empty()) return "";
    Columns columns({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
    columns.add({"data set", "cases", "launches", "measured", "predicted", "error"});
    const auto add = [&](const KernelSum& sum) {
        columns.add({sum.name, count(static_cast<double>(sum.cases)), count(sum.launches), format(sum.measured),
                     format(sum.predicted), signed_percent(sum.predicted / sum.measured - 1)});
    };
    KernelSum total;
    total.name = "all";
    for (const KernelSum& sum : sums) {
        add(sum);
        total.cases += sum.cases;
        total.launches += sum.launches;
        total.measured += sum.measured;
        total.predicted += sum.predicted;
    }
    add(total);
    return "\n  " + painted(style, Paint::bold, "A run by its kernels") +
           ": each measured alone, times its launches; without gaps\n" + columns.text(2);
}

}  // namespace

std::string probe_results_text(const ComparedProbe& probe, const std::vector<Evaluation>& evaluations,
                               const TextStyle& style) {
    const ProbeResults& results = probe.results;
    const std::span own = std::span(evaluations).subspan(probe.first, probe.count);
    std::string text = painted(style, Paint::bold, results.path) + "  " +
                       (results.device.empty() ? "a GPU without a name" : results.device) + ", driver " +
                       (results.drivers.empty() ? "unknown" : results.drivers) + ", " +
                       (results.dates.empty() ? "no date" : results.dates) + "\n";
    for (const Skip& skip : results.unread) {
        text += "  " + painted(style, Paint::warning, "not read") +
                fmt::format("    {} {} from line {}: {}\n", skip.rows, skip.rows == 1 ? "row" : "rows", skip.first_line,
                            skip.reason);
    }
    return text + sums_text(kernel_sums(own), style) + replays_text(results.replays, style) +
           counters_text(counter_groups(own), style);
}

}  // namespace cupola
