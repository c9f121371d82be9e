#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/quantise.hpp"
#include "cupola/lever/tables.hpp"

#include <array>

namespace cupola {
namespace {

/// Whether `predicate(graph, operator)` holds for some operator of some pass.
template <typename Predicate>
bool any_operator(const Workload& workload, const Predicate& predicate) {
    for (const Stage& stage : workload.stages) {
        for (const Pass& pass : stage.passes) {
            for (const Operator& op : pass.graph.operators) {
                if (predicate(pass.graph, op)) return true;
            }
        }
    }
    return false;
}

template <typename Kind>
bool has(const Workload& workload) {
    return any_operator(workload,
                        [](const Graph&, const Operator& op) { return std::holds_alternative<Kind>(op.kind); });
}

DataType input_type(const Graph& graph, const Operator& op) { return graph.values[graph.inputs(op).front()].type; }

/// Whether a rule serves some attention of the model.
bool serves_any(const AttentionRule& rule, const LeverContext& context) {
    return any_operator(context.workload, [&](const Graph& graph, const Operator& op) {
        const auto* attention = std::get_if<Attention>(&op.kind);
        return attention != nullptr && rule.serves(*attention, input_type(graph, op), context.architecture);
    });
}

/// Whether matrix units could do some work of fp32 tensors.
bool has_fp32_products(const Workload& workload) {
    return any_operator(workload, [](const Graph& graph, const Operator& op) {
        const bool product = std::holds_alternative<Linear>(op.kind) || std::holds_alternative<Convolution>(op.kind) ||
                             std::holds_alternative<Matmul>(op.kind) || std::holds_alternative<Attention>(op.kind);
        return product && input_type(graph, op) == DataType::fp32;
    });
}

bool has_growing_caches(const Workload& workload) {
    return any_operator(workload, [](const Graph&, const Operator& op) {
        const auto* append = std::get_if<CacheAppend>(&op.kind);
        return append != nullptr && append->grown;
    });
}

/// A switch that the stack has on already would change nothing.
[[noreturn]] void on_already(std::string_view lever, const Stack& stack, const std::string& does) {
    does_not_apply(lever, "stack " + stack.name + ", which " + does + " as it is", "a stack that does not",
                   "leave the lever out");
}

/// The kernel asked for comes first; what it does not serve falls to those that the stack prefers anyway.
void apply_attention(LeverContext& context, const LeverValue& value) {
    if (!has<Attention>(context.workload)) does_not_apply("attention", context.workload.name, "a model with attention");
    Stack& stack = context.stack;
    std::vector<std::string> names{"math"};
    for (const AttentionRule& rule : stack.attention_kernels) {
        if (rule.name != names.front()) names.push_back(rule.name);
    }
    const std::string& name = names[value.one_of(names)];
    if (name == "math") {
        stack.attention.clear();
        return;
    }
    const AttentionRule rule = *find_attention(stack, name);
    if (!rule.serves(context.architecture)) {
        does_not_apply("attention", name + " on " + std::string(name_of(context.architecture)),
                       "a GPU that it was written for", "leave the lever out, or take another GPU");
    }
    if (!serves_any(rule, context)) {
        does_not_apply("attention", "no attention that " + name + " serves in " + context.workload.name,
                       "the types, head dimensions and masks that it was written for",
                       "set dtype, or take another kernel");
    }
    std::erase_if(stack.attention, [&](const AttentionRule& other) { return other.name == name; });
    stack.attention.insert(stack.attention.begin(), rule);
}

void apply_compile(LeverContext& context, const LeverValue& value) {
    if (!context.stack.has_compiler) {
        does_not_apply("compile", "stack " + context.stack.name, "a stack that can compile", "take a PyTorch stack");
    }
    Stack& stack = context.stack;
    const bool tuned = value.given() ? value.one_of({"default", "max-autotune"}) == 1 : stack.max_autotune;
    if (stack.compiled && stack.max_autotune == tuned) on_already("compile", stack, "compiles");
    stack.max_autotune = tuned;
    stack.compiled = true;
}

void apply_channels_last(LeverContext& context, const LeverValue& value) {
    value.none();
    if (!has<Convolution>(context.workload)) {
        does_not_apply("channels-last", context.workload.name, "a model with convolutions");
    }
    if (context.stack.layout == TensorLayout::channels_last) {
        on_already("channels-last", context.stack, "keeps images in NHWC");
    }
    context.stack.layout = TensorLayout::channels_last;
}

void apply_tf32(LeverContext& context, const LeverValue& value) {
    const bool on = value.one_of({"on", "off"}) == 0;
    if (!multiplies(context.architecture, DataType::tf32)) {
        does_not_apply("tf32", "a GPU of the " + std::string(name_of(context.architecture)) + " architecture",
                       "one whose matrix units multiply tf32");
    }
    if (!has_fp32_products(context.workload)) {
        does_not_apply("tf32", "no product or convolution of fp32 tensors in " + context.workload.name,
                       "a model that has some", "set dtype=fp32");
    }
    context.stack.tf32_convolution = context.stack.tf32_matmul = on;
}

void apply_cuda_graphs(LeverContext& context, const LeverValue& value) {
    value.none();
    if (context.stack.cuda_graphs) on_already("cuda-graphs", context.stack, "launches graphs");
    if (has_growing_caches(context.workload)) {
        does_not_apply("cuda-graphs", "caches that grow in every step (dynamic-kv)",
                       "passes whose tensors stay in place", "static-kv gives caches their final length");
    }
    context.stack.cuda_graphs = true;
}

constexpr std::array<Lever, 5> levers{{
    {"attention", "math | flash2 | memory_efficient | … (those of the stack)",
     "calls that it serves become one kernel without the scores in memory; math: QKᵀ, mask, softmax and PV with the "
     "scores "
     "between them in memory, and copies that gather heads",
     "attention rules of hwmodels/stacks (PyTorch sdp_utils.cpp)",
     "GPUs, types, head sizes and masks that the rule names; other calls fall to the stack's own order",
     LeverPhase::stack, "attention kernel", apply_attention},
    {"compile", "default | max-autotune; may be left out",
     "chains of pointwise operators, with one norm or softmax each, become one kernel; convolutions and linear layers "
     "add "
     "their bias themselves; no module's Python runs between kernels, guards are checked once a pass",
     "torch.compile (TorchInductor); facts under `compiled` in hwmodels/stacks",
     "stacks with a compiler; compile time is not modelled", LeverPhase::stack, "compilation", apply_compile},
    {"channels-last", "",
     "filters and results of convolutions lie in NHWC: no copies of either; inputs are copied only where an operator "
     "made "
     "them NCHW (PyTorch's group norm does)",
     "PyTorch documentation, channels last memory format", "models with convolutions", LeverPhase::stack,
     "memory format", apply_channels_last},
    {"tf32", "on | off", "fp32 convolutions and matrix products run as TF32, or not",
     "torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32", "fp32 work on Ampere and later",
     LeverPhase::stack, "TF32", apply_tf32},
    {"cuda-graphs", "", "the kernels of a pass are one launch: no host time an operator, shorter gaps",
     "CUDA programming guide, CUDA graphs", "passes of fixed shapes; capture and its memory are not modelled",
     LeverPhase::stack, "launches", apply_cuda_graphs},
}};

}  // namespace

std::span<const Lever> stack_levers() { return levers; }

}  // namespace cupola
