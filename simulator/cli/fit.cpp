#include "cupola/report/fit.hpp"
#include "cupola/cli/command.hpp"
#include "cupola/config/load.hpp"
#include "cupola/config/load_fit.hpp"
#include "cupola/fit/write.hpp"
#include "cupola/units/input_error.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>

namespace cupola::cli {
namespace {

struct Options {
    std::string gpu, plan, measurements, output, date;
    bool json = false, dry_run = false;
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

std::string fitted(const Options& options, const TextStyle& style) {
    if (options.gpu.empty() == options.plan.empty()) {
        throw InputError({{}, "--gpu", "neither --gpu nor --plan, or both", "one of them", ""});
    }
    const std::string directory = config::data_directory("");
    const fit::FitPlan plan = config::load_fit_plan(directory, options.plan.empty() ? options.gpu : options.plan);
    const Gpu gpu = config::load_gpu(directory, plan.gpu);
    print_progress("reading the measurements of " + gpu.name);
    const std::vector<fit::FitData> data = config::load_fit_data(directory, plan, options.measurements);
    fit::FitResult result = fit::fit_gpu(plan, gpu, data, print_progress);
    result.calibration.date = options.date.empty() ? today() : options.date;
    result.calibration.command = "cupola fit --gpu " + plan.gpu;
    if (!options.dry_run) {
        const std::string path =
            options.output.empty() ? config::calibration_path(directory, plan.gpu) : options.output;
        fit::write_atomically(path, fit::calibration_yaml(result.calibration));
        print_progress("wrote " + path);
    }
    return options.json ? fit_json(result) : fit_text(result, style);
}

}  // namespace

Command add_fit(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(root, "fit", "Fit the cost model's parameters to measurements of a GPU",
                                   {"cupola fit --gpu a100-sxm4-80gb", "cupola fit --plan my-plan.yaml --dry-run"});
    auto options = std::make_shared<Options>();
    app->add_option("-g,--gpu", options->gpu, "a GPU that has a plan in calibration/plans")->type_name("NAME");
    app->add_option("--plan", options->plan, "a plan of your own, a path")->type_name("FILE");
    app->add_option("--data", options->measurements,
                    "directory of the measured files (default beside the adapter,\n$CUPOLA_REFERENCE_DATA, ../shared)")
        ->type_name("DIRECTORY");
    app->add_option("-o,--output", options->output, "file to write (default hwmodels/calibrated/NAME.yaml)")
        ->type_name("FILE");
    app->add_option("--date", options->date, "date to write (default today)")->type_name("YYYY-MM-DD");
    app->add_flag("--dry-run", options->dry_run, "report only, write nothing");
    app->add_flag("--json", options->json, "print JSON");
    return {app, [options, style] { return fitted(*options, style); }};
}

}  // namespace cupola::cli
