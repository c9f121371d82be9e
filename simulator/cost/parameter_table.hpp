#pragma once

#include "cupola/cost/parameters.hpp"

#include <span>
#include <string_view>

namespace cupola {

/// One scalar of the cost model by name: what a fit may move and a calibrated file may state.
struct ParameterInfo {
    std::string_view name;     ///< "gemm.prologue_cycles"
    std::string_view unit;     ///< "cycles", "s", "share"; empty for a ratio
    double low, high;          ///< physical range
    std::string_view meaning;  ///< one sentence
    double& (*of)(CostParameters&);
};

/// Every parameter that can be fitted, by name; see README.md for source and what identifies each.
[[nodiscard]] std::span<const ParameterInfo> parameter_table();

/// The parameter of that name, or null.
[[nodiscard]] const ParameterInfo* find_parameter(std::string_view name);

}  // namespace cupola
