#include "cupola/lever/cache.hpp"
#include "cupola/lever/join_keys.hpp"
#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/merge_linears.hpp"
#include "cupola/lever/quantise.hpp"
#include "cupola/lever/tables.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

void apply_joined_keys(LeverContext& context, const LeverValue& value) {
    value.none();
    bool joined = false;
    for (Stage& stage : context.workload.stages) {
        if (!(stage.steps() > 1)) continue;  // text encoders and the decoder keep theirs apart
        for (Pass& pass : stage.passes) {
            std::optional<Graph> graph = join_keys(pass.graph);
            if (!graph) continue;
            pass.graph = std::move(*graph);
            joined = true;
        }
    }
    if (joined) return;
    does_not_apply("joined-keys", "no layers to_k and to_v in a stage of several steps of " + context.workload_name,
                   "a denoiser that has some");
}

void merge_everywhere(LeverContext& context, std::string_view lever, MergedLinears which, const std::string& missing) {
    bool merged = false;
    for (Stage& stage : context.workload.stages) {
        for (Pass& pass : stage.passes) {
            std::optional<Graph> graph = merge_linears(pass.graph, which);
            if (!graph) continue;
            pass.graph = std::move(*graph);
            merged = true;
        }
    }
    if (!merged) does_not_apply(lever, missing + " in " + context.workload_name, "a model that has some");
}

void apply_fused_qkv(LeverContext& context, const LeverValue& value) {
    value.none();
    merge_everywhere(context, "fused-qkv", MergedLinears::attention,
                     "no linear layers of one input that make queries, keys and values");
}

void apply_fused_gate(LeverContext& context, const LeverValue& value) {
    value.none();
    merge_everywhere(context, "fused-gate", MergedLinears::gate,
                     "no separate linear layers for the gate and the input of a gated activation");
}

/// Tokens in the longest cache of each component; InputError where no pass has a cache.
std::int64_t longest_cache(const LeverContext& context, std::string_view lever, const std::string& component) {
    std::int64_t longest = 0, anywhere = 0;
    for (const Stage& stage : context.workload.stages) {
        for (const Pass& pass : stage.passes) {
            const std::int64_t length = longest_cache(pass.graph);
            anywhere = std::max(anywhere, length);
            if (stage.component == component) longest = std::max(longest, length);
        }
    }
    if (anywhere == 0) {
        does_not_apply(lever, "no cache of keys and values in " + context.workload_name,
                       "a model that generates token by token");
    }
    return longest;
}

void apply_static_kv(LeverContext& context, const LeverValue& value) {
    for (Stage& stage : context.workload.stages) {
        const std::int64_t needed = longest_cache(context, "static-kv", stage.component);
        if (needed == 0) continue;
        const std::int64_t length = value.given() ? value.whole(1, 100'000'000) : needed;
        if (length < needed) {
            does_not_apply("static-kv", "a length of " + std::to_string(length),
                           "at least the " + std::to_string(needed) + " tokens that " + stage.name + " comes to");
        }
        for (Pass& pass : stage.passes) fix_caches(pass.graph, length);
    }
}

void apply_kv_cache(LeverContext& context, const LeverValue& value) {
    constexpr std::array<DataType, 2> types{DataType::fp8, DataType::int8};
    const DataType type = types[value.one_of({"fp8", "int8"})];
    (void)longest_cache(context, "kv-cache", "");
    for (Stage& stage : context.workload.stages) {
        for (Pass& pass : stage.passes) narrow_caches(pass.graph, type);
    }
}

void apply_dynamic_kv(LeverContext& context, const LeverValue& value) {
    value.none();
    (void)longest_cache(context, "dynamic-kv", "");
    if (context.stack.cuda_graphs) {
        does_not_apply("dynamic-kv", "stack " + context.stack.name + ", which launches graphs",
                       "a stack that does not: the tensors of a graph stay in place");
    }
    for (Stage& stage : context.workload.stages) {
        for (Pass& pass : stage.passes) grow_caches(pass.graph);
    }
}

