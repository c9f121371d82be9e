#pragma once

#include "cupola/lever/lever.hpp"

#include <span>

namespace cupola {

// The levers by what they change, each table in a file of its own; `all_levers` puts them together.
[[nodiscard]] std::span<const Lever> setting_levers();
[[nodiscard]] std::span<const Lever> guidance_levers();
[[nodiscard]] std::span<const Lever> vae_levers();
[[nodiscard]] std::span<const Lever> decoding_levers();
[[nodiscard]] std::span<const Lever> step_cache_levers();
[[nodiscard]] std::span<const Lever> layer_levers();
[[nodiscard]] std::span<const Lever> precision_levers();
[[nodiscard]] std::span<const Lever> token_merging_levers();
[[nodiscard]] std::span<const Lever> head_clustering_levers();
[[nodiscard]] std::span<const Lever> stack_levers();
/// Behind those of the stack: which kernel serves a call is known then.
[[nodiscard]] std::span<const Lever> attention_levers();

}  // namespace cupola
