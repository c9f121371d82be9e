#include "cupola/report/fit.hpp"
#include "cupola/report/json.hpp"

namespace cupola {
namespace {

json parameter_json(const fit::ParameterReport& parameter) {
    return {{"name", parameter.name},
            {"unit", parameter.unit},
            {"low", number_json(parameter.low)},
            {"high", number_json(parameter.high)},
            {"before", number_json(parameter.before)},
            {"value", number_json(parameter.value)},
            {"standard_error", number_json(parameter.standard_error)},
            {"at_bound", parameter.at_bound},
            {"pinned_by", parameter.pinned_by},
            {"pinned_factor", number_json(parameter.pinned_factor)},
            {"refused", parameter.refused.empty() ? json(nullptr) : json(parameter.refused)}};
}

json error_json(const fit::ErrorReport& error) {
    return {{"data", error.data},
            {"name", error.group},
            {"split", error.test ? "test" : "train"},
            {"rows", error.rows},
            {"mape_before", error.mape_before},
            {"mape", error.mape},
            {"median", error.median},
            {"p90", error.p90},
            {"bias", error.bias},
            {"coverage", error.coverage}};
}

json block_json(const fit::BlockReport& block) {
    json parameters = json::array(), correlations = json::array(), errors = json::array();
    for (const fit::ParameterReport& parameter : block.parameters) parameters.push_back(parameter_json(parameter));
    for (const auto& [names, value] : block.correlations) {
        correlations.push_back({{"of", {names.first, names.second}}, {"value", value}});
    }
    for (const fit::ErrorReport& error : block.errors) errors.push_back(error_json(error));
    return {{"library", block.block.library},
            {"parameters", std::move(parameters)},
            {"correlations", std::move(correlations)},
            {"errors", std::move(errors)}};
}

}  // namespace

std::string leave_one_out_json(const fit::LeaveOneOutResult& result) {
    json gpus = json::array();
    for (std::size_t i = 0; i < result.gpus.size(); ++i) {
        json errors = json::array();
        for (const fit::ErrorReport& error : result.errors[i]) errors.push_back(error_json(error));
        gpus.push_back({{"name", result.gpus[i]}, {"errors", std::move(errors)}});
    }
    return json{{"gpus", std::move(gpus)}}.dump(2) + "\n";
}

std::string fit_json(const fit::FitResult& result) {
    json blocks = json::array();
    for (const fit::BlockReport& block : result.blocks) blocks.push_back(block_json(block));
    const json document{
        {"gpu", result.calibration.gpu}, {"date", result.calibration.date}, {"blocks", std::move(blocks)}};
    return document.dump(2) + "\n";
}

}  // namespace cupola
