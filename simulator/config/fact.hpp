#pragma once

#include "cupola/config/node.hpp"
#include "cupola/hardware/gpu.hpp"

#include <string>
#include <vector>

namespace cupola::config {

/// The `value` of `{value: …, source: …, recalled: true}`, whose origin is appended to `facts` under the field's name.
/// Every number of a data file is such a fact.
[[nodiscard]] Node read_fact(const Node& fact, const std::string& field, std::vector<Fact>& facts);

}  // namespace cupola::config
