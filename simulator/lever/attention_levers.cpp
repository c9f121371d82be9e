#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace cupola {
namespace {

/// Calls `change(attention)` for every self-attention of the model; true if it changed any.
template <typename Change>
bool change_self_attention(LeverContext& context, const Change& change) {
    bool any = false;
    for (Stage& stage : context.workload.stages) {
        for (Pass& pass : stage.passes) {
            for (Operator& op : pass.graph.operators) {
                auto* attention = std::get_if<Attention>(&op.kind);
                if (attention == nullptr || attention->span == AttentionSpan::cross) continue;
                // Where scores are stored between kernels all of them are computed, whatever a mask leaves out.
                const DataType type = pass.graph.values[pass.graph.inputs(op).front()].type;
                if (!fused_kernel(context.stack, *attention, type, context.architecture)) continue;
                any = change(*attention) || any;
            }
        }
    }
    return any;
}

std::int64_t blocks_of(double keys, std::int64_t block) {
    return static_cast<std::int64_t>(std::ceil(keys / static_cast<double>(block))) * block;
}

void apply_window(LeverContext& context, const LeverValue& value) {
    const std::int64_t window = value.whole(1, 100'000'000);
    const bool any = change_self_attention(context, [&](Attention& attention) {
        if (attention.keys <= window) return false;
        if (attention.causal) {
            attention.window = window;
        } else {
            // Blocks of keys that stick out on both sides are computed in full.
            attention.computed_keys = std::min(attention.keys, blocks_of(static_cast<double>(window), 128) + 128);
        }
        return true;
    });
    if (any) return;
    does_not_apply("window", context.workload.name + " with " + context.stack.name,
                   "self-attention over more than " + std::to_string(window) + " keys in a fused kernel");
}

/// A causal band of keys with the share `density` of the triangle's pairs: n w - w²/2 = density n²/2.
std::int64_t band(std::int64_t tokens, double density) {
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(tokens) * (1 - std::sqrt(1 - density))));
}

void apply_block_sparse(LeverContext& context, const LeverValue& value) {
    value.allow_only({"density", "block"});
    const auto given = value.field("density"), given_block = value.field("block");
    if (!given) value.fail("a field density", "for example block-sparse=density:0.5");
    const double density = given->number(0.001, 1);
    const std::int64_t block = given_block ? given_block->whole(16, 1024) : 128;
    const bool any = change_self_attention(context, [&](Attention& attention) {
        const std::int64_t keys = blocks_of(density * static_cast<double>(attention.keys), block);
        if (keys >= attention.keys) return false;
        if (attention.causal && attention.queries > 1) {
            attention.window = blocks_of(static_cast<double>(band(attention.keys, density)), block);
        } else {
            attention.computed_keys = keys;
        }
        return true;
    });
    if (any) return;
    does_not_apply("block-sparse", context.workload.name + " with " + context.stack.name,
                   "self-attention over more than one block of keys in a fused kernel");
}

constexpr std::array<Lever, 2> levers{{
    {"window", "a number of keys",
     "a query of self-attention sees the keys of its window: so many up to its own where it is causal, around its own "
     "elsewhere",
     "Beltagy et al. 2020 (Longformer); Jiang et al. 2023 (Mistral); window_size of FlashAttention-2",
     "self-attention in fused kernels; a cache keeps all its keys", LeverPhase::stack, "keys of self-attention",
     apply_window},
    {"block-sparse", "density:D, block:128",
     "self-attention computes this share of its blocks of keys, and reads a list of them",
     "Dong et al. 2024 (FlexAttention); mit-han-lab/Block-Sparse-Attention",
     "self-attention in fused kernels, at the speed that they have on as many keys; how the blocks are found is not "
     "modelled",
     LeverPhase::stack, "keys of self-attention", apply_block_sparse},
}};

}  // namespace

std::span<const Lever> attention_levers() { return levers; }

}  // namespace cupola
