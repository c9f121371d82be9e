#pragma once

#include "cupola/fit/fit.hpp"

#include <string>
#include <vector>

namespace cupola::fit {

/// A GPU that has been fitted, and the data it was fitted to.
struct FittedGpu {
    FitPlan plan;
    Gpu gpu;
    std::vector<FitData> data;
    Calibration calibration;
};

struct LeaveOneOutResult {
    Calibration calibration;                       ///< one library, "any": the errors of GPUs without data
    std::vector<std::string> gpus;                 ///< as in `errors`
    std::vector<std::vector<ErrorReport>> errors;  ///< by GPU; `mape_before` is that of its own fit
};

/// Predicts each GPU as if it had no data: its facts, its architecture's defaults, and every parameter that was fitted
/// for it at the mean of the same library's fits on the other GPUs. A parameter that no other GPU has stays at its
/// default. Errors are over test rows; intervals come from train rows.
[[nodiscard]] LeaveOneOutResult leave_one_out(const std::vector<FittedGpu>& fitted);

}  // namespace cupola::fit
