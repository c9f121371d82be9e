#include "cupola/cost/parameter_families.hpp"

namespace cupola::cost_detail {

// Quantisation kernels and products of quantised operands: none so far.
std::span<const ParameterInfo> quant_parameters() { return {}; }

}  // namespace cupola::cost_detail
