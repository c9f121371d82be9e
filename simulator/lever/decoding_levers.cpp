#include "cupola/lever/decoding.hpp"
#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace cupola {
namespace {

constexpr std::int64_t most_drafted = 128;

LeverValue required(const LeverValue& value, std::string_view key, const std::string& example) {
    const auto field = value.field(key);
    if (!field) value.fail("a field " + std::string(key), example);
    return *field;
}

/// The passes with their counts times a factor, their graphs changed.
template <typename Change>
std::vector<Pass> scaled_passes(const std::vector<Pass>& passes, double factor, const Change& change) {
    std::vector<Pass> result;
    for (const Pass& pass : passes) result.push_back({pass.count * factor, pass.first_step, change(pass)});
    return result;
}

/// The pass whose first step is nearest.
const Pass& pass_near(const std::vector<Pass>& passes, std::int64_t step) {
    return *std::min_element(passes.begin(), passes.end(), [&](const Pass& a, const Pass& b) {
        return std::abs(a.first_step - step) < std::abs(b.first_step - step);
    });
}

void replace_stage(Workload& workload, std::size_t index, Stage first, Stage second) {
    workload.stages[index] = std::move(second);
    workload.stages.insert(workload.stages.begin() + static_cast<std::ptrdiff_t>(index), std::move(first));
}

void apply_layerskip(LeverContext& context, const LeverValue& value) {
    const std::string example = "for example layerskip=exit:8,draft:6,acceptance:0.8";
    value.allow_only({"exit", "draft", "acceptance"});
    const std::int64_t exit = required(value, "exit", example).whole(1, 10'000);
    const std::int64_t draft = required(value, "draft", example).whole(1, most_drafted);
    const Speculation speculation{static_cast<double>(draft), required(value, "acceptance", example).number(0, 1)};

    const std::size_t index = decode_stage(context.workload, "layerskip");
    const Stage one = context.workload.stages[index];
    const Stage many = decode_in_passes_of(context, "layerskip", draft + 1);
    const double cycles_per_token = 1 / speculation.tokens_per_cycle();
    Stage drafts{"draft", one.component,
                 scaled_passes(one.passes, speculation.draft * cycles_per_token,
                               [&](const Pass& pass) { return self_draft(pass.graph, exit, draft, "layerskip"); })};
    Stage verify{"verify", one.component,
                 scaled_passes(many.passes, one.steps() * cycles_per_token / many.steps(), [&](const Pass& pass) {
                     const std::int64_t last_token = (pass.first_step + 1) * (draft + 1) - 1;
                     return self_verify(pass_near(one.passes, last_token).graph, pass.graph, exit, draft, "layerskip");
                 })};
    replace_stage(context.workload, index, std::move(drafts), std::move(verify));
}

/// The draft model, asked for the same text as the model at hand.
Workload draft_model(const LeverContext& context, const std::string& name) {
    const Workload defaults = context.expand(name, {});
    WorkloadSettings settings;
    for (const ParameterSetting& parameter : context.workload.parameters) {
        const bool shared = parameter.name == "prompt" || parameter.name == "tokens" || parameter.name == "batch";
        const bool known = std::any_of(defaults.parameters.begin(), defaults.parameters.end(),
                                       [&](const ParameterSetting& p) { return p.name == parameter.name; });
        if (shared && known) settings.emplace_back(parameter.name, parameter.value);
    }
    return context.expand(name, settings);
}

void apply_speculative(LeverContext& context, const LeverValue& value) {
    const std::string example = "for example speculative=draft:llama-1.5b,tokens:5,acceptance:0.7";
    value.allow_only({"draft", "tokens", "acceptance"});
    const std::string name = required(value, "draft", example).text();
    const std::int64_t draft = required(value, "tokens", example).whole(1, most_drafted);
    const Speculation speculation{static_cast<double>(draft), required(value, "acceptance", example).number(0, 1)};

    const std::size_t index = decode_stage(context.workload, "speculative");
    const double tokens = context.workload.stages[index].steps();
    const double cycles = tokens / speculation.tokens_per_cycle();
    Stage verify = decode_in_passes_of(context, "speculative", draft + 1);
    verify.name = "verify";
    verify.passes = scaled_passes(verify.passes, cycles / verify.steps(), [&](const Pass& pass) {
        return with_cropped_caches(with_comparison(pass.graph, draft));
    });
    Workload model = draft_model(context, name);
    const std::size_t draft_index = decode_stage(model, "speculative");
    const double drafted = model.stages[draft_index].steps();
    model.stages[draft_index].passes =
        scaled_passes(model.stages[draft_index].passes, speculation.draft * cycles / drafted,
                      [](const Pass& pass) { return pass.graph; });

    Workload& workload = context.workload;
    workload.stages[index] = std::move(verify);
    for (std::size_t i = 0; i <= draft_index; ++i) {
        Stage& stage = model.stages[i];
        stage.name = i == draft_index ? "draft" : "draft_" + stage.name;
        stage.component = "draft_" + stage.component;
        workload.stages.insert(workload.stages.begin() + static_cast<std::ptrdiff_t>(index + i), std::move(stage));
    }
    for (Component& component : model.components) {
        component.name = "draft_" + component.name;
        workload.components.push_back(std::move(component));
    }
}

void apply_early_exit(LeverContext& context, const LeverValue& value) {
    const std::int64_t exit = value.whole(1, 10'000);
    const std::string component = context.workload.stages[decode_stage(context.workload, "early-exit")].component;
    for (Stage& stage : context.workload.stages) {
        if (stage.component != component) continue;
        for (Pass& pass : stage.passes) pass.graph = exited_early(pass.graph, exit, "early-exit");
    }
}

constexpr std::array<Lever, 3> levers{{
    {"layerskip", "exit:E, draft:D, acceptance:A",
     "a cycle is D passes of layers 0 to E-1 and the head on one token, then one pass of these on one token and of the "
     "other layers and the head on D+1; it makes 1 + A D tokens",
     "Elhoushi et al. 2024 (LayerSkip), facebookresearch/LayerSkip self_speculation",
     "decoders with a parameter pass_tokens; A is the measured share of drafted tokens that are accepted; prefill as "
     "is",
     LeverPhase::stages, "speculation", apply_layerskip},
    {"speculative", "draft:MODEL, tokens:D, acceptance:A",
     "a second model drafts D tokens, one pass of the model reads D+1 and accepts 1 + A D of them",
     "Leviathan et al. 2023 (speculative decoding)",
     "decoders with a parameter pass_tokens; both models stay in memory; A is given, not found from the text",
     LeverPhase::stages, "speculation", apply_speculative},
    {"early-exit", "E", "layers from E on do not run; the head reads what layer E-1 made",
     "Elhoushi et al. 2024 (LayerSkip)", "token-by-token decoders; all weights stay in memory", LeverPhase::stages,
     "speculation", apply_early_exit},
}};

}  // namespace

std::span<const Lever> decoding_levers() { return levers; }

}  // namespace cupola
