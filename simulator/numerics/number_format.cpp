#include "cupola/numerics/number_format.hpp"

#include <limits>

namespace cupola::numerics {

FormatTraits traits_of(NumberFormat format) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    switch (format) {
        case NumberFormat::fp64: return {53, -1022, std::numeric_limits<double>::max(), infinity};
        case NumberFormat::fp32: return {24, -126, 0x1.FFFFFEp127, infinity};
        case NumberFormat::fp16: return {11, -14, 0x1.FFCp15, infinity};
        case NumberFormat::bf16: return {8, -126, 0x1.FEp127, infinity};
        case NumberFormat::fp8: return {4, -6, 448, nan};
    }
    return {};
}

std::string_view name_of(NumberFormat format) {
    switch (format) {
        case NumberFormat::fp64: return "fp64";
        case NumberFormat::fp32: return "fp32";
        case NumberFormat::fp16: return "fp16";
        case NumberFormat::bf16: return "bf16";
        case NumberFormat::fp8: return "fp8";
    }
    return "";
}

Rounding::Rounding(NumberFormat format) {
    const FormatTraits traits = traits_of(format);
    smallest_normal_ = std::ldexp(1.0, traits.min_exponent);
    shift_per_power_ = std::ldexp(1.5, std::numeric_limits<double>::digits - traits.digits);
    largest_ = traits.largest;
    overflow_ = traits.overflow;
}

}  // namespace cupola::numerics
