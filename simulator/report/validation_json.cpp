#include "cupola/report/json.hpp"
#include "cupola/report/validation.hpp"

namespace cupola {
namespace {

using namespace validation;

json tolerance_json(const std::optional<double>& value) { return value ? json(*value) : json(nullptr); }

json errors_json(const ErrorGroup& group) {
    const ErrorSummary& errors = group.errors;
    return {{"name", group.name},        {"split", name_of(group.split)}, {"rows", errors.rows},
            {"mape", errors.mape},       {"median", errors.median},       {"p90", errors.p90},
            {"bias", errors.bias},       {"worst", errors.worst},         {"total", group.total},
            {"coverage", group.coverage}};
}

json group_json(const Evaluation& evaluation, const ErrorGroup& group) {
    json item{{"dataset", evaluation.data.name}};
    item.update(errors_json(group));
    item["within_tolerance"] = group.judged ? json(group.within_tolerance) : json(nullptr);
    return item;
}

json row_json(const Evaluation& evaluation, std::size_t index) {
    const Measurement& row = evaluation.data.rows[index];
    const ComparedRow& compared = evaluation.rows[index];
    return {{"line", row.line},
            {"label", row.label},
            {"group", evaluation.data.groups[row.group]},
            {"gpu", evaluation.data.gpus[row.gpu].name},
            {"split", name_of(row.test ? Split::test : Split::train)},
            {"measured_s", row.measured.value()},
            {"predicted_s", compared.cost.time.value()},
            {"error", compared.error},
            {"interval_s", {compared.interval.low.value(), compared.interval.high.value()}},
            {"bound", name_of(compared.cost.bound)}};
}

json dataset_json(const Evaluation& evaluation) {
    const Dataset& data = evaluation.data;
    json gpus = json::array(), breakdown = json::object(), worst = json::array(), skipped = json::array();
    for (std::size_t i = 0; i < data.gpus.size(); ++i) {
        if (i > 0 && data.gpus[i].name == data.gpus[i - 1].name) continue;  // the same one at the clocks of other rows
        gpus.push_back({{"name", data.gpus[i].name}, {"parameters", evaluation.parameters[i]}});
    }
    for (const Breakdown& by : evaluation.breakdowns) {
        for (const ErrorGroup& group : by.groups) breakdown[by.property].push_back(errors_json(group));
    }
    for (const std::size_t row : evaluation.worst) worst.push_back(row_json(evaluation, row));
    for (const Skip& skip : data.skipped) {
        skipped.push_back({{"reason", skip.reason}, {"rows", skip.rows}, {"first_line", skip.first_line}});
    }
    return {
        {"name", data.name},
        {"title", data.title},
        {"source", data.source},
        {"file", data.path},
        {"library", data.library},
        {"gpus", gpus},
        {"rows", data.rows.size()},
        {"rows_of_other", data.rows_of_other},
        {"tolerance", {{"mape", tolerance_json(data.tolerance.mape)}, {"bias", tolerance_json(data.tolerance.bias)}}},
        {"within_tolerance", evaluation.within_tolerance()},
        {"breakdown", breakdown},
        {"worst", worst},
        {"skipped", skipped}};
}

json probe_json(const ComparedProbe& probe, const std::vector<Evaluation>& evaluations) {
    const ProbeResults& results = probe.results;
    const std::span own = std::span(evaluations).subspan(probe.first, probe.count);
    const auto maybe = [](const auto& value) { return value ? json(*value) : json(nullptr); };
    json unread = json::array(), replays = json::array(), counters = json::array(), sums = json::array();
    for (const Skip& skip : results.unread) {
        unread.push_back({{"reason", skip.reason}, {"rows", skip.rows}, {"first_line", skip.first_line}});
    }
    for (const Replay& replay : results.replays) {
        replays.push_back({{"name", replay.name},
                           {"mode", replay.mode},
                           {"launches", replay.launches},
                           {"passes", replay.passes},
                           {"whole_s", replay.whole.value()},
                           {"kernels_s", replay.kernels ? json(replay.kernels->value()) : json(nullptr)},
                           {"line", replay.line}});
    }
    for (const CounterGroup& group : counter_groups(own)) {
        counters.push_back({{"name", group.name},
                            {"rows", group.rows},
                            {"dram_rows", group.dram_rows},
                            {"dram_median", group.dram_median},
                            {"dram_bias", group.dram_bias},
                            {"l1_hits", maybe(group.l1_hits)},
                            {"l2_hits", maybe(group.l2_hits)}});
    }
    for (const KernelSum& sum : kernel_sums(own)) {
        sums.push_back({{"dataset", sum.name},
                        {"cases", sum.cases},
                        {"launches", sum.launches},
                        {"measured_s", sum.measured.value()},
                        {"predicted_s", sum.predicted.value()}});
    }
    return {{"file", results.path}, {"device", results.device}, {"unread", unread},
            {"replays", replays},   {"counters", counters},     {"run_by_kernels", sums}};
}

}  // namespace

std::string validation_json(const std::vector<Evaluation>& evaluations, const std::vector<ComparedProbe>& probes) {
    json groups = json::array(), datasets = json::array();
    bool within = true;
    for (const Evaluation& evaluation : evaluations) {
        for (const ErrorGroup& group : evaluation.groups) groups.push_back(group_json(evaluation, group));
        datasets.push_back(dataset_json(evaluation));
        within = within && evaluation.within_tolerance();
    }
    json document{{"within_tolerance", within}, {"groups", groups}, {"datasets", datasets}};
    for (const ComparedProbe& probe : probes) document["probe"].push_back(probe_json(probe, evaluations));
    return document.dump(2) + "\n";
}

}  // namespace cupola
