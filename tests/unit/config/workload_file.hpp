#pragma once

#include "cupola/config/load.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace cupola::testing {

/// Loads a workload written in a test: a temporary file that lives as long as the call.
inline Workload load_text(const std::string& text, const config::Settings& settings = {}) {
    const auto folder = std::filesystem::temp_directory_path() / ("cupola-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const auto path = folder / "model.yaml";
    std::ofstream(path) << text;
    struct Remove {
        std::filesystem::path folder;
        ~Remove() { std::filesystem::remove_all(folder); }
    } const remove{folder};
    return config::load_workload(CUPOLA_SOURCE_DIR, path.string(), settings);
}

/// A workload of one stage with the given input and layers (YAML, indented by 6 and 8 spaces here).
inline std::string one_stage(const std::string& input, const std::string& layers, const std::string& modules = "") {
    return "name: model\nsources: [a test]\n" + modules + "stages:\n  - main:\n      input: " + input +
           "\n      layers:\n" + layers;
}

}  // namespace cupola::testing
