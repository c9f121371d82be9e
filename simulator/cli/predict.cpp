#include "cupola/cli/command.hpp"

#include <memory>

namespace cupola::cli {
namespace {

struct Options {
    Selection selection;
    std::size_t top = 8;  // as its help says
};

}  // namespace

Command add_predict(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(root, "predict", "Predict how long a model takes and where the time goes",
                                   {"cupola predict sdxl --gpu a100-sxm4-80gb --stack pytorch-compile --set steps=30"});
    auto options = std::make_shared<Options>();
    options->selection.add_workload_options(*app);
    options->selection.add_machine_options(*app);
    options->selection.add_lever_option(*app);
    app->add_option("--top", options->top, "kernels to print (default 8)")->type_name("COUNT")->check(not_negative);
    options->selection.add_output_options(*app);
    return {app, [options, style] {
                const Selection& selection = options->selection;
                const Gpu gpu = selection.load_gpu();
                const auto [workload, stack] = selection.load_scenario(gpu);
                const Prediction prediction = predict(workload, selection.load_cost_model(gpu, stack), stack);
                return selection.json ? prediction_json(prediction) : prediction_text(prediction, style, options->top);
            }};
}

}  // namespace cupola::cli
