#include "cupola/cli/command.hpp"
#include "cupola/predict/idle.hpp"
#include "cupola/units/input_error.hpp"

#include <memory>
#include <optional>
#include <string>

namespace cupola::cli {
namespace {

struct Options {
    Selection selection;
    std::size_t top = 8;  // as its help says
};

/// The batch at which the GPU no longer waits, if it waits much now and the model has a batch to raise.
std::optional<IdleEnd> idle_end(const Selection& selection, const Gpu& gpu, const Prediction& prediction) {
    if (idle_share(prediction) < large_idle_share) return std::nullopt;
    for (const ParameterSetting& parameter : prediction.parameters) {
        if (parameter.name != "batch") continue;
        const PredictionAtBatch at = [&](std::int64_t batch) {
            const auto [workload, stack] = selection.with_setting("batch", std::to_string(batch)).load_scenario(gpu);
            return predict(workload, selection.load_cost_model(gpu, stack), stack);
        };
        try {
            return find_idle_end(at, std::stoll(parameter.value));
        } catch (const InputError&) {  // a lever sets the batch, or the model takes no larger one
            return std::nullopt;
        }
    }
    return std::nullopt;
}

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
                Prediction prediction = predict(workload, selection.load_cost_model(gpu, stack), stack);
                prediction.idle_end = idle_end(selection, gpu, prediction);
                return selection.json ? prediction_json(prediction) : prediction_text(prediction, style, options->top);
            }};
}

}  // namespace cupola::cli
