#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

/// Tensor elements of all passes of a stage, each pass once: what tells a pass on two branches from one on one.
std::int64_t elements(const Stage& stage) {
    std::int64_t sum = 0;
    for (const Pass& pass : stage.passes) {
        for (const Value& value : pass.graph.values) sum += value.shape.elements();
    }
    return sum;
}

/// How many branches of guidance the model computes as it is set.
std::int64_t branches(const LeverContext& context) {
    const auto& parameters = context.workload.parameters;
    const auto found =
        std::find_if(parameters.begin(), parameters.end(), [](const auto& p) { return p.name == "guidance"; });
    if (found == parameters.end()) {
        does_not_apply("guidance", context.workload.name, "a model with a parameter guidance");
    }
    const std::int64_t count = std::stoll(found->value);
    if (count < 2) {
        does_not_apply("guidance", "guidance=" + found->value, "two branches of guidance or more",
                       "leave out --set guidance");
    }
    return count;
}

std::string parameter(const Workload& workload, const std::string& name) {
    for (const ParameterSetting& setting : workload.parameters) {
        if (setting.name == name) return setting.value;
    }
    return "1";
}

/// Calls `change(stage, of_one_branch)` for every stage that guidance makes larger or more frequent.
template <typename Change>
void for_guided_stages(Workload& workload, Workload one_branch, const Change& change) {
    for (Stage& stage : workload.stages) {
        const auto same = std::find_if(one_branch.stages.begin(), one_branch.stages.end(),
                                       [&](const Stage& other) { return other.name == stage.name; });
        if (same == one_branch.stages.end()) continue;
        if (elements(*same) != elements(stage) || same->steps() != stage.steps()) change(stage, *same);
    }
}

/// Stages that run on all branches at once run once a branch.
void one_after_the_other(LeverContext& context, std::int64_t count) {
    for_guided_stages(context.workload, context.expand_with({{"guidance", "1"}}), [&](Stage& stage, Stage& one) {
        if (elements(one) == elements(stage)) return;  // as they do already
        stage.passes = std::move(one.passes);
        for (Pass& pass : stage.passes) pass.count *= static_cast<double>(count);
    });
}

/// Stages that run once a branch run on a batch of all branches.
void at_once(LeverContext& context, std::int64_t count) {
    const std::string batch = std::to_string(count * std::stoll(parameter(context.workload, "batch")));
    const Workload wide = context.expand_with({{"guidance", "1"}, {"batch", batch}});
    for_guided_stages(context.workload, context.expand_with({{"guidance", "1"}}), [&](Stage& stage, const Stage& one) {
        if (elements(one) != elements(stage)) return;  // as they do already
        const auto same = std::find_if(wide.stages.begin(), wide.stages.end(),
                                       [&](const Stage& other) { return other.name == stage.name; });
        stage.passes = same->passes;
    });
}

double output_bytes(const Graph& graph) {
    double bytes = 0;
    for (const ValueId output : graph.outputs) {
        const Value& value = graph.values[output];
        bytes += static_cast<double>(value.shape.elements()) * bytes_per_element(value.type);
    }
    return bytes;
}

/// Each of two GPUs runs one branch; after a step of the sampler they exchange what their branch predicted.
void on_two_gpus(LeverContext& context, std::int64_t count) {
    if (count != 2) {
        does_not_apply("guidance", std::to_string(count) + " branches", "two, one for each of two GPUs",
                       "guidance=sequential takes any number");
    }
    for_guided_stages(context.workload, context.expand_with({{"guidance", "1"}}), [&](Stage& stage, Stage& one) {
        if (elements(one) == elements(stage)) {  // once a branch as it is
            for (Pass& pass : stage.passes) pass.count /= 2;
        } else {
            stage.passes = std::move(one.passes);
        }
        if (stage.steps() <= 1) return;  // an encoder's results stay where they are
        for (Pass& pass : stage.passes) {
            pass.transfers.push_back({Transfer::Link::peer, output_bytes(pass.graph), false});
        }
    });
}

void apply_guidance(LeverContext& context, const LeverValue& value) {
    const std::size_t way = value.one_of({"batched", "sequential", "split", "distilled"});
    const std::int64_t count = branches(context);
    if (way == 0) at_once(context, count);
    if (way == 1) one_after_the_other(context, count);
    if (way == 2) on_two_gpus(context, count);
    if (way == 3) {
        context.set("guidance", "guidance", "1");
        context.workload = context.expand(context.workload_name, context.settings);
    }
}

constexpr std::array<Lever, 1> levers{{
    {"guidance", "batched | sequential | split | distilled",
     "the branches of guidance are one batch, passes one after the other, passes on two GPUs that exchange their "
     "results "
     "each step, or one branch in a model trained so",
     "Ho and Salimans 2022 (classifier-free guidance); xdit-project/xDiT (CFG parallel); Meng et al. 2023 (guidance "
     "distillation)",
     "models with a parameter guidance; split: two branches, memory and work are those of one GPU; distillation "
     "changes "
     "the model's weights, not their number",
     LeverPhase::stages, "branches of guidance", apply_guidance},
}};

}  // namespace

std::span<const Lever> guidance_levers() { return levers; }

}  // namespace cupola
