#pragma once

#include "cupola/config/load.hpp"
#include "cupola/validation/adapter.hpp"
#include "cupola/validation/dataset.hpp"

#include <string>
#include <vector>

namespace cupola::config {

/// The data sets there are: validation/datasets of the data directory.
[[nodiscard]] std::vector<Listing> list_datasets(const std::string& data);

/// Reads an adapter, by name or by path.
[[nodiscard]] validation::Adapter load_adapter(const std::string& data, const std::string& name_or_path);

/// Reads an adapter for any file of a program's results (validation/probe), which were measured on `gpu`.
[[nodiscard]] validation::Adapter load_results_adapter(const std::string& data, const std::string& path,
                                                       const Gpu& gpu);

/// The CSV file of an adapter: below `measurements` (--data) if that is given, else beside the adapter or below
/// $CUPOLA_REFERENCE_DATA or its `data`, where the default of that variable is `../shared` beside the source tree.
/// Throws InputError that names the places where it is not.
[[nodiscard]] std::string find_measurements(const validation::Adapter& adapter, const std::string& measurements);

/// Reads an adapter and its CSV file.
[[nodiscard]] validation::Dataset load_dataset(const std::string& data, const std::string& name_or_path,
                                               const std::string& measurements);

}  // namespace cupola::config
