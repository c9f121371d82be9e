#include "cupola/report/explain.hpp"
#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <memory>
#include <set>

namespace cupola::cli {
namespace {

struct Options {
    Selection selection;
    LaunchSelection launches;
    std::size_t top = 3;  // as its help says
};

/// Why nothing was selected: the module or the label is not there.
[[noreturn]] void refuse(const LaunchSelection& wanted, const Workload& workload, const CostModel& model,
                         const Stack& stack) {
    LaunchSelection all;
    all.stage = wanted.stage;
    std::set<std::string> modules, labels;
    for (const ExplainedKernel& kernel : explain(workload, model, stack, all).kernels) {
        modules.insert(kernel.module);
        labels.insert(std::string(kernel.kernel.label));
    }
    if (!wanted.kernel.empty() && labels.count(wanted.kernel) == 0) {
        throw InputError({{},
                          "--kernel",
                          "\"" + wanted.kernel + "\"",
                          "the label of a kernel of this run",
                          suggestion(wanted.kernel, {labels.begin(), labels.end()})});
    }
    throw InputError({{},
                      "--module",
                      "\"" + wanted.module + "\"" + (wanted.kernel.empty() ? "" : " with kernel " + wanted.kernel),
                      "a part of a module path, in whole segments, that launches such kernels",
                      "for example " + *modules.begin() + "; cupola graph lists them"});
}

std::string explained(const Options& options, const TextStyle& style) {
    const Selection& selection = options.selection;
    const Gpu gpu = selection.load_gpu();
    const auto [workload, stack] = selection.load_scenario(gpu);
    if (!options.launches.stage.empty()) check_stage(workload, options.launches.stage);
    const CostModel model = selection.load_cost_model(gpu, stack);
    const Explanation explanation = explain(workload, model, stack, options.launches);
    if (explanation.kernels.empty()) refuse(options.launches, workload, model, stack);
    return selection.json ? explanation_json(explanation) : explanation_text(explanation, style, options.top);
}

}  // namespace

Command add_explain(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(
        root, "explain", "Explain a module or a kernel: every term of its cost and what would move its bound",
        {"cupola explain sdxl --stage denoiser --module down.1", "cupola explain sdxl --kernel group_norm.statistics"});
    auto options = std::make_shared<Options>();
    options->selection.add_workload_options(*app);
    app->add_option("--stage", options->launches.stage, "only this stage (cupola show NAME)")->type_name("NAME");
    app->add_option("--module", options->launches.module,
                    "only modules whose path has this part, and what lies below (cupola graph)")
        ->type_name("PATH");
    app->add_option("--kernel", options->launches.kernel, "only kernels of this label (cupola graph --kernels)")
        ->type_name("LABEL");
    app->add_option("--top", options->top, "kernels to print (default 3)")->type_name("COUNT")->check(not_negative);
    options->selection.add_machine_options(*app);
    options->selection.add_lever_option(*app);
    options->selection.add_output_options(*app);
    return {app, [options, style] { return explained(*options, style); }};
}

}  // namespace cupola::cli
