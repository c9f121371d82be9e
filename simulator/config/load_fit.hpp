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

/// Where `cupola fit` writes: hwmodels/calibrated/<gpu>.yaml of the data directory.
[[nodiscard]] std::string calibration_path(const std::string& data, const std::string& gpu);

}  // namespace cupola::config
