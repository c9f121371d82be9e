#pragma once

#include "cupola/lever/lever.hpp"
#include "cupola/workload/linear_precision.hpp"

#include <string_view>

namespace cupola {

/// Gives linear layers of one component a precision. `value` may say which: `part:NAME` (the component; else the one
/// that does most multiply-adds in linear layers), `except:INxOUT/MODULE/…` (sizes and modules left as they are), and
/// fields of `more`. InputError where the architecture has no such products, the tensors are not fp16 or bf16, or
/// nothing is left to quantise.
void quantise_linears(LeverContext& context, std::string_view lever, const LeverValue& value,
                      const LinearPrecision& precision, const std::vector<std::string>& more = {});

/// Gives convolutions of components narrow factors with scales known beforehand. `value` is a type, int8 or fp8, for
/// the component whose convolutions work most, or a list of components with types (`denoiser:fp8,vae_decoder:int8`).
/// Convolutions without such kernels (groups, transposed, channels that are no multiples of 16) stay as they are, and
/// so do those that calibrations leave out. InputError where stack or GPU multiplies no such type, or nothing is left.
void quantise_convolutions(LeverContext& context, std::string_view lever, const LeverValue& value);

/// InputError where the matrix units of the context's GPU do not multiply the type.
void require_products(const LeverContext& context, std::string_view lever, DataType type);

/// Whether the matrix units of an architecture multiply this type.
[[nodiscard]] bool multiplies(Architecture architecture, DataType type);

}  // namespace cupola
