#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

/// Sets the parameter that a lever is called after.
void set_parameter(LeverContext& context, const std::string& name, const std::string& value) {
    const Workload defaults = context.expand(context.workload_name, {});
    std::vector<std::string> known;
    for (const ParameterSetting& parameter : defaults.parameters) known.push_back(parameter.name);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
        does_not_apply(name, defaults.name, "a model with a parameter " + name, suggestion(name, known));
    }
    context.set(name, name, value);
}

void apply_steps(LeverContext& context, const LeverValue& value) {
    set_parameter(context, "steps", std::to_string(value.whole(1, 1'000'000)));
}

void apply_batch(LeverContext& context, const LeverValue& value) {
    set_parameter(context, "batch", std::to_string(value.whole(1, 1'000'000)));
}

void apply_dtype(LeverContext& context, const LeverValue& value) {
    constexpr std::array<const char*, 4> types{"fp32", "tf32", "fp16", "bf16"};
    (void)value.one_of({types.begin(), types.end()});
    set_parameter(context, "dtype", value.text());
}

constexpr std::array<Lever, 3> levers{{
    {"dtype", "fp32 | tf32 | fp16 | bf16", "tensors, weights and matrix instructions of this type in every stage",
     "parameter of the model", "models whose parameter dtype offers the type", LeverPhase::settings, "type of tensors",
     apply_dtype},
    {"steps", "a number", "so many passes of the denoiser", "parameter of the model",
     "models with a parameter steps; what it does to the image is not modelled", LeverPhase::settings,
     "number of steps", apply_steps},
    {"batch", "a number", "so many images, videos or sequences in every pass", "parameter of the model",
     "models with a parameter batch; the latency is that of the whole batch", LeverPhase::settings, "batch",
     apply_batch},
}};

}  // namespace

std::span<const Lever> setting_levers() { return levers; }

}  // namespace cupola
