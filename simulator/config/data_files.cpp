#include "cupola/config/data_files.hpp"

#include "cupola/config/node.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace cupola::config {
namespace {

namespace fs = std::filesystem;

bool holds_data(const fs::path& directory) {
    std::error_code error;
    return fs::is_directory(directory / "hwmodels", error) && fs::is_directory(directory / "workloads", error);
}

/// <prefix>/share/cupola of the running program, wherever it was installed; empty where the system does not tell.
fs::path installed_directory() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    return error ? fs::path() : (program.parent_path() / ".." / "share" / "cupola").lexically_normal();
}

std::string chosen_directory(const std::string& directory, const std::string& said_by) {
    if (!holds_data(directory)) {
        throw InputError({{},
                          said_by,
                          "\"" + directory + "\"",
                          "a directory that holds hwmodels/ and workloads/",
                          "leave it out to use the data cupola came with"});
    }
    return directory;
}

/// The value of a top-level `key: text` line. Lists must be fast and must show files that are broken further down, so
/// only that line is read as YAML.
std::string title_in(const std::string& path, std::string_view key) {
    std::ifstream file(path);
    std::string line;
    for (int lines = 0; lines < 100 && std::getline(file, line); ++lines) {
        if (line.compare(0, key.size(), key) != 0 || line.compare(key.size(), 1, ":") != 0) continue;
        try {
            return read_yaml_text(line, path).at(key).text();
        } catch (const InputError&) {
            return "";
        }
    }
    return "";
}

}  // namespace

std::string data_directory(const std::string& override_directory) {
    if (!override_directory.empty()) return chosen_directory(override_directory, "--data");
    if (const char* const variable = std::getenv("CUPOLA_DATA"); variable != nullptr && *variable != '\0') {
        return chosen_directory(variable, "CUPOLA_DATA");
    }
    const std::vector<fs::path> places{CUPOLA_SOURCE_DATA_DIR, installed_directory()};
    std::string tried;
    for (const fs::path& place : places) {
        if (place.empty()) continue;
        if (holds_data(place)) return place.string();
        tried += (tried.empty() ? "" : " or ") + place.string();
    }
    throw InputError({{},
                      "",
                      "no data files in " + tried,
                      "a directory that holds hwmodels/ and workloads/",
                      "name it with --data or CUPOLA_DATA"});
}

std::vector<std::string> data_file_names(const std::string& data, const DataKind& kind) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(fs::path(data) / kind.folder, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->path().extension() == ".yaml") names.push_back(entry->path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

DataFile find_data_file(const std::string& data, const DataKind& kind, const std::string& name_or_path) {
    if (name_or_path.find('/') != std::string::npos || fs::path(name_or_path).extension() == ".yaml") {
        return {name_or_path, ""};
    }
    const std::vector<std::string> names = data_file_names(data, kind);
    if (std::find(names.begin(), names.end(), name_or_path) == names.end()) {
        throw InputError({{},
                          "",
                          "no " + std::string(kind.noun) + " named \"" + name_or_path + "\"",
                          "a name that \"cupola list " + std::string(kind.list_name) + "\" shows or a path to a file",
                          suggestion(name_or_path, names)});
    }
    return {(fs::path(data) / kind.folder / (name_or_path + ".yaml")).string(), name_or_path};
}

std::vector<Listing> list_data_files(const std::string& data, const DataKind& kind) {
    std::vector<Listing> listings;
    for (const std::string& name : data_file_names(data, kind)) {
        const std::string path = (fs::path(data) / kind.folder / (name + ".yaml")).string();
        listings.push_back({name, title_in(path, kind.title_key), path});
    }
    return listings;
}

std::vector<Listing> list_gpus(const std::string& data) { return list_data_files(data, gpu_files); }
std::vector<Listing> list_stacks(const std::string& data) { return list_data_files(data, stack_files); }
std::vector<Listing> list_workloads(const std::string& data) { return list_data_files(data, workload_files); }

}  // namespace cupola::config
