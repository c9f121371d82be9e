#include "cupola/config/load_dataset.hpp"

#include "cupola/config/data_files.hpp"
#include "cupola/validation/csv.hpp"
#include "cupola/validation/measurements.hpp"

#include <cstdlib>
#include <filesystem>

namespace cupola::config {
namespace {

namespace fs = std::filesystem;

/// Where measured files may lie if nobody says where.
std::vector<fs::path> measurement_places(const validation::Adapter& adapter) {
    std::vector<fs::path> places{fs::path(*adapter.where.file).parent_path()};
    const char* const variable = std::getenv("CUPOLA_REFERENCE_DATA");
    const bool set = variable != nullptr && *variable != '\0';
    const fs::path reference = set ? fs::path(variable) : fs::path(CUPOLA_SOURCE_DATA_DIR) / ".." / "shared";
    std::error_code ignored;
    if (set || fs::is_directory(reference, ignored)) {
        places.push_back(reference / "data");
        places.push_back(reference);
    }
    return places;
}

}  // namespace

std::string find_measurements(const validation::Adapter& adapter, const std::string& measurements) {
    const std::vector<fs::path> places =
        measurements.empty() ? measurement_places(adapter) : std::vector<fs::path>{measurements};
    std::string tried;
    for (const fs::path& place : places) {
        const fs::path path = (place / adapter.file).lexically_normal();
        std::error_code ignored;
        if (fs::is_regular_file(path, ignored)) return path.string();
        tried += (tried.empty() ? "" : ", ") + path.string();
    }
    throw InputError({adapter.where, "file", "no such file: " + tried, "the measurements of " + adapter.name,
                      measurements.empty() ? "name the directory that holds \"" + adapter.file +
                                                 "\" with --data or CUPOLA_REFERENCE_DATA"
                                           : "--data is the directory that holds \"" + adapter.file + "\""});
}

validation::Dataset load_dataset(const std::string& data, const std::string& name_or_path,
                                 const std::string& measurements) {
    const validation::Adapter adapter = load_adapter(data, name_or_path);
    const std::string path = find_measurements(adapter, measurements);
    return validation::read_measurements(adapter, validation::read_csv(path), path);
}

std::vector<Listing> list_datasets(const std::string& data) { return list_data_files(data, dataset_files); }

}  // namespace cupola::config
