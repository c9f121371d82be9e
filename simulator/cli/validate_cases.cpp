#include "cupola/cli/validate.hpp"
#include "cupola/config/load.hpp"
#include "cupola/lever/lever.hpp"
#include "cupola/report/case_validation.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/validation/case_evaluation.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>

namespace cupola::cli {
namespace {

using validation::Case;
using validation::CaseColumn;
using validation::CaseError;

/// Runs `load`; what it refuses is said of the cell.
template <typename Load>
auto of_cell(CaseColumn column, const Load& load) {
    try {
        return load();
    } catch (const InputError& error) {
        throw CaseError(column, error.what());
    }
}

/// What is loaded once for all cases that name it.
template <typename T>
class Loaded {
public:
    template <typename Load>
    const T& get(const std::string& name, const Load& load) {
        const auto known = items_.find(name);
        return known != items_.end() ? known->second : items_.emplace(name, load()).first->second;
    }

private:
    std::map<std::string, T> items_;
};

/// Predicts cases as `cupola predict` does, and keeps the last workload as it was expanded: the next case may want it.
class Predictor {
public:
    explicit Predictor(bool defaults) : defaults_(defaults) {}

    Prediction operator()(const Case& wanted) {
        const Gpu& gpu = gpus_.get(
            wanted.gpu, [&] { return of_cell(CaseColumn::gpu, [&] { return config::load_gpu(data_, wanted.gpu); }); });
        const Stack& stack = stacks_.get(wanted.stack, [&] {
            return of_cell(CaseColumn::stack, [&] { return config::load_stack(data_, wanted.stack); });
        });
        const auto levers = of_cell(CaseColumn::levers, [&] { return parse_levers(wanted.levers); });
        expand(wanted);
        if (levers.empty()) return predict(expanded_, cost_model(gpu, stack), stack);
        const Scenario scenario =
            of_cell(CaseColumn::levers, [&] { return apply_levers(context_of(wanted, gpu, stack), levers); });
        return predict(scenario.workload, cost_model(gpu, scenario.stack), scenario.stack);
    }

private:
    /// Makes `expanded_` the case's workload with its settings.
    void expand(const Case& wanted) {
        if (known_ && expanded_name_ == wanted.workload && expanded_settings_ == wanted.settings) return;
        known_ = false;
        try {
            expanded_ = config::load_workload(data_, wanted.workload, wanted.settings);
        } catch (const InputError& error) {
            const bool of_settings = error.fault().key_path.starts_with("--set");
            throw CaseError(of_settings ? CaseColumn::set : CaseColumn::workload, error.what());
        }
        expanded_name_ = wanted.workload;
        expanded_settings_ = wanted.settings;
        known_ = true;
    }

    LeverContext context_of(const Case& wanted, const Gpu& gpu, const Stack& stack) {
        LeverContext context;
        context.workload_name = wanted.workload;
        context.settings = wanted.settings;
        context.stack = stack;
        context.architecture = gpu.architecture;
        context.expand = [this](const std::string& name, const WorkloadSettings& settings) {
            const bool same = name == expanded_name_ && settings == expanded_settings_;
            return same ? expanded_ : config::load_workload(data_, name, settings);
        };
        context.read_head_clusters = config::load_head_clusters;
        return context;
    }

    [[nodiscard]] CostModel cost_model(const Gpu& gpu, const Stack& stack) const {
        return defaults_ ? CostModel(gpu) : Selection{}.load_cost_model(gpu, stack);
    }

    bool defaults_;
    std::string data_ = config::data_directory("");
    Loaded<Gpu> gpus_;
    Loaded<Stack> stacks_;
    bool known_ = false;
    std::string expanded_name_;
    WorkloadSettings expanded_settings_;
    Workload expanded_;
};

/// All files of cases as one list; columns that are not read, once each.
validation::CaseList read_all(const std::vector<std::string>& files) {
    validation::CaseList all;
    for (const std::string& file : files) {
        validation::CaseList list = validation::read_cases(file);
        std::move(list.cases.begin(), list.cases.end(), std::back_inserter(all.cases));
        std::move(list.skipped.begin(), list.skipped.end(), std::back_inserter(all.skipped));
        for (std::string& column : list.other_columns) {
            const bool known =
                std::find(all.other_columns.begin(), all.other_columns.end(), column) != all.other_columns.end();
            if (!known) all.other_columns.push_back(std::move(column));
        }
    }
    return all;
}

}  // namespace

Result validate_cases(const ValidateOptions& options, const TextStyle& style) {
    const validation::Tolerance tolerance = parse_tolerance(options.tolerance);
    validation::CaseList list = read_all(files_of(options.cases, "--cases", ".csv", "files of cases"));
    Predictor predictor(options.defaults);
    Progress progress(list.cases.size());
    const validation::CasePredictor predict_case = [&](const Case& wanted) {
        progress.begin(wanted.id);
        return predictor(wanted);
    };
    const validation::CaseEvaluation evaluation = validation::evaluate(std::move(list), predict_case, tolerance);
    progress.clear();
    return {options.json ? case_validation_json(evaluation) : case_validation_text(evaluation, style),
            evaluation.within_tolerance()};
}

}  // namespace cupola::cli
