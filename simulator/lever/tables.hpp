#pragma once

#include "cupola/lever/lever.hpp"

#include <span>

namespace cupola {

// The levers by what they change, each table in a file of its own; `all_levers` puts them together.
[[nodiscard]] std::span<const Lever> setting_levers();
[[nodiscard]] std::span<const Lever> decoding_levers();
[[nodiscard]] std::span<const Lever> step_cache_levers();
[[nodiscard]] std::span<const Lever> precision_levers();
[[nodiscard]] std::span<const Lever> stack_levers();

}  // namespace cupola
