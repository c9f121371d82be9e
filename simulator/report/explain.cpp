#include "cupola/report/explain.hpp"

#include "cupola/report/columns.hpp"
#include "cupola/report/describe.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cupola {
namespace {

double ratio(Seconds a, Seconds b) { return b > Seconds(0) ? a / b : 0; }

std::string heading(const TextStyle& style, std::string_view text) {
    return "\n" + painted(style, Paint::bold, text) + "\n";
}

std::string selection_text(const LaunchSelection& selection) {
    std::string text;
    const auto add = [&](std::string_view what, const std::string& value) {
        if (!value.empty()) text += (text.empty() ? "" : ", ") + std::string(what) + " " + value;
    };
    add("stage", selection.stage);
    add("module", selection.module);
    add("kernel", selection.kernel);
    return text.empty() ? "the whole run" : text;
}

std::string summary(const Explanation& e, const TextStyle& style) {
    std::string text = painted(style, Paint::bold, selection_text(e.selection)) + " of " + e.workload + " on " + e.gpu +
                       " with " + e.stack + "\n\n";
    const auto line = [&](std::string_view label, const std::string& value) {
        text += fmt::format("  {:<12}{}\n", label, value);
    };
    line("GPU time",
         fmt::format("{}, {} of the run's {}", format(e.busy), percent(ratio(e.busy, e.run_busy)), format(e.run_busy)));
    line("roofline", fmt::format("{}: the GPU time is {:.2f} times that", format(e.floor), ratio(e.busy, e.floor)));
    line("launches", fmt::format("{} of {} kinds, {} of CPU time", count_text(std::round(e.launches)), e.kernels.size(),
                                 format(e.host)));
    line("work", fmt::format("{}, {} from DRAM", format(e.flops), format(e.dram_bytes)));
    return text;
}

std::string sensitivities(const Explanation& e, const TextStyle& style) {
    std::vector<Sensitivity> rows(e.sensitivities.begin(), e.sensitivities.end());
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Sensitivity& a, const Sensitivity& b) { return a.busy < b.busy; });
    Columns columns({Align::left, Align::right, Align::right});
    for (const Sensitivity& row : rows) {
        const double change = e.busy > Seconds(0) ? row.busy / e.busy - 1 : 0;
        if (std::abs(change) < 0.0005) continue;
        columns.add({std::string(name_of(row.resource)), format(row.busy), fmt::format("{:+.1f} %", 100 * change)});
    }
    return heading(style, "GPU time with twice as much of one resource") + columns.text(2);
}

std::string move_text(const ExplainedKernel& kernel) {
    if (!kernel.move) return fmt::format("stays {}-bound with 64 times the resource", name_of(kernel.cost.bound));
    const BoundMove& move = *kernel.move;
    return fmt::format("with {:.2g} times the {} it is {}-bound at {} ({:+.0f} %)", move.factor, name_of(move.resource),
                       name_of(move.next), format(move.time), 100 * (ratio(move.time, kernel.cost.time) - 1));
}

std::string kernel_text(const ExplainedKernel& kernel, const TextStyle& style) {
    const KernelCost& cost = kernel.cost;
    std::string text = fmt::format(
        "\n  {}  {}  {}\n    {}: {}, operator {}\n", painted(style, Paint::bold, kernel.kernel.label),
        sizes_text(kernel.kernel.work), name_of(kernel.kernel.type), kernel.stage,
        shortened(kernel.module, style.width - std::min(style.width, std::size_t{40})), kernel.operator_name);
    text += fmt::format("    {} each (80 % interval {} to {}) x {} launches = {}; roofline {}\n", format(cost.time),
                        format(cost.time * kernel.uncertainty.low), format(cost.time * kernel.uncertainty.high),
                        count_text(kernel.launches), format(kernel.total()), format(kernel.floor));
    std::string terms;
    for (const Bound bound : all_bounds) {
        const std::string term = fmt::format("{} {}", name_of(bound), format(cost.of(bound)));
        if (cost.of(bound) <= Seconds(0)) continue;
        terms +=
            (terms.empty() ? "" : ", ") + (bound == cost.bound ? painted(style, Paint::accent, term + " ←") : term);
    }
    text += "    terms: " + terms + "\n";
    text += fmt::format("    traffic: {} by its operands, {} of L2, {} of DRAM; {}\n",
                        format(compulsory_bytes(kernel.kernel)), format(cost.l2_bytes), format(cost.dram_bytes),
                        format(cost.flops));
    return text + "    " + move_text(kernel) + "\n";
}

}  // namespace

std::string explanation_text(const Explanation& e, const TextStyle& style, std::size_t top) {
    std::string text = summary(e, style) + sensitivities(e, style);
    const std::size_t shown = std::min(top, e.kernels.size());
    text += heading(style, fmt::format("Kernels ({} of {} kinds; time = launch + smooth maximum of the other terms)",
                                       shown, e.kernels.size()));
    for (std::size_t i = 0; i < shown; ++i) text += kernel_text(e.kernels[i], style);
    return text;
}

}  // namespace cupola
