// LayerSkip's self-speculative decoding against published speed-ups, from validation/cases/layerskip.csv. Figures are
// carried over, no reference data is read. The host that was measured on is unknown, so ratios are what is compared.
#include "cupola/config/load.hpp"
#include "cupola/lever/lever.hpp"
#include "cupola/predict/prediction.hpp"
#include "cupola/validation/csv.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

using namespace cupola;

namespace {

const std::string data = CUPOLA_SOURCE_DIR;

struct Case {
    std::string workload, gpu, stack, set, levers, metric;
    double value = 0;

    /// To compare cases of one text: seconds of it, or of a token.
    [[nodiscard]] double seconds() const { return metric == "latency_s" ? value : 1 / value; }
};

std::map<std::string, Case> read_cases(const std::string& file) {
    const validation::CsvTable table = validation::read_csv(data + "/validation/cases/" + file);
    const auto cell = [&](std::size_t row, const std::string& column) {
        const auto found = std::find(table.columns().begin(), table.columns().end(), column);
        REQUIRE(found != table.columns().end());
        return std::string(table.cell(row, static_cast<std::size_t>(found - table.columns().begin())));
    };
    std::map<std::string, Case> cases;
    for (std::size_t i = 0; i < table.row_count(); ++i) {
        cases[cell(i, "id")] = {cell(i, "workload"), cell(i, "gpu"),    cell(i, "stack"),           cell(i, "set"),
                                cell(i, "levers"),   cell(i, "metric"), std::stod(cell(i, "value"))};
    }
    return cases;
}

WorkloadSettings settings_of(const std::string& set) {
    WorkloadSettings settings;
    for (const LeverSetting& item : parse_levers(set)) settings.emplace_back(item.name, item.value);
    return settings;
}

double latency(const Case& row) {
    const Gpu gpu = config::load_gpu(data, row.gpu);
    LeverContext context;
    context.workload_name = row.workload;
    context.settings = settings_of(row.set);
    context.stack = config::load_stack(data, row.stack);
    context.architecture = gpu.architecture;
    context.expand = [](const std::string& name, const WorkloadSettings& settings) {
        return config::load_workload(data, name, settings);
    };
    const auto [workload, stack] = apply_levers(std::move(context), parse_levers(row.levers));
    const CostModel model(gpu, config::load_calibration(data, gpu.name).value_or(Calibration{}), stack.libraries(),
                          config::load_general_errors(data));
    return predict(workload, model, stack).span.latency.value();
}

/// Predicted and measured speed-up of a case over its baseline.
void check_speed_up(const std::map<std::string, Case>& cases, const std::string& base, const std::string& id,
                    double tolerance) {
    CAPTURE(id);
    const double predicted = latency(cases.at(base)) / latency(cases.at(id));
    const double measured = cases.at(base).seconds() / cases.at(id).seconds();
    MESSAGE(id << ": predicted " << predicted << "x, measured " << measured << "x, " << 100 * (predicted / measured - 1)
               << " %");
    CHECK(std::abs(predicted / measured - 1) <= tolerance);
}

}  // namespace

TEST_CASE("LayerSkip: where decoding dominates, the speed-up is within 10 % of what was measured") {
    const auto cases = read_cases("layerskip.csv");
    check_speed_up(cases, "cnn-dm-summary-ar", "cnn-dm-summary-ss", 0.10);
    for (const char* mode : {"greedy", "sampled", "t0.6", "t0.6-p0.9", "t0.6-p0.9-k0"}) {
        check_speed_up(cases, "cnn-dm-lm-ar", std::string("cnn-dm-lm-") + mode, 0.10);
    }
    check_speed_up(cases, "human-eval-ar", "human-eval-ss", 0.10);
}

// XSUM's prompt is read off its autoregressive row, so that only the speed-up is a prediction there.
TEST_CASE("LayerSkip: with long prompts and short texts, within 20 %") {
    const auto cases = read_cases("layerskip.csv");
    check_speed_up(cases, "cnn-dm-1-shot-ar", "cnn-dm-1-shot-ss", 0.20);
    check_speed_up(cases, "xsum-3-shot-ar", "xsum-3-shot-ss", 0.20);
}

TEST_CASE("LayerSkip: the TOPv2 table, early exit and self-speculation, within 10 %") {
    const auto cases = read_cases("layerskip.csv");
    for (const char* exit : {"18", "12", "6"}) {
        check_speed_up(cases, "topv2-ar", std::string("topv2-ss-") + exit, 0.10);
        check_speed_up(cases, "topv2-ar", std::string("topv2-exit-") + exit, 0.10);
    }
}
