#include "cupola/report/fit.hpp"
#include "cupola/cli/command.hpp"
#include "cupola/config/load.hpp"
#include "cupola/config/load_fit.hpp"
#include "cupola/config/load_probe.hpp"
#include "cupola/fit/leave_one_out.hpp"
#include "cupola/fit/write.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>

namespace cupola::cli {
namespace {

struct Options {
    std::string gpu, plan, measurements, output, date;
    std::vector<std::string> probe;
    bool json = false, dry_run = false, leave_one_out = false;
};

/// "2026-11-21", by the clock of this machine (UTC).
std::string today() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::string text(10, '0');
    std::strftime(text.data(), text.size() + 1, "%Y-%m-%d", &utc);
    return text;
}

void print_progress(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

/// Dates the calibration and writes it, unless only the report is wanted.
void write(Calibration& calibration, const std::string& command, const std::string& directory, const Options& options) {
    calibration.date = options.date.empty() ? today() : options.date;
    calibration.command = command;
    if (options.dry_run) return;
    const std::string path =
        options.output.empty() ? config::calibration_path(directory, calibration.gpu) : options.output;
    fit::write_atomically(path, fit::calibration_yaml(calibration));
    print_progress("wrote " + path);
}

/// The plan's data and the probe's results: those on the command line, else those of calibration/results.
config::FitInput load_input(const std::string& directory, fit::FitPlan plan, const Options& options) {
    print_progress("reading the measurements of " + plan.gpu);
    config::FitInput input{std::move(plan), {}};
    input.data = config::load_fit_data(directory, input.plan, options.measurements);
    if (!options.probe.empty()) {
        config::add_probe_results(directory, options.probe, input);
    } else if (input.plan.probe) {
        const std::vector<std::string> files = config::probe_result_files(directory, input.plan.gpu);
        if (files.empty()) print_progress("no results of the probe yet: calibration/results/" + input.plan.gpu);
        if (!files.empty()) config::add_probe_results(directory, files, input);
    }
    if (!input.plan.blocks.empty()) return input;
    throw InputError({{}, "--probe", "no row that can be fitted to", "results of cupola-probe with times", ""});
}

/// The plan of a GPU; results of the probe need none.
fit::FitPlan load_plan(const std::string& directory, const Options& options) {
    if (!options.plan.empty()) return config::load_fit_plan(directory, options.plan);
    const std::vector<std::string> names = config::fit_plan_names(directory);
    const bool known = std::find(names.begin(), names.end(), options.gpu) != names.end();
    if (known || options.probe.empty()) return config::load_fit_plan(directory, options.gpu);
    fit::FitPlan plan;
    plan.gpu = options.gpu;
    return plan;
}

/// The errors of each GPU that has a plan and a calibrated file, predicted from the others.
std::string left_out(const Options& options, const TextStyle& style) {
    const std::string directory = config::data_directory("");
    std::vector<fit::FittedGpu> fitted;
    for (const std::string& name : config::fit_plan_names(directory)) {
        auto calibration = config::load_calibration(directory, name);
        if (!calibration) continue;
        config::FitInput input = load_input(directory, config::load_fit_plan(directory, name), options);
        fitted.push_back(
            {std::move(input.plan), config::load_gpu(directory, name), std::move(input.data), std::move(*calibration)});
    }
    fit::LeaveOneOutResult result = fit::leave_one_out(fitted);
    write(result.calibration, "cupola fit --leave-one-out", directory, options);
    return options.json ? leave_one_out_json(result) : leave_one_out_text(result, style);
}

std::string fitted(const Options& options, const TextStyle& style) {
    if (!options.date.empty() && !is_date(options.date)) {
        throw InputError({{}, "--date", "\"" + options.date + "\"", "a date such as 2026-11-21", ""});
    }
    if (options.leave_one_out && !options.probe.empty()) {
        throw InputError({{}, "--probe", "results beside --leave-one-out", "one of them", ""});
    }
    if (options.leave_one_out) return left_out(options, style);
    if (options.gpu.empty() == options.plan.empty()) {
        throw InputError({{}, "--gpu", "neither --gpu nor --plan, or both", "one of them", ""});
    }
    const std::string directory = config::data_directory("");
    const fit::FitPlan chosen = load_plan(directory, options);
    const Gpu gpu = config::load_gpu(directory, chosen.gpu);
    const auto [plan, data] = load_input(directory, chosen, options);
    fit::FitResult result = fit::fit_gpu(plan, gpu, data, print_progress);
    std::string command = "cupola fit --gpu " + plan.gpu;
    for (const std::string& file : options.probe)
        command += " --probe " + std::filesystem::path(file).filename().string();
    write(result.calibration, command, directory, options);
    return options.json ? fit_json(result) : fit_text(result, style);
}

}  // namespace

Command add_fit(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(root, "fit", "Fit the cost model's parameters to measurements of a GPU",
                                   {"cupola fit --gpu a100-sxm4-80gb", "cupola fit --plan my-plan.yaml --dry-run",
                                    "cupola fit --gpu rtx-4090 --probe my-gpu.csv"});
    auto options = std::make_shared<Options>();
    app->add_option("-g,--gpu", options->gpu, "a GPU that has a plan in calibration/plans, or any with --probe")
        ->type_name("NAME");
    app->add_option("--plan", options->plan, "a plan of your own, a path")->type_name("FILE");
    app->add_option(
           "--probe", options->probe,
           "results of cupola-probe to fit to as well\n(default calibration/results/NAME, where a plan says so)")
        ->type_name("FILE")
        ->expected(1, CLI::detail::expected_max_vector_size);
    app->add_option("--data", options->measurements,
                    "directory of the measured files (default beside the adapter,\n$CUPOLA_REFERENCE_DATA, ../shared)")
        ->type_name("DIRECTORY");
    app->add_option("-o,--output", options->output, "file to write (default hwmodels/calibrated/NAME.yaml)")
        ->type_name("FILE");
    app->add_option("--date", options->date, "date to write (default today)")->type_name("YYYY-MM-DD");
    app->add_flag(
        "--leave-one-out", options->leave_one_out,
        "instead, the errors of each fitted GPU predicted from the others:\nhwmodels/calibrated/uncalibrated.yaml");
    app->add_flag("--dry-run", options->dry_run, "report only, write nothing");
    app->add_flag("--json", options->json, "print JSON");
    return {app, [options, style] { return fitted(*options, style); }};
}

}  // namespace cupola::cli
