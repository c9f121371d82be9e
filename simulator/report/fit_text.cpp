#include "cupola/report/columns.hpp"
#include "cupola/report/fit.hpp"

#include <fmt/format.h>

namespace cupola {
namespace {

std::string percent_of(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string parameters(const fit::BlockReport& block, const TextStyle& style) {
    Columns columns({Align::left, Align::right, Align::right, Align::right, Align::left, Align::left});
    columns.add({"", "before", "fitted", "error", "", "pinned by"});
    for (const fit::ParameterReport& parameter : block.parameters) {
        if (!parameter.refused.empty()) {
            columns.add({parameter.name, fmt::format("{:.4g}", parameter.before), "-", "-", parameter.unit,
                         painted(style, Paint::warning, "refused: " + parameter.refused)});
            continue;
        }
        columns.add({parameter.name, fmt::format("{:.4g}", parameter.before), fmt::format("{:.4g}", parameter.value),
                     fmt::format("{:.2g}", parameter.standard_error), parameter.unit,
                     fmt::format("{} (x{:.2g}){}", parameter.pinned_by, parameter.pinned_factor,
                                 parameter.at_bound ? painted(style, Paint::warning, ", at its bound") : "")});
    }
    return columns.text(2);
}

std::string correlations(const fit::BlockReport& block) {
    std::string text;
    for (const auto& [names, value] : block.correlations) {
        text += fmt::format("  correlation {:5.2f}  {} and {}\n", value, names.first, names.second);
    }
    return text;
}

std::string errors(const fit::BlockReport& block) {
    Columns columns({Align::left, Align::left, Align::left, Align::right, Align::right, Align::right, Align::right,
                     Align::right, Align::right, Align::right});
    columns.add({"data", "group", "rows of", "", "MAPE before", "MAPE", "median", "p90", "bias", "in 80 %"});
    for (const fit::ErrorReport& error : block.errors) {
        columns.add({error.data, error.group, error.test ? "test" : "train", fmt::format("{}", error.rows),
                     percent_of(error.mape_before), percent_of(error.mape), percent_of(error.median),
                     percent_of(error.p90), percent_of(error.bias), percent_of(error.coverage)});
    }
    return columns.text(2);
}

}  // namespace

std::string fit_text(const fit::FitResult& result, const TextStyle& style) {
    std::string text = painted(style, Paint::bold, result.calibration.gpu) + "\n";
    for (const fit::BlockReport& block : result.blocks) {
        text += "\n" + painted(style, Paint::bold, block.block.library) + "\n";
        text += parameters(block, style) + correlations(block) + errors(block);
    }
    return text;
}

std::string leave_one_out_text(const fit::LeaveOneOutResult& result, const TextStyle& style) {
    Columns columns({Align::left, Align::left, Align::left, Align::right, Align::right, Align::right, Align::right,
                     Align::right, Align::right});
    columns.add({"left out", "data", "group", "rows", "MAPE fitted", "MAPE", "median", "p90", "bias"});
    for (std::size_t i = 0; i < result.gpus.size(); ++i) {
        for (const fit::ErrorReport& error : result.errors[i]) {
            columns.add({result.gpus[i], error.data, error.group, fmt::format("{}", error.rows),
                         percent_of(error.mape_before), percent_of(error.mape), percent_of(error.median),
                         percent_of(error.p90), percent_of(error.bias)});
        }
    }
    return painted(style, Paint::bold, "Each GPU predicted from the others") + "\n" + columns.text(2);
}

}  // namespace cupola
