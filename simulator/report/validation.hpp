#pragma once

#include "cupola/report/style.hpp"
#include "cupola/validation/evaluation.hpp"
#include "cupola/validation/probe_plan.hpp"

#include <string>
#include <vector>

namespace cupola {

/// Errors by group and split, by size, kind, dtype and GPU, and the worst rows, one data set after the other.
[[nodiscard]] std::string validation_text(const std::vector<validation::Evaluation>& evaluations,
                                          const TextStyle& style);
/// Keys: within_tolerance groups datasets. `groups` has {dataset, name, split, rows, mape, median, p90, bias, worst,
/// coverage, within_tolerance} over all data sets, errors as fractions; `within_tolerance` is null where nothing is
/// judged.
[[nodiscard]] std::string validation_json(const std::vector<validation::Evaluation>& evaluations);
/// One measurement a line below a header line, comma-separated: where it stands, what was measured and predicted, every
/// term of the prediction in seconds.
[[nodiscard]] std::string validation_csv(const std::vector<validation::Evaluation>& evaluations);

/// A plan for cupola-probe: a line a case with `count` (launches over the run) and `id`, its share of the predicted time
/// behind a `#`, and replays of one pass of each stage.
[[nodiscard]] std::string probe_plan_text(const validation::ProbePlan& plan);

}  // namespace cupola
