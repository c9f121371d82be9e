#include "cupola/cli/command.hpp"
#include "cupola/report/validation.hpp"

#include <memory>

namespace cupola::cli {
namespace {

struct Options {
    Selection selection;
    std::string stage;
};

std::string planned(const Options& options) {
    const Selection& selection = options.selection;
    const Workload workload = selection.load_workload();
    if (!options.stage.empty()) check_stage(workload, options.stage);
    const Gpu gpu = selection.load_gpu();
    const Stack stack = selection.load_stack();
    return probe_plan_text(
        validation::probe_plan(workload, selection.load_cost_model(gpu, stack), stack, options.stage));
}

}  // namespace

Command add_plan(CLI::App& root) {
    CLI::App* app = add_subcommand(root, "plan", "List a workload's kernels as a plan for cupola-probe",
                                   {"cupola plan sdxl --stack pytorch-compile > sdxl.txt",
                                    "cupola-probe --plan sdxl.txt --out sdxl.csv", "cupola validate --ops sdxl.csv"});
    auto options = std::make_shared<Options>();
    options->selection.add_workload_options(*app);
    app->add_option("--stage", options->stage, "only this stage (cupola show NAME)")->type_name("NAME");
    options->selection.add_machine_options(*app);
    app->add_option(
           "--data", options->selection.data,
           "directory that holds hwmodels/ and workloads/\n(default $CUPOLA_DATA, the source tree, share/cupola)")
        ->type_name("DIRECTORY");
    return {app, [options] { return planned(*options); }};
}

}  // namespace cupola::cli
