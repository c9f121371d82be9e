#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// The candidate closest to a mistyped name by Damerau-Levenshtein distance, if close enough to be meant
/// (at most a third of the name's length, at least 1, or one a prefix of the other).
[[nodiscard]] std::optional<std::string> closest_name(std::string_view name,
                                                      const std::vector<std::string>& candidates);

/// `did you mean "X"?`, or the list of candidates where none is close; "" for no candidates.
[[nodiscard]] std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace cupola
