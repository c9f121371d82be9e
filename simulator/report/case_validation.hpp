#pragma once

#include "cupola/report/style.hpp"
#include "cupola/validation/case_evaluation.hpp"

#include <string>

namespace cupola {

/// Errors by group, the worst cases, and the rows that were not compared.
[[nodiscard]] std::string case_validation_text(const validation::CaseEvaluation& evaluation, const TextStyle& style);
/// Keys: within_tolerance tolerance groups cases worst skipped other_columns. A group has {by, name, rows, mape,
/// median, p90, bias, worst}, errors as fractions; a case {id, predicted, measured, error, bound, …}, both values in
/// the metric's unit; a skip {file, line, column, id, reason, rows}.
[[nodiscard]] std::string case_validation_json(const validation::CaseEvaluation& evaluation);

}  // namespace cupola
