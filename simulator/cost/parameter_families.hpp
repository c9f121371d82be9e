#pragma once

#include "cupola/cost/parameter_table.hpp"

#include <span>

// The parts of the parameter table, one file a family of laws; parameter_table.cpp joins them.
namespace cupola::cost_detail {

[[nodiscard]] std::span<const ParameterInfo> common_parameters();
[[nodiscard]] std::span<const ParameterInfo> gemm_parameters();
[[nodiscard]] std::span<const ParameterInfo> quant_parameters();
[[nodiscard]] std::span<const ParameterInfo> convolution_parameters();
[[nodiscard]] std::span<const ParameterInfo> attention_parameters();
[[nodiscard]] std::span<const ParameterInfo> memory_parameters();

}  // namespace cupola::cost_detail