/// Attention of enough queries to pay for quantising them, whose head dimension the kernels have.
bool takes_sage(const Attention& attention, DataType type) {
    const bool half = type == DataType::fp16 || type == DataType::bf16;
    return half && attention.score == AttentionScore::softmax && !attention.mask && !attention.bias &&
           attention.queries > 1 && attention.score_heads == 0 && attention.head_dim <= 128 &&
           attention.head_dim == attention.value_dim;
}

void apply_sage(LeverContext& context, const LeverValue& value) {
    const bool fp8 = value.one_of({"int8", "fp8"}) == 1;
    const DataType needed = fp8 ? DataType::fp8 : DataType::bf16;
    if (!multiplies(context.architecture, needed)) {
        does_not_apply("sage-attention", "a GPU of the " + std::string(name_of(context.architecture)) + " architecture",
                       fp8 ? "Ada or later" : "Ampere or later");
    }
    AttentionPrecision precision;
    if (fp8) precision.values = DataType::fp8;
    bool changed = false;
    for (Stage& stage : context.workload.stages) {
        for (Pass& pass : stage.passes) {
            for (Operator& op : pass.graph.operators) {
                auto* attention = std::get_if<Attention>(&op.kind);
                if (attention == nullptr || !takes_sage(*attention, pass.graph.output(op).type)) continue;
                attention->precision = precision;
                changed = true;
            }
        }
    }
    if (!changed) {
        does_not_apply("sage-attention", "no attention that its kernels take in " + context.workload_name,
                       "fp16 or bf16, no mask, head dimensions up to 128, more than one query");
    }
}

constexpr std::array<Lever, 7> levers{{
    {"joined-keys", "",
     "keys and values of every attention of the denoiser are copied into one tensor, and read as its halves: one "
     "concatenation an attention, strided reads behind it",
     "xdit-project/xDiT 0.4, core/cache_manager (update_and_get_kv_cache): on one GPU too SD3, PixArt, HunyuanDiT and "
     "SANA pass through it; FLUX, Wan and HunyuanVideo do not",
     "denoisers of several steps with layers to_k and to_v", LeverPhase::graph, "memory of keys and values",
     apply_joined_keys},
    {"fused-qkv", "",
     "linear layers of one input whose results meet in an attention are one wider product; attention reads slices",
     "huggingface/diffusers, fuse_qkv_projections", "layers that differ in bias stay apart", LeverPhase::graph,
     "products of queries, keys and values", apply_fused_qkv},
    {"fused-gate", "", "gate and input of a gated feed-forward are one wider product",
     "vllm-project/vllm, merged column-parallel layers", "feed-forwards with two layers ahead of the product",
     LeverPhase::graph, "products of a gated feed-forward", apply_fused_gate},
    {"static-kv", "[tokens]",
     "caches of keys and values of the final length: rows are written in place, no copy of the cache; attention reads "
     "all of it under a mask in every step",
     "pytorch-labs/gpt-fast, model.py; huggingface/transformers, StaticCache",
     "models with a cache; the length is the longest that a run comes to unless given", LeverPhase::graph,
     "length of caches", apply_static_kv},
    {"dynamic-kv", "",
     "each step copies the caches of keys and values to longer ones (torch.cat): all of them read and written once "
     "more",
     "huggingface/transformers, DynamicCache", "models with a cache, outside CUDA graphs", LeverPhase::graph,
     "length of caches", apply_dynamic_kv},
    {"sage-attention", "int8 | fp8",
     "attention multiplies queries and keys in int8, weights and values in the tensors' type or fp8; kernels find the "
     "mean of the keys and quantise queries and keys (and values)",
     "Zhang et al., SageAttention and SageAttention2; thu-ml/SageAttention",
     "fp16 and bf16, no mask, head dimensions up to 128; rates as FlashAttention's kernels reach them; accuracy is not "
     "modelled",
     LeverPhase::graph, "attention kernel", apply_sage},
    {"kv-cache", "fp8 | int8",
     "keys and values are stored at one byte: half the bytes written, kept and read, converted inside the attention "
     "kernel",
     "vllm-project/vllm and NVIDIA/TensorRT-LLM, quantised caches",
     "caches of self-attention; scales known beforehand; accuracy is not modelled", LeverPhase::graph,
     "type of keys and values in memory", apply_kv_cache},
}};

}  // namespace

std::span<const Lever> layer_levers() { return levers; }

}  // namespace cupola
