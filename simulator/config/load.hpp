#pragma once

#include "cupola/cost/calibration.hpp"
#include "cupola/hardware/gpu.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/workload/graph.hpp"
#include "cupola/workload/head_clusters.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cupola::config {

/// Where data files are found: the directory that holds `hwmodels/` and `workloads/`.
/// The first of: `override` (--data), $CUPOLA_DATA, the source tree the program was built from, <prefix>/share/cupola.
[[nodiscard]] std::string data_directory(const std::string& override_directory);

/// One line of `cupola list`.
struct Listing {
    std::string name, title, path;
};
[[nodiscard]] std::vector<Listing> list_gpus(const std::string& data);
[[nodiscard]] std::vector<Listing> list_stacks(const std::string& data);
[[nodiscard]] std::vector<Listing> list_workloads(const std::string& data);

/// A name from the data directory, or a path to a user's own file (it contains '/' or ends in .yaml).
/// An unknown name is an InputError with a suggestion.
[[nodiscard]] Gpu load_gpu(const std::string& data, const std::string& name_or_path);
[[nodiscard]] Stack load_stack(const std::string& data, const std::string& name_or_path);

/// What was fitted to measurements of the GPU of that name: hwmodels/calibrated/<gpu>.yaml, empty where there is none.
[[nodiscard]] std::optional<Calibration> load_calibration(const std::string& data, const std::string& gpu);
[[nodiscard]] Calibration load_calibration_file(const std::string& path);
/// The errors that GPUs show which are left out of the fit: hwmodels/calibrated/uncalibrated.yaml; empty without it.
[[nodiscard]] LibraryCalibration load_general_errors(const std::string& data);

/// `name=value` from --set.
using Settings = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Workload load_workload(const std::string& data, const std::string& name_or_path,
                                     const Settings& settings);

/// A JSON file as facebookresearch/chai's params7b.json: {"layer_params": [clusters of the first layer's heads, …]}.
[[nodiscard]] HeadClusters load_head_clusters(const std::string& path);

}  // namespace cupola::config
