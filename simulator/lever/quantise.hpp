#pragma once

#include "cupola/lever/lever.hpp"
#include "cupola/workload/linear_precision.hpp"

#include <string_view>

namespace cupola {

/// Gives linear layers of one component a precision. `value` may say which: `part:NAME` (the component; else the one
/// that does most multiply-adds in linear layers), `except:INxOUT/INxOUT/…` (sizes left as they are), and fields of
/// `more`. InputError where the architecture has no such products, the tensors are not fp16 or bf16, or nothing is
/// left to quantise.
void quantise_linears(LeverContext& context, std::string_view lever, const LeverValue& value,
                      const LinearPrecision& precision, const std::vector<std::string>& more = {});

/// Whether the matrix units of an architecture multiply this type.
[[nodiscard]] bool multiplies(Architecture architecture, DataType type);

}  // namespace cupola
