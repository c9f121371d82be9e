#pragma once

#include "cupola/fit/fit.hpp"
#include "cupola/fit/plan.hpp"

#include <string>
#include <vector>

namespace cupola::config {

/// calibration/plans/<gpu>.yaml by the GPU's name, or a user's own file by its path.
[[nodiscard]] fit::FitPlan load_fit_plan(const std::string& data, const std::string& name_or_path);

/// The GPUs that have a plan, sorted.
[[nodiscard]] std::vector<std::string> fit_plan_names(const std::string& data);

/// Every data set that the plan names, each once, with the hash of its file. `measurements` as for `load_dataset`.
[[nodiscard]] std::vector<fit::FitData> load_fit_data(const std::string& data, const fit::FitPlan& plan,
                                                      const std::string& measurements);

/// A plan and all that it is fitted to.
struct FitInput {
    fit::FitPlan plan;
    std::vector<fit::FitData> data;
};

/// Adds the blocks of validation/probe-fit.yaml that find rows in results of cupola-probe: those `files`, read as
/// measured on the plan's GPU. Rows with hardware counters are left out, as their times were taken with the profiler.
void add_probe_results(const std::string& data, const std::vector<std::string>& files, FitInput& input);

/// Where `cupola fit` writes: hwmodels/calibrated/<gpu>.yaml of the data directory.
[[nodiscard]] std::string calibration_path(const std::string& data, const std::string& gpu);

}  // namespace cupola::config
