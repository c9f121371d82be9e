#pragma once

#include "cupola/fit/fit.hpp"
#include "cupola/report/style.hpp"

#include <string>

namespace cupola {

/// Parameters with their errors and what pins them, what was refused, correlations, and errors by group, train and test
/// rows apart.
[[nodiscard]] std::string fit_text(const fit::FitResult& result, const TextStyle& style);
/// Keys: gpu date blocks of {library parameters correlations errors}.
[[nodiscard]] std::string fit_json(const fit::FitResult& result);

}  // namespace cupola
