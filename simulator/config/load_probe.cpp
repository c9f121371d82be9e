#include "cupola/config/load_probe.hpp"

#include "cupola/config/data_files.hpp"
#include "cupola/config/load_dataset.hpp"
#include "cupola/config/node.hpp"
#include "cupola/validation/measurements.hpp"

#include <algorithm>
#include <filesystem>

namespace cupola::config {
namespace {

namespace fs = std::filesystem;

constexpr DataKind probe_adapters{"validation/probe", "adapter of the probe", "datasets", "title"};

/// The name of the GPU's file, by what CUDA calls it; `chosen` where that is not known, and else the same.
std::string gpu_named(const std::string& data, const std::string& device, const std::string& path,
                      const std::string& chosen) {
    const std::string hint = "name it with --gpu (cupola list gpus)";
    const Node names = read_yaml_file((fs::path(data) / "validation" / "probe-gpus.yaml").string());
    const auto name = names.find(device);
    if (name && (chosen.empty() || chosen == name->text())) return name->text();
    const bool is_path = chosen.find('/') != std::string::npos || chosen.ends_with(".yaml");
    if (name && !is_path) {
        throw InputError({{},
                          path,
                          "results of \"" + device + "\"",
                          "those of " + chosen,
                          "that is " + name->text() + " (validation/probe-gpus.yaml)"});
    }
    if (!chosen.empty()) return chosen;
    if (device.empty()) throw InputError({{}, path, "no name of a GPU", "the GPU that was measured", hint});
    throw InputError({{}, path, "results of \"" + device + "\"", "a GPU of validation/probe-gpus.yaml", hint});
}

}  // namespace

bool is_table_path(const std::string& path) { return path.ends_with(".csv") || path.ends_with(".csv.gz"); }

validation::ProbeResults load_probe_results(const std::string& data, const std::string& path,
                                            const std::string& gpu_name) {
    const validation::CsvTable table = validation::read_csv(path);
    if (!validation::is_probe_results(table)) {
        throw InputError({{std::make_shared<const std::string>(path), 1, 0},
                          "",
                          "a table without the columns of cupola-probe",
                          "results of cupola-probe",
                          "other tables need an adapter, see validation/README.md"});
    }
    const std::string device = validation::device_of(table, path);
    const Gpu gpu = load_gpu(data, gpu_named(data, device, path, gpu_name));
    std::vector<bool> taken(table.row_count());
    std::vector<validation::Dataset> datasets;
    for (const std::string& name : data_file_names(data, probe_adapters)) {
        const std::string adapter_path = (fs::path(data) / probe_adapters.folder / (name + ".yaml")).string();
        const validation::Adapter adapter = load_results_adapter(data, adapter_path, gpu);
        validation::Dataset dataset = validation::read_measurements(adapter, table, path, {true, &taken});
        if (!dataset.rows.empty() || !dataset.skipped.empty()) datasets.push_back(std::move(dataset));
    }
    validation::ProbeResults results = validation::probe_results(table, path, taken);
    results.device = device;
    results.datasets = std::move(datasets);
    return results;
}

std::vector<std::string> probe_result_files(const std::string& data, const std::string& gpu) {
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator entry(fs::path(data) / "calibration" / "results" / gpu, error), end;
         !error && entry != end; entry.increment(error)) {
        if (is_table_path(entry->path().string())) files.push_back(entry->path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace cupola::config
