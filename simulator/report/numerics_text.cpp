#include "cupola/report/columns.hpp"
#include "cupola/report/numerics.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace cupola {
namespace {

using namespace numerics;

constexpr std::string_view legend =
    "max: largest |difference| of an element; rel. L2: ‖difference‖ / ‖fp64‖; W1: Wasserstein distance of the "
    "elements.\n"
    "Rescales: of a row, one a tile after the first. Ratio: rel. L2 of tiled over baseline.";
constexpr std::string_view overflow_note = "-: an output was no finite number";

/// "1.2e-3"
std::string short_number(double value) {
    if (!std::isfinite(value)) return "-";
    if (value == 0) return "0";
    const int exponent = static_cast<int>(std::floor(std::log10(value)));
    const std::string text = fmt::format("{:.1e}", value);  // may round up to the next power of ten
    const std::size_t e = text.find('e');
    return text.substr(0, e) + fmt::format("e{}", text.starts_with("1.0") ? std::stoi(text.substr(e + 1)) : exponent);
}

/// "bf16: inputs scores; fp32: maximum sum"
std::string steps_text(const Precision& precision) {
    std::string text;
    for (const NumberFormat format : all_formats) {
        std::string names;
        for (const Step& step : all_steps) {
            if (precision.*step.format == format) names += " " + std::string(step.name);
        }
        if (!names.empty()) text += (text.empty() ? "" : "; ") + std::string(name_of(format)) + ":" + names;
    }
    return text;
}

std::string heading(const StudyRow& row, const TextStyle& style) {
    const bool outer_query = row.tiling.outer == LoopOrder::query;
    std::string text =
        "\n" + painted(style, Paint::bold, fmt::format("{}, {}", name_of(row.format), name_of(row.preset)));
    text += outer_query ? ", queries outside\n" : ", keys outside: normalised after every tile\n";
    const auto& [baseline, tiled] = row.precision;
    if (baseline == tiled) return text + "  both      " + steps_text(tiled) + "\n\n";
    return text + "  baseline  " + steps_text(baseline) + "\n  tiled     " + steps_text(tiled) + "\n\n";
}

Columns empty_table() {
    std::vector<Align> alignment(12, Align::right);
    Columns columns(alignment);
    columns.add({"", "", "", "baseline:", "", "", "tiled:", "", "", "apart:", "", ""});
    columns.add({"keys", "tile", "rescales", "max", "rel. L2", "W1", "max", "rel. L2", "W1", "max", "W1", "ratio"});
    return columns;
}

void add_row(Columns& columns, const StudyRow& row) {
    const double ratio = row.tiled.relative_l2 / row.baseline.relative_l2;
    columns.add({format_count(static_cast<long long>(row.keys)),
                 fmt::format("{}x{}", row.tiling.query_tile, row.tiling.key_tile),
                 format_count(static_cast<long long>(row.rescaled())), short_number(row.baseline.largest),
                 short_number(row.baseline.relative_l2), short_number(row.baseline.wasserstein),
                 short_number(row.tiled.largest), short_number(row.tiled.relative_l2),
                 short_number(row.tiled.wasserstein), short_number(row.apart.largest),
                 short_number(row.apart.wasserstein), std::isfinite(ratio) ? fmt::format("{:.1f}", ratio) : "-"});
}

bool same_table(const StudyRow& a, const StudyRow& b) {
    return a.format == b.format && a.preset == b.preset && a.tiling.outer == b.tiling.outer;
}

}  // namespace

std::string numerics_text(const Study& study, const std::vector<StudyRow>& rows, const TextStyle& style) {
    std::string text =
        painted(style, Paint::bold, "Baseline and tiled attention, each beside attention in fp64") + "\n";
    text +=
        fmt::format("  {} queries of head dimension {}, Q and K normal, V normal with mean {:g}; {} {} from seed {}\n",
                    format_count(study.queries), study.head_dim, study.value_mean, study.trials,
                    study.trials == 1 ? "trial" : "trials", study.seed);
    bool overflow = false;
    for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
        Columns columns = empty_table();
        for (; end < rows.size() && same_table(rows[begin], rows[end]); ++end) {
            add_row(columns, rows[end]);
            overflow = overflow || !std::isfinite(rows[end].apart.largest);
        }
        text += heading(rows[begin], style) + columns.text(2);
    }
    text += "\n" + painted(style, Paint::faint, legend) + "\n";
    return overflow ? text + std::string(overflow_note) + "\n" : text;
}

}  // namespace cupola
