#include "cupola/report/columns.hpp"
#include "cupola/report/validation.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <iterator>
#include <sstream>

namespace cupola {
namespace {

using namespace validation;

constexpr std::size_t label_width = 12;
constexpr std::size_t longest_label = 44;
constexpr std::string_view legend =
    "Errors are (predicted - measured) / measured; median, p90 and worst are of their size. Total: the same of\n"
    "the sums over all rows, by weight. In 80 %: measurements inside their 80 % interval. Nothing is fitted to test "
    "rows.";

std::string signed_percent(double share) { return fmt::format("{:+.1f} %", 100 * share); }

std::string count(std::size_t number) { return format_count(static_cast<long long>(number)); }

std::string line(std::string_view label, const std::string& text) {
    return fmt::format("  {:<{}}{}\n", label, label_width, text);
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

std::string limits_text(const Tolerance& tolerance) {
    std::string text = tolerance.mape ? "MAPE up to " + percent(*tolerance.mape) : "";
    if (tolerance.bias) text += (text.empty() ? "" : ", ") + std::string("bias within ±") + percent(*tolerance.bias);
    return text + " on test rows of each group";
}

std::string summary(const Evaluation& evaluation, const TextStyle& style) {
    const Dataset& data = evaluation.data;
    std::string text = painted(style, Paint::bold, data.name) + "  " + data.title + "\n";
    text += line("measured", wrapped(words_of(data.source), style.width, label_width + 2));
    std::string rows = fmt::format("{} of {}", count(data.rows.size()), data.path);
    if (data.rows_of_other > 0) rows += fmt::format("; {} are not of this set", count(data.rows_of_other));
    text += line("rows", rows);
    for (std::size_t i = 0; i < data.gpus.size(); ++i) {
        if (i > 0 && data.gpus[i].name == data.gpus[i - 1].name) continue;  // the same one at the clocks of other rows
        text += line(i == 0 ? "predicted" : "",
                     data.gpus[i].name + " with " + evaluation.parameters[i] + " for " + data.library);
    }
    if (data.tolerance.mape || data.tolerance.bias) text += line("tolerance", limits_text(data.tolerance));
    for (const Skip& skip : data.skipped) {
        text += line(painted(style, Paint::warning, "skipped") + std::string(label_width - 7, ' '),
                     fmt::format("{} {} from line {}: {}", count(skip.rows), skip.rows == 1 ? "row" : "rows",
                                 skip.first_line, skip.reason));
    }
    return text;
}

void add_group(Columns& columns, const ErrorGroup& group, const std::string& name, const TextStyle& style) {
    const ErrorSummary& errors = group.errors;
    const std::string verdict = !group.judged            ? ""
                                : group.within_tolerance ? painted(style, Paint::good, "within")
                                                         : painted(style, Paint::bad, "OUTSIDE");
    columns.add({name, std::string(name_of(group.split)), count(errors.rows), percent(errors.mape),
                 percent(errors.median), percent(errors.p90), signed_percent(errors.bias), percent(errors.worst),
                 signed_percent(group.total), percent(group.coverage), verdict});
}

/// Names only where they change.
std::string groups_text(const std::vector<ErrorGroup>& groups, const std::string& title, const TextStyle& style) {
    Columns columns({Align::left, Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
                     Align::right, Align::right, Align::right, Align::left});
    columns.add({title, "split", "rows", "MAPE", "median", "p90", "bias", "worst", "total", "in 80 %", ""});
    std::string before;
    for (const ErrorGroup& group : groups) {
        add_group(columns, group, group.name == before ? "" : group.name, style);
        before = group.name;
    }
    return "\n" + columns.text(2);
}

/// A property that tells no rows apart says nothing that the groups do not.
bool worth_showing(const Breakdown& breakdown) {
    for (const ErrorGroup& group : breakdown.groups) {
        if (group.name != breakdown.groups.front().name) return true;
    }
    return false;
}

std::string worst_text(const Evaluation& evaluation, const TextStyle& style) {
    Columns columns({Align::right, Align::right, Align::right, Align::left, Align::left, Align::left, Align::right});
    columns.add({"error", "measured", "predicted", "bound", "split", "row", "line"});
    for (const std::size_t index : evaluation.worst) {
        const Measurement& row = evaluation.data.rows[index];
        const ComparedRow& compared = evaluation.rows[index];
        columns.add(
            {signed_percent(compared.error), format(row.measured), format(compared.cost.time),
             std::string(name_of(compared.cost.bound)), std::string(name_of(row.test ? Split::test : Split::train)),
             shortened(evaluation.data.groups[row.group] + ": " + row.label, longest_label), std::to_string(row.line)});
    }
    return "\n  " + painted(style, Paint::bold, "Worst rows") + "\n" + columns.text(2);
}

std::string evaluation_text(const Evaluation& evaluation, const TextStyle& style) {
    std::string text = summary(evaluation, style) + groups_text(evaluation.groups, "group", style);
    for (const Breakdown& breakdown : evaluation.breakdowns) {
        if (worth_showing(breakdown)) text += groups_text(breakdown.groups, "by " + breakdown.property, style);
    }
    return text + worst_text(evaluation, style);
}

/// The test rows of all data sets in one table.
std::string overview(const std::vector<Evaluation>& evaluations, const TextStyle& style) {
    Columns columns({Align::left, Align::left, Align::right, Align::right, Align::right, Align::right, Align::right,
                     Align::right, Align::right, Align::right, Align::left});
    columns.add({"data set: group", "split", "rows", "MAPE", "median", "p90", "bias", "worst", "total", "in 80 %", ""});
    for (const Evaluation& evaluation : evaluations) {
        for (const ErrorGroup& group : evaluation.groups) {
            if (group.split != Split::test) continue;
            add_group(columns, group, evaluation.data.name + ": " + group.name, style);
        }
    }
    return painted(style, Paint::bold, "Test rows of all data sets") + "\n" + columns.text(2);
}

}  // namespace

std::string validation_text(const std::vector<Evaluation>& evaluations, const TextStyle& style,
                            const std::vector<ComparedProbe>& probes) {
    std::string text;
    for (const Evaluation& evaluation : evaluations) {
        text += (text.empty() ? "" : "\n") + evaluation_text(evaluation, style);
    }
    if (evaluations.size() > 1) text += "\n" + overview(evaluations, style);
    for (const ComparedProbe& probe : probes) text += "\n" + probe_results_text(probe, evaluations, style);
    return text + "\n" + painted(style, Paint::faint, legend) + "\n";
}

}  // namespace cupola
