#include "cupola/cli/command.hpp"
#include "cupola/config/load.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>

namespace cupola::cli {
namespace {

constexpr const char* default_gpu = "h100-sxm5-80gb";
constexpr const char* default_stack = "pytorch-eager-flash";

std::vector<std::string> names_of(const std::vector<config::Listing>& listings) {
    std::vector<std::string> names;
    for (const config::Listing& listing : listings) names.push_back(listing.name);
    return names;
}

}  // namespace

void Selection::add_workload_options(CLI::App& app) {
    app.add_option("workload", positional_workload, "a model: a name (cupola list workloads) or a path to a file")
        ->type_name("NAME");
    app.add_option("-w,--workload", workload, "the same as an option")->type_name("NAME");
    app.add_option("--set", settings, "set a parameter of the model (cupola show NAME); may be repeated")
        ->type_name("PARAMETER=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
}

void Selection::add_machine_options(CLI::App& app) {
    gpu = default_gpu;
    stack = default_stack;
    app.add_option("-g,--gpu", gpu, "a GPU: a name (cupola list gpus) or a path\n(default " + gpu + ")")
        ->type_name("NAME");
    app.add_option("-s,--stack", stack,
                   "a software stack: a name (cupola list stacks) or a path\n(default " + stack + ")")
        ->type_name("NAME");
}

void Selection::add_lever_option(CLI::App& app) {
    app.add_option("-l,--lever", levers, "change model, schedule or software (cupola list levers); may be repeated")
        ->type_name("NAME[=VALUE]")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
}

void Selection::add_output_options(CLI::App& app) {
    app.add_option(
           "--data", data,
           "directory that holds hwmodels/ and workloads/\n(default $CUPOLA_DATA, the source tree, share/cupola)")
        ->type_name("DIRECTORY");
    app.add_flag("--json", json, "print JSON");
}

Selection Selection::with_setting(const std::string& parameter, const std::string& value) const {
    Selection changed = *this;
    std::erase_if(changed.settings, [&](const std::string& text) { return text.starts_with(parameter + "="); });
    changed.settings.push_back(parameter + "=" + value);
    return changed;
}

std::string Selection::data_directory() const { return config::data_directory(data); }

std::string Selection::workload_name() const {
    if (!workload.empty() && !positional_workload.empty()) {
        throw InputError({{}, "--workload", "a second workload, \"" + workload + "\"", "one", "leave out --workload"});
    }
    const std::string& name = workload.empty() ? positional_workload : workload;
    if (name.empty()) {
        throw InputError({{},
                          "workload",
                          "nothing",
                          "the name of a model or a path to its file",
                          suggestion("", names_of(config::list_workloads(data_directory())))});
    }
    return name;
}

Workload Selection::load_workload() const {
    return config::load_workload(data_directory(), workload_name(), parse_settings(settings));
}

Scenario Selection::load_scenario(const Gpu& on) const {
    std::vector<LeverSetting> chosen;
    for (const std::string& text : levers) chosen.push_back(parse_lever(text));
    return load_scenario(on, chosen);
}

Scenario Selection::load_scenario(const Gpu& on, const std::vector<LeverSetting>& chosen) const {
    LeverContext context;
    context.workload_name = workload_name();
    context.settings = parse_settings(settings);
    context.stack = load_stack();
    context.architecture = on.architecture;
    context.expand = [directory = data_directory()](const std::string& name, const WorkloadSettings& values) {
        return config::load_workload(directory, name, values);
    };
    context.read_head_clusters = config::load_head_clusters;
    return apply_levers(std::move(context), chosen);
}

Gpu Selection::load_gpu() const { return config::load_gpu(data_directory(), gpu); }
Stack Selection::load_stack() const { return config::load_stack(data_directory(), stack); }

CostModel Selection::load_cost_model(const Gpu& of, const Stack& chosen) const {
    const std::string directory = data_directory();
    return {of, config::load_calibration(directory, of.name).value_or(Calibration{}), chosen.libraries(),
            config::load_general_errors(directory)};
}

std::vector<std::pair<std::string, std::string>> parse_settings(const std::vector<std::string>& texts) {
    std::vector<std::pair<std::string, std::string>> settings;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw InputError({{}, "--set", "\"" + text + "\"", "parameter=value", "for example --set steps=30"});
        }
        settings.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return settings;
}

std::string not_negative(const std::string& count) {
    return count.rfind('-', 0) == 0 ? "found \"" + count + "\", expected 0 or more" : "";
}

void check_stage(const Workload& workload, const std::string& stage) {
    std::vector<std::string> names;
    for (const Stage& candidate : workload.stages) names.push_back(candidate.name);
    if (std::find(names.begin(), names.end(), stage) != names.end()) return;
    throw InputError({{}, "--stage", "\"" + stage + "\"", "a stage of " + workload.name, suggestion(stage, names)});
}

}  // namespace cupola::cli
