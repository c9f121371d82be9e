#pragma once

#include "cupola/config/load.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cupola::config {

/// A kind of data file: where its files lie under the data directory and what people call it.
struct DataKind {
    std::string_view folder;     ///< "hwmodels/gpus"
    std::string_view noun;       ///< "GPU"
    std::string_view list_name;  ///< `cupola list <list_name>`
    std::string_view title_key;  ///< the key whose value stands beside the name in a list
};
inline constexpr DataKind gpu_files{"hwmodels/gpus", "GPU", "gpus", "product"};
inline constexpr DataKind stack_files{"hwmodels/stacks", "stack", "stacks", "title"};
inline constexpr DataKind workload_files{"workloads", "workload", "workloads", "title"};
inline constexpr DataKind fit_plan_files{"calibration/plans", "fit plan", "gpus", "gpu"};
inline constexpr DataKind dataset_files{"validation/datasets", "data set", "datasets", "title"};

/// The names in the data directory, sorted: file names without ".yaml".
[[nodiscard]] std::vector<std::string> data_file_names(const std::string& data, const DataKind& kind);

/// Names, titles and paths of the data files of a kind; a file that cannot be read has no title.
[[nodiscard]] std::vector<Listing> list_data_files(const std::string& data, const DataKind& kind);

/// A file that was asked for by name or by path.
struct DataFile {
    std::string path;
    std::string required_name;  ///< what its `name:` must be; empty for a user's own file, which may say anything
};

/// `name_or_path` is a path if it contains '/' or ends in ".yaml", else a name from the data directory; an unknown name
/// is an InputError with a suggestion. A path is not opened here.
[[nodiscard]] DataFile find_data_file(const std::string& data, const DataKind& kind, const std::string& name_or_path);

}  // namespace cupola::config
