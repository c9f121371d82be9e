#pragma once

#include "cupola/lever/lever.hpp"
#include "cupola/report/style.hpp"

#include <span>
#include <string>

namespace cupola {

/// Each lever with its value, mechanism, source and validity.
[[nodiscard]] std::string levers_text(std::span<const Lever> levers, const TextStyle& style);
/// A list of {name value mechanism source validity decides}.
[[nodiscard]] std::string levers_json(std::span<const Lever> levers);

}  // namespace cupola
