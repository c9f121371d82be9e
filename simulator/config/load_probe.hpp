#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/validation/probe_results.hpp"

#include <string>
#include <vector>

namespace cupola::config {

/// Whether `path` is a CSV file by its name (.csv, .csv.gz), which an adapter never is.
[[nodiscard]] bool is_table_path(const std::string& path);

/// Reads a results file of cupola-probe through the adapters of validation/probe. `gpu` is its name or file in
/// hwmodels/gpus; empty: what validation/probe-gpus.yaml has for the name that stands in the file. Throws InputError:
/// a file of something else, a GPU that is not known.
[[nodiscard]] validation::ProbeResults load_probe_results(const std::string& data, const std::string& path,
                                                          const std::string& gpu);

/// The results files of a GPU in calibration/results, sorted; none before anything was measured.
[[nodiscard]] std::vector<std::string> probe_result_files(const std::string& data, const std::string& gpu);

}  // namespace cupola::config
