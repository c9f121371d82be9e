#include "cupola/workload/layer_spec.hpp"

#include <array>

namespace cupola {
namespace {

using Kind = ArgumentKind;

constexpr std::array block_arguments{ArgumentSpec{"layers", Kind::layers, true},
                                     ArgumentSpec{"runs", Kind::expression}};
constexpr std::array residual_arguments{ArgumentSpec{"layers", Kind::layers, true},
                                        ArgumentSpec{"shortcut", Kind::layers}, ArgumentSpec{"first", Kind::name}};
constexpr std::array repeat_arguments{ArgumentSpec{"times", Kind::expression, true},
                                      ArgumentSpec{"layers", Kind::layers, true}};
constexpr std::array for_arguments{ArgumentSpec{"variables", Kind::bindings, true},
                                   ArgumentSpec{"layers", Kind::layers, true}};
constexpr std::array when_arguments{ArgumentSpec{"condition", Kind::expression, true},
                                    ArgumentSpec{"layers", Kind::layers, true}, ArgumentSpec{"else", Kind::layers}};
constexpr std::array let_arguments{ArgumentSpec{"variables", Kind::bindings, true}};
constexpr std::array name_argument{ArgumentSpec{"as", Kind::name, true}};
constexpr std::array tensor_argument{ArgumentSpec{"with", Kind::tensor, true}};

constexpr std::array rearrange_arguments{ArgumentSpec{"axes", Kind::pattern, true}};
constexpr std::array flatten_arguments{ArgumentSpec{"axis", Kind::name, true}, ArgumentSpec{"into", Kind::name, true}};
constexpr std::array unfold_arguments{ArgumentSpec{"axis", Kind::name, true}, ArgumentSpec{"into", Kind::sizes, true}};
constexpr std::array broadcast_arguments{ArgumentSpec{"axes", Kind::pattern, true},
                                         ArgumentSpec{"sizes", Kind::sizes, true}};
constexpr std::array slice_arguments{ArgumentSpec{"axis", Kind::name, true},
                                     ArgumentSpec{"size", Kind::expression, true},
                                     ArgumentSpec{"start", Kind::expression}};
constexpr std::array chunk_arguments{ArgumentSpec{"into", Kind::names, true}, ArgumentSpec{"axis", Kind::name}};
constexpr std::array split_arguments{ArgumentSpec{"into", Kind::names, true}, ArgumentSpec{"axis", Kind::name, true},
                                     ArgumentSpec{"like", Kind::tensors}, ArgumentSpec{"sizes", Kind::expression}};
constexpr std::array concat_arguments{ArgumentSpec{"with", Kind::tensors}, ArgumentSpec{"before", Kind::tensors},
                                      ArgumentSpec{"axis", Kind::name}};
constexpr std::array pad_arguments{ArgumentSpec{"sizes", Kind::sizes, true}, ArgumentSpec{"mode", Kind::name}};
constexpr std::array upsample_arguments{ArgumentSpec{"factor", Kind::expression}, ArgumentSpec{"sizes", Kind::sizes},
                                        ArgumentSpec{"mode", Kind::name}};
constexpr std::array factor_arguments{ArgumentSpec{"factor", Kind::expression}, ArgumentSpec{"sizes", Kind::sizes}};

constexpr std::array conv_arguments{
    ArgumentSpec{"out", Kind::expression, true},  ArgumentSpec{"kernel", Kind::expression},
    ArgumentSpec{"stride", Kind::expression},     ArgumentSpec{"padding", Kind::expression},
    ArgumentSpec{"groups", Kind::expression},     ArgumentSpec{"bias", Kind::expression},
    ArgumentSpec{"transposed", Kind::expression}, ArgumentSpec{"dilation", Kind::expression},
    ArgumentSpec{"weights", Kind::name}};
constexpr std::array linear_arguments{ArgumentSpec{"out", Kind::expression, true},
                                      ArgumentSpec{"bias", Kind::expression}, ArgumentSpec{"weights", Kind::name}};
constexpr std::array attention_arguments{ArgumentSpec{"heads", Kind::expression, true},
                                         ArgumentSpec{"query", Kind::tensor},
                                         ArgumentSpec{"key", Kind::tensor},
                                         ArgumentSpec{"value", Kind::tensor},
                                         ArgumentSpec{"kv_heads", Kind::expression},
                                         ArgumentSpec{"causal", Kind::expression},
                                         ArgumentSpec{"mask", Kind::expression},
                                         ArgumentSpec{"bias", Kind::tensor},
                                         ArgumentSpec{"score", Kind::name},
                                         ArgumentSpec{"span", Kind::name}};
constexpr std::array matmul_arguments{ArgumentSpec{"with", Kind::tensor, true}, ArgumentSpec{"over", Kind::name, true}};
constexpr std::array group_norm_arguments{ArgumentSpec{"groups", Kind::expression},
                                          ArgumentSpec{"scale", Kind::expression},
                                          ArgumentSpec{"shift", Kind::expression}};
constexpr std::array norm_arguments{ArgumentSpec{"scale", Kind::expression}, ArgumentSpec{"shift", Kind::expression},
                                    ArgumentSpec{"heads", Kind::expression}, ArgumentSpec{"axis", Kind::name}};
constexpr std::array axis_arguments{ArgumentSpec{"axis", Kind::name}};
constexpr std::array activation_arguments{ArgumentSpec{"kind", Kind::expression, true}};
constexpr std::array gated_arguments{ArgumentSpec{"gate", Kind::tensor}};
constexpr std::array rope_arguments{ArgumentSpec{"heads", Kind::expression, true}, ArgumentSpec{"form", Kind::name}};
constexpr std::array number_arguments{ArgumentSpec{"by", Kind::expression, true}};
constexpr std::array clamp_arguments{ArgumentSpec{"min", Kind::expression}, ArgumentSpec{"max", Kind::expression}};
constexpr std::array modulate_arguments{ArgumentSpec{"scale", Kind::tensor, true}, ArgumentSpec{"shift", Kind::tensor}};
constexpr std::array gate_arguments{ArgumentSpec{"by", Kind::tensor, true},
                                    ArgumentSpec{"residual", Kind::tensor, true}};
constexpr std::array where_arguments{ArgumentSpec{"with", Kind::tensor, true}};
constexpr std::array reduce_arguments{ArgumentSpec{"axis", Kind::name, true}};

constexpr std::array embedding_arguments{ArgumentSpec{"vocabulary", Kind::expression, true},
                                         ArgumentSpec{"width", Kind::expression, true},
                                         ArgumentSpec{"weights", Kind::name}};
constexpr std::array gather_arguments{ArgumentSpec{"axis", Kind::name, true},
                                      ArgumentSpec{"rows", Kind::expression, true}};
constexpr std::array sample_arguments{ArgumentSpec{"top_k", Kind::expression}};
constexpr std::array cache_arguments{ArgumentSpec{"length", Kind::expression, true}, ArgumentSpec{"axis", Kind::name}};
constexpr std::array reorder_arguments{ArgumentSpec{"in_place", Kind::expression}};
constexpr std::array sizes_argument{ArgumentSpec{"sizes", Kind::sizes, true}};
constexpr std::array sinusoid_arguments{ArgumentSpec{"width", Kind::expression, true}};
constexpr std::array<ArgumentSpec, 0> no_arguments{};

constexpr std::array specs{
    LayerSpec{Builtin::block, "block", block_arguments},
    LayerSpec{Builtin::residual, "residual", residual_arguments},
    LayerSpec{Builtin::repeat, "repeat", repeat_arguments},
    LayerSpec{Builtin::for_each, "for", for_arguments, true},
    LayerSpec{Builtin::loop, "loop", for_arguments, true},
    LayerSpec{Builtin::when, "when", when_arguments},
    LayerSpec{Builtin::let, "let", let_arguments, true},
    LayerSpec{Builtin::save, "save", name_argument},
    LayerSpec{Builtin::load, "load", tensor_argument},
    LayerSpec{Builtin::push, "push", name_argument},
    LayerSpec{Builtin::pop, "pop", name_argument},
    LayerSpec{Builtin::output, "output", name_argument},
    LayerSpec{Builtin::remember, "remember", name_argument},
    LayerSpec{Builtin::recall, "recall", name_argument},
    LayerSpec{Builtin::rearrange, "rearrange", rearrange_arguments},
    LayerSpec{Builtin::flatten, "flatten", flatten_arguments},
    LayerSpec{Builtin::unfold, "unfold", unfold_arguments},
    LayerSpec{Builtin::contiguous, "contiguous", no_arguments},
    LayerSpec{Builtin::broadcast, "broadcast", broadcast_arguments},
    LayerSpec{Builtin::slice, "slice", slice_arguments},
    LayerSpec{Builtin::chunk, "chunk", chunk_arguments},
    LayerSpec{Builtin::split, "split", split_arguments},
    LayerSpec{Builtin::concat, "concat", concat_arguments},
    LayerSpec{Builtin::pad, "pad", pad_arguments},
    LayerSpec{Builtin::upsample, "upsample", upsample_arguments},
    LayerSpec{Builtin::average_pool, "average_pool", factor_arguments},
    LayerSpec{Builtin::pixel_shuffle, "pixel_shuffle", factor_arguments},
    LayerSpec{Builtin::pixel_unshuffle, "pixel_unshuffle", factor_arguments},
    LayerSpec{Builtin::conv, "conv", conv_arguments},
    LayerSpec{Builtin::linear, "linear", linear_arguments},
    LayerSpec{Builtin::attention, "attention", attention_arguments},
    LayerSpec{Builtin::matmul, "matmul", matmul_arguments},
    LayerSpec{Builtin::group_norm, "group_norm", group_norm_arguments},
    LayerSpec{Builtin::layer_norm, "layer_norm", norm_arguments},
    LayerSpec{Builtin::rms_norm, "rms_norm", norm_arguments},
    LayerSpec{Builtin::l2_norm, "l2_norm", norm_arguments},
    LayerSpec{Builtin::softmax, "softmax", axis_arguments},
    LayerSpec{Builtin::activation, "activation", activation_arguments},
    LayerSpec{Builtin::geglu, "geglu", gated_arguments},
    LayerSpec{Builtin::swiglu, "swiglu", gated_arguments},
    LayerSpec{Builtin::glu, "glu", gated_arguments},
    LayerSpec{Builtin::rope, "rope", rope_arguments},
    LayerSpec{Builtin::add, "add", tensor_argument},
    LayerSpec{Builtin::subtract, "subtract", tensor_argument},
    LayerSpec{Builtin::multiply, "multiply", tensor_argument},
    LayerSpec{Builtin::divide, "divide", tensor_argument},
    LayerSpec{Builtin::scale, "scale", number_arguments},
    LayerSpec{Builtin::offset, "offset", number_arguments},
    LayerSpec{Builtin::clamp, "clamp", clamp_arguments},
    LayerSpec{Builtin::modulate, "modulate", modulate_arguments},
    LayerSpec{Builtin::gate, "gate", gate_arguments},
    LayerSpec{Builtin::lerp, "lerp", tensor_argument},
    LayerSpec{Builtin::where, "where", where_arguments},
    LayerSpec{Builtin::widen, "widen", no_arguments},
    LayerSpec{Builtin::narrow, "narrow", no_arguments},
    LayerSpec{Builtin::mean, "mean", reduce_arguments},
    LayerSpec{Builtin::sum, "sum", reduce_arguments},
    LayerSpec{Builtin::max, "max", reduce_arguments},
    LayerSpec{Builtin::embedding, "embedding", embedding_arguments},
    LayerSpec{Builtin::gather, "gather", gather_arguments},
    LayerSpec{Builtin::sample, "sample", sample_arguments},
    LayerSpec{Builtin::cache, "cache", cache_arguments},
    LayerSpec{Builtin::cache_reorder, "cache_reorder", reorder_arguments},
    LayerSpec{Builtin::state, "state", sizes_argument, true},
    LayerSpec{Builtin::parameter, "parameter", sizes_argument, true},
    LayerSpec{Builtin::sinusoid, "sinusoid", sinusoid_arguments},
};

}  // namespace

const LayerSpec* find_layer_spec(std::string_view name) {
    for (const LayerSpec& spec : specs) {
        if (spec.name == name) return &spec;
    }
    return nullptr;
}

const LayerSpec& layer_spec(Builtin builtin) { return specs[static_cast<std::size_t>(builtin)]; }

std::vector<std::string> builtin_layer_names() {
    std::vector<std::string> names;
    for (const LayerSpec& spec : specs) names.emplace_back(spec.name);
    return names;
}

const std::vector<std::string>& activation_names() {
    static const std::vector<std::string> names{"silu",       "gelu",    "gelu_tanh", "quick_gelu", "relu",
                                                "leaky_relu", "sigmoid", "tanh",      "exp",        "sin",
                                                "cos",        "elu",     "softplus"};
    return names;
}

}  // namespace cupola
