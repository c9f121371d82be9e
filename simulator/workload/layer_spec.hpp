#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// The layers that the descriptor language knows by itself; everything else is a module.
enum class Builtin : std::uint8_t {
    // flow
    block,
    residual,
    repeat,
    for_each,
    loop,
    when,
    let,
    save,
    load,
    push,
    pop,
    output,
    remember,
    recall,
    // shape
    rearrange,
    flatten,
    unfold,
    contiguous,
    broadcast,
    slice,
    chunk,
    split,
    concat,
    pad,
    upsample,
    average_pool,
    pixel_shuffle,
    pixel_unshuffle,
    // compute
    conv,
    linear,
    attention,
    matmul,
    group_norm,
    layer_norm,
    rms_norm,
    l2_norm,
    softmax,
    activation,
    geglu,
    swiglu,
    glu,
    rope,
    add,
    subtract,
    multiply,
    divide,
    scale,
    offset,
    clamp,
    modulate,
    gate,
    lerp,
    where,
    widen,
    narrow,
    mean,
    sum,
    max,
    // look-ups, state, sources
    embedding,
    gather,
    sample,
    cache,
    cache_reorder,
    state,
    parameter,
    sinusoid,
};

/// How an argument is written, and what it becomes.
enum class ArgumentKind : std::uint8_t {
    expression,  ///< 3 * width, or a list of such
    name,        ///< a plain identifier: what to save under, an axis
    names,       ///< one or a list of identifiers
    tensor,      ///< a saved name, or {pop: stack}
    tensors,     ///< one or a list of tensors
    pattern,     ///< (batch frames) channels height width
    sizes,       ///< {axis: expression, …}
    bindings,    ///< {variable: expression, …}
    layers,      ///< a list of layers
};

struct ArgumentSpec {
    std::string_view name;
    ArgumentKind kind = ArgumentKind::expression;
    bool required = false;
};

/// One layer of the language: its arguments, the primary one first (`linear: 320` is `linear: {out: 320}`).
struct LayerSpec {
    Builtin builtin;
    std::string_view name;
    std::span<const ArgumentSpec> arguments;
    /// The primary argument takes the whole value even where that is a map (`let: {a: 1}`, `parameter: {tokens: 77}`).
    bool whole_value = false;
};

[[nodiscard]] const LayerSpec* find_layer_spec(std::string_view name);
[[nodiscard]] const LayerSpec& layer_spec(Builtin builtin);
[[nodiscard]] std::vector<std::string> builtin_layer_names();

/// The activations in the order of `ActivationKind`; each is also a layer by itself (`- silu`).
[[nodiscard]] const std::vector<std::string>& activation_names();

}  // namespace cupola
