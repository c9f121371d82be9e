#include "cupola/cli/command.hpp"

#include <memory>

namespace cupola::cli {
namespace {

struct Options {
    Selection selection;
    std::string stage;
    bool kernels = false;
};

/// Every pass of the stage of that name, or of all stages.
std::vector<PassReference> passes_of(const Workload& workload, const std::string& stage_name) {
    if (!stage_name.empty()) check_stage(workload, stage_name);
    std::vector<PassReference> passes;
    for (const Stage& stage : workload.stages) {
        if (!stage_name.empty() && stage.name != stage_name) continue;
        for (std::size_t pass = 0; pass < stage.passes.size(); ++pass) passes.push_back({&stage, pass});
    }
    return passes;
}

std::string listed(const Options& options) {
    const Selection& selection = options.selection;
    const Gpu gpu = selection.load_gpu();
    const auto [workload, stack] = selection.load_scenario(gpu);
    const std::vector<PassReference> passes = passes_of(workload, options.stage);
    if (!options.kernels) return selection.json ? operators_json(passes) : operators_text(passes);

    std::vector<LoweredPass> lowered;
    for (const PassReference& pass : passes) lowered.push_back({pass, lower(pass.graph(), stack, gpu.architecture)});
    return selection.json ? kernels_json(lowered) : kernels_text(lowered);
}

}  // namespace

Command add_graph(CLI::App& root) {
    CLI::App* app =
        add_subcommand(root, "graph", "List operators, or the kernels they become, one a line",
                       {"cupola graph sdxl --stage denoiser", "cupola graph sdxl --kernels --stack pytorch-compile"});
    auto options = std::make_shared<Options>();
    options->selection.add_workload_options(*app);
    app->add_flag("--kernels", options->kernels, "the kernel launches of a stack instead of operators");
    app->add_option("--stage", options->stage, "only this stage (cupola show NAME)")->type_name("NAME");
    options->selection.add_machine_options(*app);
    options->selection.add_lever_option(*app);
    options->selection.add_output_options(*app);
    return {app, [options] { return listed(*options); }};
}

}  // namespace cupola::cli
