#include "cupola/report/case_validation.hpp"
#include "cupola/report/json.hpp"

namespace cupola {
namespace {

using namespace validation;

json group_json(const CaseGroup& group) {
    const ErrorSummary& errors = group.errors;
    return {{"by", group.by},          {"name", group.name}, {"rows", errors.rows}, {"mape", errors.mape},
            {"median", errors.median}, {"p90", errors.p90},  {"bias", errors.bias}, {"worst", errors.worst}};
}

json position_json(const SourcePosition& where) {
    const auto known = [](int number) { return number > 0 ? json(number) : json(nullptr); };
    return {{"file", where.file ? json(*where.file) : json(nullptr)},
            {"line", known(where.line)},
            {"column", known(where.column)}};
}

json case_json(const ComparedCase& compared) {
    const Case& measured = compared.measured;
    const SourcePosition& where = measured.where(CaseColumn::id);
    return {{"id", measured.id},
            {"predicted", compared.predicted},
            {"measured", measured.measured},
            {"error", compared.error},
            {"bound", compared.bound.name()},
            {"limit", name_of(compared.bound.limit)},
            {"idle_share", compared.idle_share},
            {"fits_memory", compared.fits_memory},
            {"metric", name_of(measured.metric)},
            {"unit", unit_of(measured.metric)},
            {"workload", measured.workload},
            {"gpu", measured.gpu},
            {"stack", measured.stack},
            {"set", measured.set},
            {"levers", measured.levers},
            {"source", measured.source},
            {"confidence", measured.confidence},
            {"file", where.file ? json(*where.file) : json(nullptr)},
            {"line", where.line}};
}

json skip_json(const SkippedCase& skip) {
    json item = position_json(skip.where);
    item["id"] = skip.id;
    item["reason"] = skip.reason;
    item["rows"] = skip.rows;
    return item;
}

}  // namespace

std::string case_validation_json(const CaseEvaluation& evaluation) {
    json groups = json::array(), cases = json::array(), worst = json::array(), skipped = json::array();
    for (const CaseGroup& group : evaluation.groups) groups.push_back(group_json(group));
    for (const ComparedCase& compared : evaluation.cases) cases.push_back(case_json(compared));
    for (const std::size_t index : evaluation.worst) worst.push_back(evaluation.cases[index].measured.id);
    for (const SkippedCase& skip : evaluation.skipped) skipped.push_back(skip_json(skip));
    const auto limit = [](const std::optional<double>& value) { return value ? json(*value) : json(nullptr); };
    const json document{
        {"within_tolerance", evaluation.within_tolerance()},
        {"tolerance", {{"mape", limit(evaluation.tolerance.mape)}, {"bias", limit(evaluation.tolerance.bias)}}},
        {"groups", groups},
        {"cases", cases},
        {"worst", worst},
        {"skipped", skipped},
        {"other_columns", evaluation.other_columns}};
    // names come from the user's file, whatever their encoding
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace cupola
