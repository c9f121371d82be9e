#pragma once

#include "cupola/config/node.hpp"

#include <string>
#include <vector>

namespace cupola::config {

/// `own` with what it leaves out taken from `base`: maps are merged key by key, anything else in `own` replaces what
/// `base` has. A map that states a `value` or its `source` is one statement and is replaced as a whole, so that no
/// number is left with another one's source. Top-level keys in `not_inherited` are never taken from `base`. Every value
/// keeps its place in the file where it stands. REQUIRES: both are roots and maps.
[[nodiscard]] Node inherit(const Node& own, const Node& base, const std::vector<std::string>& not_inherited);

}  // namespace cupola::config
