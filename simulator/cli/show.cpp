#include "cupola/cli/command.hpp"
#include "cupola/config/load.hpp"
#include "cupola/config/node.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <memory>

namespace cupola::cli {
namespace {

enum class Kind { gpu, stack, workload };

bool is_path(const std::string& name) {
    return name.find('/') != std::string::npos || (name.size() > 5 && name.substr(name.size() - 5) == ".yaml");
}

/// Told by the keys that only one kind of file has.
Kind kind_of_file(const std::string& path) {
    const config::Node root = config::read_yaml_file(path);
    if (!root.is_map()) root.fail(root.description(), "a GPU, a stack or a workload");
    if (root.find("stages")) return Kind::workload;
    if (root.find("launch") || root.find("base")) return Kind::stack;
    if (root.find("architecture")) return Kind::gpu;
    root.fail("neither stages, launch, base nor architecture", "a workload, a stack or a GPU");
}

Kind kind_of_name(const std::string& data, const std::string& name) {
    std::vector<std::string> names;
    const auto has = [&](const std::vector<config::Listing>& listings) {
        for (const config::Listing& listing : listings) names.push_back(listing.name);
        return std::any_of(listings.begin(), listings.end(), [&](const auto& listing) { return listing.name == name; });
    };
    if (has(config::list_workloads(data))) return Kind::workload;
    if (has(config::list_gpus(data))) return Kind::gpu;
    if (has(config::list_stacks(data))) return Kind::stack;
    const std::string found = name.empty() ? "nothing" : "\"" + name + "\"";
    throw InputError({{}, "show", found, "the name of a workload, GPU or stack", suggestion(name, names)});
}

struct Options {
    Selection selection;
    std::string name;
};

std::string shown(const Options& options, const TextStyle& style) {
    const std::string data = options.selection.data_directory();
    const bool json = options.selection.json;
    const Kind kind = is_path(options.name) ? kind_of_file(options.name) : kind_of_name(data, options.name);
    if (kind == Kind::workload) {
        const Workload workload = config::load_workload(data, options.name, parse_settings(options.selection.settings));
        return json ? workload_json(workload) : workload_text(workload, style);
    }
    if (!options.selection.settings.empty()) {
        throw InputError(
            {{}, "--set", "a setting for " + options.name, "a workload", "only workloads have parameters"});
    }
    if (kind == Kind::gpu) {
        const Gpu gpu = config::load_gpu(data, options.name);
        return json ? gpu_json(gpu) : gpu_text(gpu, style);
    }
    const Stack stack = config::load_stack(data, options.name);
    return json ? stack_json(stack) : stack_text(stack, style);
}

}  // namespace

Command add_show(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(root, "show", "Show what a data file says, with its sources",
                                   {"cupola show sdxl", "cupola show h100-sxm5-80gb"});
    auto options = std::make_shared<Options>();
    app->add_option("name", options->name, "a workload, GPU or stack: a name or a path to a file")->type_name("NAME");
    app->add_option("--set", options->selection.settings, "set a parameter of a workload; may be repeated")
        ->type_name("PARAMETER=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    options->selection.add_output_options(*app);
    return {app, [options, style] { return shown(*options, style); }};
}

}  // namespace cupola::cli
