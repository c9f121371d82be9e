#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::probe {

/// The most launches of one replay, and the largest id.
inline constexpr std::int64_t most_launches = 200000;

/// Reads "1,2,5-9,3": ids in the order of launch, a-b for a to b. Nothing where it is none, or longer than
/// `most_launches`.
std::optional<std::vector<std::int64_t>> to_order(std::string_view text);

/// Whether `text` is 1 to 100 letters, digits and ._/-
bool is_label(std::string_view text);

}  // namespace cupola::probe
