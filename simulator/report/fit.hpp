#pragma once

#include "cupola/fit/fit.hpp"
#include "cupola/fit/leave_one_out.hpp"
#include "cupola/report/style.hpp"

#include <string>

namespace cupola {

/// Parameters with their errors and what pins them, what was refused, correlations, and errors by group, train and test
/// rows apart.
[[nodiscard]] std::string fit_text(const fit::FitResult& result, const TextStyle& style);
/// Keys: gpu date blocks of {library parameters correlations errors}.
[[nodiscard]] std::string fit_json(const fit::FitResult& result);

/// Errors of each GPU predicted from the others beside those of its own fit.
[[nodiscard]] std::string leave_one_out_text(const fit::LeaveOneOutResult& result, const TextStyle& style);
/// Keys: gpus of {name errors}; `mape_before` is that of the GPU's own fit.
[[nodiscard]] std::string leave_one_out_json(const fit::LeaveOneOutResult& result);

}  // namespace cupola
