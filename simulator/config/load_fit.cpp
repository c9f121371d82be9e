#include "cupola/config/load_fit.hpp"

#include "cupola/config/data_files.hpp"
#include "cupola/config/load_dataset.hpp"
#include "cupola/config/load_probe.hpp"
#include "cupola/config/node.hpp"
#include "cupola/cost/parameter_table.hpp"
#include "cupola/units/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cupola::config {
namespace {

constexpr std::int64_t most_starts = 64;

const ParameterInfo& parameter_named(const std::string& name, const SourcePosition& where, const std::string& key) {
    if (const ParameterInfo* info = find_parameter(name)) return *info;
    std::vector<std::string> names;
    for (const ParameterInfo& info : parameter_table()) names.emplace_back(info.name);
    const auto close = closest_name(name, names);
    throw InputError({where, key, "\"" + name + "\"", "a parameter of the cost model",
                      close ? "did you mean \"" + *close + "\"?" : "simulator/cost/README.md lists them"});
}

/// A list of texts, at least one, none twice.
std::vector<std::string> read_names(const Node& list, const std::string& what) {
    std::vector<std::string> names;
    for (const Node& item : list.items()) {
        if (item.text().empty()) item.fail("an empty text", what);
        if (std::find(names.begin(), names.end(), item.text()) != names.end()) {
            item.fail(item.description() + " again", what + " that is not yet in the list");
        }
        names.push_back(item.text());
    }
    if (names.empty()) list.fail("an empty list", "at least one name");
    return names;
}

/// A name that can be a key of the calibrated file.
std::string read_library(const Node& node) {
    const std::string& text = node.text();
    if (text.empty() || text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") != std::string::npos) {
        node.fail(node.description(), "a name of lower-case letters, digits, \"-\", \".\" and \"_\"");
    }
    return text;
}

fit::FitBlock read_block(const Node& map) {
    map.allow_only({"library", "data", "parameters", "start"});
    fit::FitBlock block;
    block.library = read_library(map.at("library"));
    block.data = read_names(map.at("data"), "the name of a data set");
    const Node parameters = map.at("parameters");
    if (!parameters.items().empty()) block.parameters = read_names(parameters, "the name of a parameter");
    for (const Node& name : parameters.items()) (void)parameter_named(name.text(), name.position(), name.key_path());
    const auto start = map.find("start");
    if (!start) return block;
    for (const Node::Entry& entry : start->entries()) {
        const ParameterInfo& info = parameter_named(entry.key, entry.key_position, entry.value.key_path());
        if (std::find(block.parameters.begin(), block.parameters.end(), entry.key) == block.parameters.end()) {
            entry.value.fail("a start for \"" + entry.key + "\"", "one of this block's parameters");
        }
        block.start.emplace_back(entry.key, entry.value.number(info.low, info.high));
    }
    return block;
}

std::vector<fit::FitBlock> read_blocks(const Node& list) {
    std::vector<fit::FitBlock> blocks;
    for (const Node& block : list.items()) blocks.push_back(read_block(block));
    if (blocks.empty()) list.fail("an empty list", "at least one block");
    return blocks;
}

/// What a calibrated file says of where results lie: below the data directory if they do.
std::string results_name(const std::string& data, const std::string& path) {
    const std::string relative = std::filesystem::path(path).lexically_relative(data).string();
    return relative.empty() || relative.starts_with("..") ? std::filesystem::path(path).filename().string() : relative;
}

/// "probe-gemm", or with several files "probe-gemm of sdxl": each is a data set of its own.
std::string results_dataset(const std::string& adapter, const std::string& path, std::size_t files) {
    return files == 1 ? adapter : adapter + " of " + std::filesystem::path(path).stem().string();
}

std::string hash_of_file(const std::string& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return fmt::format("{:016x}", validation::fnv1a(bytes.str()));
}

}  // namespace

fit::FitPlan load_fit_plan(const std::string& data, const std::string& name_or_path) {
    const DataFile file = find_data_file(data, fit_plan_files, name_or_path);
    const Node root = read_yaml_file(file.path);
    root.allow_only({"gpu", "probe", "starts", "blocks"});
    fit::FitPlan plan;
    const Node gpu = root.at("gpu");
    plan.gpu = gpu.text();
    if (plan.gpu.empty()) gpu.fail("an empty text", "the name of a GPU");
    if (!file.required_name.empty() && plan.gpu != file.required_name) {
        gpu.fail(gpu.description(), "\"" + file.required_name + "\", the name of the file");
    }
    if (const auto probe = root.find("probe")) plan.probe = probe->boolean();
    if (const auto starts = root.find("starts")) plan.starts = static_cast<int>(starts->integer(1, most_starts));
    plan.blocks = read_blocks(root.at("blocks"));
    return plan;
}

std::vector<std::string> fit_plan_names(const std::string& data) { return data_file_names(data, fit_plan_files); }

std::vector<fit::FitData> load_fit_data(const std::string& data, const fit::FitPlan& plan,
                                        const std::string& measurements) {
    std::vector<fit::FitData> result;
    for (const fit::FitBlock& block : plan.blocks) {
        for (const std::string& name : block.data) {
            const bool known = std::any_of(result.begin(), result.end(),
                                           [&](const fit::FitData& other) { return other.dataset.name == name; });
            if (known) continue;
            const std::string file = load_adapter(data, name).file;
            validation::Dataset dataset = load_dataset(data, name, measurements);
            dataset.name = name;  // as the plan has it, which may be a path
            std::string hash = hash_of_file(dataset.path);
            result.push_back({std::move(dataset), file, std::move(hash)});
        }
    }
    return result;
}

void add_probe_results(const std::string& data, const std::vector<std::string>& files, FitInput& input) {
    const Node root = read_yaml_file((std::filesystem::path(data) / "validation" / "probe-fit.yaml").string());
    root.allow_only({"blocks"});
    std::vector<fit::FitBlock> blocks = read_blocks(root.at("blocks"));
    std::vector<std::vector<std::string>> found(blocks.size());
    for (const std::string& file : files) {
        for (validation::Dataset& dataset : load_probe_results(data, file, input.plan.gpu).datasets) {
            std::erase_if(dataset.rows, [](const validation::Measurement& row) { return row.counters.has_value(); });
            const std::string name = results_dataset(dataset.name, file, files.size());
            bool used = false;
            for (std::size_t i = 0; i < blocks.size() && !dataset.rows.empty(); ++i) {
                const auto& wanted = blocks[i].data;
                if (std::find(wanted.begin(), wanted.end(), dataset.name) == wanted.end()) continue;
                found[i].push_back(name);
                used = true;
            }
            if (!used) continue;
            dataset.name = name;
            input.data.push_back({std::move(dataset), results_name(data, file), hash_of_file(file)});
        }
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (found[i].empty()) continue;
        blocks[i].data = std::move(found[i]);
        input.plan.blocks.push_back(std::move(blocks[i]));
    }
}

std::string calibration_path(const std::string& data, const std::string& gpu) {
    return (std::filesystem::path(data) / "hwmodels" / "calibrated" / (gpu + ".yaml")).string();
}

}  // namespace cupola::config
