#pragma once

#include "cupola/report/style.hpp"
#include "cupola/validation/evaluation.hpp"
#include "cupola/validation/probe_plan.hpp"
#include "cupola/validation/probe_results.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cupola {

/// A results file of cupola-probe and which of the evaluations beside it are of its data sets.
struct ComparedProbe {
    validation::ProbeResults results;  ///< whose data sets have moved to the evaluations
    std::size_t first = 0, count = 0;
};

/// Errors by group and split, by size, kind, dtype and GPU, and the worst rows, one data set after the other.
[[nodiscard]] std::string validation_text(const std::vector<validation::Evaluation>& evaluations,
                                          const TextStyle& style, const std::vector<ComparedProbe>& probes = {});
/// Keys: within_tolerance groups datasets. `groups` has {dataset, name, split, rows, mape, median, p90, bias, worst,
/// coverage, within_tolerance} over all data sets, errors as fractions; `within_tolerance` is null where nothing is
/// judged. `probe` has what probe_results_text says of each results file.
[[nodiscard]] std::string validation_json(const std::vector<validation::Evaluation>& evaluations,
                                          const std::vector<ComparedProbe>& probes = {});
/// What a results file of cupola-probe holds beside single kernels: rows that were not read, the sum of a run's
/// kernels, replays, hardware counters.
[[nodiscard]] std::string probe_results_text(const ComparedProbe& probe,
                                             const std::vector<validation::Evaluation>& evaluations,
                                             const TextStyle& style);
/// One measurement a line below a header line, comma-separated: where it stands, what was measured and predicted, every
/// term of the prediction in seconds.
[[nodiscard]] std::string validation_csv(const std::vector<validation::Evaluation>& evaluations);

/// A plan for cupola-probe: a line a case with `count` (launches over the run) and `id`, its share of the predicted
/// time behind a `#`, and replays of one pass of each stage.
[[nodiscard]] std::string probe_plan_text(const validation::ProbePlan& plan);

}  // namespace cupola
