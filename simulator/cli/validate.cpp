#include "cupola/cli/command.hpp"
#include "cupola/config/load_dataset.hpp"
#include "cupola/report/validation.hpp"
#include "cupola/units/input_error.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

namespace cupola::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
    std::vector<std::string> operators;
    std::string measurements, tolerance, rows_file;
    bool defaults = false, json = false;
};

/// What was fitted on a GPU to the measurements of a library, else the architecture's defaults.
validation::ModelParameters model_parameters(const std::string& data, bool defaults, const Gpu& gpu,
                                             const std::string& library) {
    validation::ModelParameters model = validation::architecture_defaults(gpu, library);
    model.general = config::load_general_errors(data);
    if (defaults) return model;
    const auto calibration = config::load_calibration(data, gpu.name);
    const LibraryCalibration* const fitted = calibration ? calibration->find(library) : nullptr;
    if (fitted == nullptr) return model;
    overlay(model.values, *fitted);
    model.fitted = *fitted;
    model.origin = "parameters fitted on " + calibration->date;
    return model;
}

/// A fraction from the front of a text, which then begins behind it.
std::optional<double> take_fraction(std::string_view& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !(value >= 0 && value <= 100)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// "0.07" or "0.07,0.03"
validation::Tolerance parse_tolerance(const std::string& given) {
    validation::Tolerance tolerance;
    if (given.empty()) return tolerance;
    std::string_view text = given;
    tolerance.mape = take_fraction(text);
    if (tolerance.mape && text.starts_with(',')) {
        text.remove_prefix(1);
        tolerance.bias = take_fraction(text);
        if (!tolerance.bias) tolerance.mape.reset();
    }
    if (tolerance.mape && text.empty()) return tolerance;
    throw InputError({{},
                      "--tolerance",
                      "\"" + given + "\"",
                      "the greatest MAPE, or it and the greatest |bias|, as fractions",
                      "for example --tolerance 0.07,0.03"});
}

/// A directory stands for the adapters in it, by name.
std::vector<std::string> adapters_of(const std::vector<std::string>& given) {
    std::vector<std::string> adapters;
    for (const std::string& name : given) {
        std::error_code ignored;
        if (!fs::is_directory(name, ignored)) {
            adapters.push_back(name);
            continue;
        }
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(name, ignored)) {
            if (entry.path().extension() == ".yaml") found.push_back(entry.path().string());
        }
        if (found.empty())
            throw InputError({{}, "--ops", name + " without a .yaml file", "a directory of adapters", ""});
        std::sort(found.begin(), found.end());
        adapters.insert(adapters.end(), found.begin(), found.end());
    }
    if (!adapters.empty()) return adapters;
    throw InputError({{}, "--ops", "nothing", "the adapter of a data set", "for example --ops validation/datasets"});
}

Result validate(const Options& options, const TextStyle& style) {
    const validation::Tolerance tolerance = parse_tolerance(options.tolerance);
    const std::string data = config::data_directory("");
    const std::vector<std::string> adapters = adapters_of(options.operators);
    const validation::ParameterSource source = [&](const Gpu& gpu, const std::string& library) {
        return model_parameters(data, options.defaults, gpu, library);
    };
    std::vector<validation::Evaluation> evaluations;
    Progress progress(adapters.size());
    for (const std::string& adapter : adapters) {
        progress.begin(adapter);
        evaluations.push_back(
            validation::evaluate(config::load_dataset(data, adapter, options.measurements), source, tolerance));
    }
    progress.clear();
    if (!options.rows_file.empty()) write_file(options.rows_file, validation_csv(evaluations), "--csv");
    const bool within = std::all_of(evaluations.begin(), evaluations.end(),
                                    [](const auto& evaluation) { return evaluation.within_tolerance(); });
    return {options.json ? validation_json(evaluations) : validation_text(evaluations, style), within};
}

}  // namespace

Command add_validate(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(root, "validate", "Put predictions beside measurements and report the errors",
                                   {"cupola validate --ops validation/datasets/gemm-h100-trtllm-bf16.yaml",
                                    "cupola validate --ops validation/datasets --tolerance 0.15,0.03 --json"});
    auto options = std::make_shared<Options>();
    app->add_option("--ops", options->operators,
                    "adapter of measured operators: a file, a name,\nor a directory for all in it; may be repeated")
        ->type_name("ADAPTER")
        ->expected(1, CLI::detail::expected_max_vector_size);
    app->add_option("--data", options->measurements,
                    "directory of the measured files (default beside the adapter,\n$CUPOLA_REFERENCE_DATA, ../shared)")
        ->type_name("DIRECTORY");
    app->add_option("--tolerance", options->tolerance,
                    "instead of the adapters': exit 1 where test rows of a group\nhave a MAPE (and |bias|) above this")
        ->type_name("MAPE[,BIAS]");
    app->add_option("--csv", options->rows_file, "write every row with all terms of its prediction to a file")
        ->type_name("FILE");
    app->add_flag("--defaults", options->defaults, "predict with the architecture's parameters, not with fitted ones");
    app->add_flag("--json", options->json, "print JSON");
    return {app, [options, style] { return validate(*options, style); }};
}

}  // namespace cupola::cli
