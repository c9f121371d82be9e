#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/step_cache.hpp"
#include "cupola/lever/tables.hpp"

#include <array>
#include <cmath>

namespace cupola {
namespace {

/// Which steps are cached: all but one of N, or a share.
struct CachedSteps {
    double every = 0, share = 0;

    /// Steps that compute all, of `steps`; the first always does.
    [[nodiscard]] double full(double steps) const {
        return std::max(std::min(1.0, steps), every > 0 ? std::ceil(steps / every) : steps * (1 - share));
    }
};

CachedSteps cached_steps(const LeverValue& value) {
    const auto every = value.field("every"), share = value.field("share");
    if (every.has_value() == share.has_value()) {
        value.fail("every:N or share:S",
                   "every:3 computes one step of three in full, share:0.5 skips half of the steps");
    }
    if (every) return {static_cast<double>(every->whole(2, 1000)), 0};
    return {0, share->number(0, 1)};
}

using Split = std::function<std::optional<CachedGraphs>(const Graph&)>;

/// Replaces the passes of a stage by full and cached ones; false if it cannot.
bool split_stage(Stage& stage, const CachedSteps& cached, const Split& split) {
    const double steps = stage.steps();
    if (!(steps > 1)) return false;
    const double full_share = cached.full(steps) / steps;
    std::vector<Pass> full, skipped;
    for (const Pass& pass : stage.passes) {
        auto graphs = split(pass.graph);
        if (!graphs) return false;
        full.push_back({pass.count * full_share, pass.first_step, std::move(graphs->full)});
        skipped.push_back({pass.count * (1 - full_share), pass.first_step + 1, std::move(graphs->cached)});
    }
    stage.passes = std::move(full);
    for (Pass& pass : skipped) {
        if (pass.count > 0) stage.passes.push_back(std::move(pass));
    }
    return true;
}

void split_stages(LeverContext& context, std::string_view lever, const CachedSteps& cached, const Split& split,
                  const std::string& expected, const std::string& hint) {
    bool any = false;
    for (Stage& stage : context.workload.stages) any = split_stage(stage, cached, split) || any;
    if (!any) does_not_apply(lever, context.workload.name, expected, hint);
}

void apply_deepcache(LeverContext& context, const LeverValue& value) {
    value.allow_only({"every", "share", "branch"});
    const auto given = value.field("branch");
    const std::int64_t branch = given ? given->whole(0, 100) : 0;
    split_stages(
        context, "deepcache", cached_steps(value), [&](const Graph& graph) { return cache_below_skip(graph, branch); },
        "a model whose denoiser is a UNet of more than one step, with a skip of that branch",
        "for transformers there is step-cache");
}

void cache_all_blocks(LeverContext& context, const LeverValue& value, std::string_view lever, CacheDecision decision) {
    value.allow_only({"every", "share"});
    split_stages(
        context, lever, cached_steps(value), [&](const Graph& graph) { return cache_blocks(graph, decision); },
        "a model whose denoiser is a chain of transformer blocks, run for more than one step",
        "for UNets there is deepcache");
}

void apply_step_cache(LeverContext& context, const LeverValue& value) {
    cache_all_blocks(context, value, "step-cache", CacheDecision::schedule);
}

void apply_teacache(LeverContext& context, const LeverValue& value) {
    cache_all_blocks(context, value, "teacache", CacheDecision::modulation);
}

void apply_first_block_cache(LeverContext& context, const LeverValue& value) {
    cache_all_blocks(context, value, "first-block-cache", CacheDecision::first_block);
}

constexpr std::string_view cache_value = "every:N | share:S";
constexpr std::string_view blocks = "transformer denoisers; which steps are skipped is given, not found from the image";

constexpr std::array<Lever, 4> levers{{
    {"deepcache", "every:N | share:S, branch:B",
     "of N steps one runs the whole UNet; the others run what lies above skip B and read the tensor that came up there",
     "Ma et al. 2024 (DeepCache), horseee/DeepCache; branches count from the last block of the way up",
     "UNets; the tensor that is kept stays in memory", LeverPhase::graph, "cached steps", apply_deepcache},
    {"step-cache", cache_value, "in skipped steps all transformer blocks are one addition of what they added last time",
     "the form common to residual caches (TeaCache, first-block cache), with steps fixed beforehand", blocks,
     LeverPhase::graph, "cached steps", apply_step_cache},
    {"teacache", cache_value,
     "as step-cache; every step compares the first block's modulated input with the last one's (six small kernels)",
     "Liu et al. 2025 (TeaCache), ali-vilab/TeaCache", blocks, LeverPhase::graph, "cached steps", apply_teacache},
    {"first-block-cache", cache_value,
     "as step-cache, but the first block always runs and its result is compared with the last one's",
     "chengzeyi/ParaAttention, first-block cache", blocks, LeverPhase::graph, "cached steps", apply_first_block_cache},
}};

}  // namespace

std::span<const Lever> step_cache_levers() { return levers; }

}  // namespace cupola
