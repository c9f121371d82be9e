#include "cupola/cli/validate.hpp"
#include "cupola/config/load_dataset.hpp"
#include "cupola/config/load_probe.hpp"
#include "cupola/report/validation.hpp"
#include "cupola/units/input_error.hpp"

#include <algorithm>
#include <map>
#include <memory>

namespace cupola::cli {
namespace {

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

/// What was read and predicted so far.
struct Compared {
    std::vector<validation::Evaluation> evaluations;
    std::vector<ComparedProbe> probes;
};

/// An adapter with its file, or a results file of the probe, which is many data sets.
void compare(Compared& compared, const std::string& given, const ValidateOptions& options, const std::string& data,
             const validation::ParameterSource& source, const validation::Tolerance& tolerance) {
    if (!config::is_table_path(given)) {
        compared.evaluations.push_back(
            validation::evaluate(config::load_dataset(data, given, options.measurements), source, tolerance));
        return;
    }
    ComparedProbe probe{config::load_probe_results(data, given, options.gpu), compared.evaluations.size(), 0};
    for (validation::Dataset& dataset : probe.results.datasets) {
        compared.evaluations.push_back(validation::evaluate(std::move(dataset), source, tolerance));
    }
    probe.count = compared.evaluations.size() - probe.first;
    compared.probes.push_back(std::move(probe));
}

Result validate_operators(const ValidateOptions& options, const TextStyle& style) {
    const validation::Tolerance tolerance = parse_tolerance(options.tolerance);
    const std::string data = config::data_directory("");
    const std::vector<std::string> adapters = files_of(options.operators, "--ops", ".yaml", "adapters");
    std::map<std::pair<std::string, std::string>, validation::ModelParameters> known;  // rows' clocks make many GPUs
    const validation::ParameterSource source = [&](const Gpu& gpu, const std::string& library) {
        const auto key = std::pair(gpu.name, library);
        auto found = known.find(key);
        if (found == known.end()) {
            found = known.emplace(key, model_parameters(data, options.defaults, gpu, library)).first;
        }
        return found->second;
    };
    Compared compared;
    Progress progress(adapters.size());
    for (const std::string& adapter : adapters) {
        progress.begin(adapter);
        compare(compared, adapter, options, data, source, tolerance);
    }
    progress.clear();
    const auto& [evaluations, probes] = compared;
    if (!options.rows_file.empty()) write_file(options.rows_file, validation_csv(evaluations), "--csv");
    const bool within = std::all_of(evaluations.begin(), evaluations.end(),
                                    [](const auto& evaluation) { return evaluation.within_tolerance(); });
    return {options.json ? validation_json(evaluations, probes) : validation_text(evaluations, style, probes), within};
}

Result validate(const ValidateOptions& options, const TextStyle& style) {
    if (options.cases.empty() && options.operators.empty()) {
        throw InputError({{},
                          "--ops or --cases",
                          "nothing",
                          "the adapter of measured operators, or a file of whole models",
                          "for example --ops validation/datasets"});
    }
    if (options.cases.empty()) return validate_operators(options, style);
    const auto refuse = [](const std::string& option) {
        throw InputError({{}, option, "--cases beside it", "--ops with it", "leave one of them out"});
    };
    if (!options.operators.empty()) throw InputError({{}, "--cases", "--ops beside it", "one of them", "run it twice"});
    if (!options.measurements.empty()) refuse("--data");
    if (!options.gpu.empty()) refuse("--gpu");
    if (!options.rows_file.empty()) refuse("--csv");
    return validate_cases(options, style);
}

}  // namespace

Command add_validate(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(
        root, "validate", "Put predictions beside measurements and report the errors",
        {"cupola validate --ops validation/datasets/gemm-h100-trtllm-bf16.yaml",
         "cupola validate --ops validation/datasets --tolerance 0.15,0.03 --json", "cupola validate --ops my-gpu.csv",
         "cupola validate --cases examples/my-cases/cases.csv --tolerance mape=0.2"});
    auto options = std::make_shared<ValidateOptions>();
    app->add_option(
           "--ops", options->operators,
           "adapter of measured operators: a file, a name,\nor a directory for all in it; or a results file of\n"
           "cupola-probe (.csv); may be repeated")
        ->type_name("ADAPTER")
        ->expected(1, CLI::detail::expected_max_vector_size);
    app->add_option("--cases", options->cases,
                    "CSV file of whole models: a file, or a directory for all in it;\nmay be repeated")
        ->type_name("FILE")
        ->expected(1, CLI::detail::expected_max_vector_size);
    app->add_option("--data", options->measurements,
                    "directory of the measured files (default beside the adapter,\n$CUPOLA_REFERENCE_DATA, ../shared)")
        ->type_name("DIRECTORY");
    app->add_option("-g,--gpu", options->gpu, "the GPU of a results file whose own name for it is not known")
        ->type_name("NAME");
    app->add_option("--tolerance", options->tolerance,
                    "exit 1 where test rows of a group (instead of the adapters'\nlimits), or all cases, have a MAPE "
                    "(and |bias|) above this")
        ->type_name("MAPE[,BIAS]");
    app->add_option("--csv", options->rows_file, "write every row with all terms of its prediction to a file")
        ->type_name("FILE");
    app->add_flag("--defaults", options->defaults, "predict with the architecture's parameters, not with fitted ones");
    app->add_flag("--json", options->json, "print JSON");
    return {app, [options, style] { return validate(*options, style); }};
}

}  // namespace cupola::cli
