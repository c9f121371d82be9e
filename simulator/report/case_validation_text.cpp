#include "cupola/report/case_validation.hpp"
#include "cupola/report/columns.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cupola {
namespace {

using namespace validation;

constexpr std::size_t longest_name = 32;
constexpr std::size_t most_skips = 20;  // reasons in text; JSON has all
constexpr std::size_t most_named = 8;
constexpr std::string_view legend =
    "Errors are (predicted - measured) / measured of the metric as stated; median, p90 and worst are of their size.";

std::string signed_percent(double share) { return fmt::format("{:+.1f} %", 100 * share); }

std::string count(std::size_t number, std::string_view noun) {
    return fmt::format("{} {}{}", format_count(static_cast<long long>(number)), noun, number == 1 ? "" : "s");
}

std::size_t rows_of(const std::vector<SkippedCase>& skipped) {
    std::size_t rows = 0;
    for (const SkippedCase& skip : skipped) rows += skip.rows;
    return rows;
}

std::string heading(const CaseEvaluation& evaluation, const TextStyle& style) {
    std::string text = evaluation.cases.empty()
                           ? painted(style, Paint::bad, "Nothing compared")
                           : painted(style, Paint::bold, count(evaluation.cases.size(), "case") + " compared");
    if (!evaluation.skipped.empty()) {
        text += ", " + painted(style, Paint::warning, count(rows_of(evaluation.skipped), "row") + " skipped");
    }
    const auto& [mape, bias] = evaluation.tolerance;
    if (mape || bias) {
        text += "; tolerance" + (mape ? " MAPE up to " + percent(*mape) : "") + (mape && bias ? "," : "") +
                (bias ? " bias within ±" + percent(*bias) : "") + ": " +
                (evaluation.within_tolerance() ? painted(style, Paint::good, "within")
                                               : painted(style, Paint::bad, "OUTSIDE"));
    }
    return text + "\n";
}

std::string groups_text(const std::vector<CaseGroup>& groups) {
    Columns columns(
        {Align::left, Align::left, Align::right, Align::right, Align::right, Align::right, Align::right, Align::right});
    columns.add({"by", "group", "rows", "MAPE", "median", "p90", "bias", "worst"});
    std::string before;
    for (const CaseGroup& group : groups) {
        const ErrorSummary& errors = group.errors;
        columns.add({group.by == before ? "" : group.by, shortened(group.name, longest_name),
                     format_count(static_cast<long long>(errors.rows)), percent(errors.mape), percent(errors.median),
                     percent(errors.p90), signed_percent(errors.bias), percent(errors.worst)});
        before = group.by;
    }
    return "\n" + columns.text(2);
}

/// "cases.csv:12"
std::string place(const SourcePosition& where) {
    const std::string file = where.file ? *where.file : "";
    return file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(where.line);
}

std::string worst_text(const CaseEvaluation& evaluation, const TextStyle& style) {
    Columns columns(
        {Align::right, Align::right, Align::right, Align::left, Align::left, Align::right, Align::left, Align::left});
    columns.add({"error", "measured", "predicted", "", "bound", "idle", "id", "line"});
    for (const std::size_t index : evaluation.worst) {
        const ComparedCase& compared = evaluation.cases[index];
        const Case& measured = compared.measured;
        columns.add({signed_percent(compared.error), fmt::format("{:.4g}", measured.measured),
                     fmt::format("{:.4g}", compared.predicted), std::string(unit_of(measured.metric)),
                     compared.bound.host ? "host" : "gpu: " + std::string(name_of(compared.bound.limit)),
                     percent(compared.idle_share), shortened(measured.id, longest_name),
                     place(measured.where(CaseColumn::id))});
    }
    return "\n  " + painted(style, Paint::bold, "Worst rows") + "\n" + columns.text(2);
}

std::string too_large_text(const std::vector<ComparedCase>& cases, const TextStyle& style) {
    std::size_t number = 0;
    std::string ids;
    for (const ComparedCase& compared : cases) {
        if (compared.fits_memory) continue;
        if (++number <= most_named) ids += (number == 1 ? "" : ", ") + shortened(compared.measured.id, longest_name);
    }
    if (number == 0) return "";
    return fmt::format("\n  {}: {}{}\n",
                       painted(style, Paint::warning, count(number, "case") + " beyond the GPU's memory"), ids,
                       number > most_named ? ", …" : "");
}

/// Rows skipped for one reason, told at the first.
std::vector<SkippedCase> by_reason(const std::vector<SkippedCase>& skipped) {
    std::vector<SkippedCase> reasons;
    for (const SkippedCase& skip : skipped) {
        const auto known = std::find_if(reasons.begin(), reasons.end(),
                                        [&](const SkippedCase& other) { return other.reason == skip.reason; });
        if (known == reasons.end()) {
            reasons.push_back(skip);
        } else {
            known->rows += skip.rows;
        }
    }
    return reasons;
}

std::string skips_text(const std::vector<SkippedCase>& skipped, const TextStyle& style) {
    if (skipped.empty()) return "";
    std::string text = "\n  " + painted(style, Paint::bold, "Skipped") + "\n";
    const std::vector<SkippedCase> reasons = by_reason(skipped);
    for (std::size_t i = 0; i < std::min(reasons.size(), most_skips); ++i) {
        const SkippedCase& skip = reasons[i];
        text += fmt::format("  {}: {}{}\n", skip.where.text(), skip.reason,
                            skip.rows > 1 ? fmt::format(" ({})", count(skip.rows, "row")) : "");
    }
    if (reasons.size() > most_skips) {
        text += fmt::format("  … and {} more reasons (--json has all)\n",
                            format_count(static_cast<long long>(reasons.size() - most_skips)));
    }
    return text;
}

std::string other_columns_text(const std::vector<std::string>& columns) {
    std::string text;
    for (const std::string& column : columns) text += (text.empty() ? "\n  columns not read: " : ", ") + column;
    return text.empty() ? text : text + "\n";
}

}  // namespace

std::string case_validation_text(const CaseEvaluation& evaluation, const TextStyle& style) {
    std::string text = heading(evaluation, style);
    if (!evaluation.cases.empty()) text += groups_text(evaluation.groups) + worst_text(evaluation, style);
    text += too_large_text(evaluation.cases, style);
    text += skips_text(evaluation.skipped, style) + other_columns_text(evaluation.other_columns);
    return text + "\n" + painted(style, Paint::faint, legend) + "\n";
}

}  // namespace cupola
