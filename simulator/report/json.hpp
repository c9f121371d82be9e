#pragma once

#include "cupola/kernel/kernel.hpp"
#include "cupola/workload/graph.hpp"

#include <nlohmann/json.hpp>

#include <vector>

// Private to this room: the pieces that its JSON documents share.

namespace cupola {

using json = nlohmann::ordered_json;

/// A count as a whole number, rounded; exact up to 2^53.
[[nodiscard]] json whole_json(double value);
/// A whole number where the value is one, else a fraction, null where it is not finite.
[[nodiscard]] json number_json(double value);
/// {"steps": 30, "task": "s2st"}
[[nodiscard]] json parameters_json(const std::vector<ParameterSetting>& parameters);
/// {"kind": "gemm", "batch": 1, …}
[[nodiscard]] json work_json(const Work& work);

}  // namespace cupola
