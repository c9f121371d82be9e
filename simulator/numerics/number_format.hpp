#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace cupola::numerics {

/// A binary floating-point format that values are rounded to; fp8 is the one with 4 exponent bits (E4M3).
enum class NumberFormat { fp64, fp32, fp16, bf16, fp8 };

inline constexpr std::array all_formats{NumberFormat::fp64, NumberFormat::fp32, NumberFormat::fp16, NumberFormat::bf16,
                                        NumberFormat::fp8};

/// What a format can hold.
struct FormatTraits {
    int digits;        ///< of the significand, the implied one included
    int min_exponent;  ///< of the smallest normal number, 2^min_exponent
    double largest;    ///< finite number
    double overflow;   ///< what a larger number becomes: infinity, or NaN where the format has none
};
/// Sources: IEEE 754-2019, table 3.5 (fp64, fp32, fp16); bf16 is fp32 cut to 8 digits; OCP 8-bit Floating Point
/// Specification 1.0, table 1 (E4M3: no infinity, largest 448).
[[nodiscard]] FormatTraits traits_of(NumberFormat format);

/// "bf16"
[[nodiscard]] std::string_view name_of(NumberFormat format);

/// Rounds to a format narrower than fp64: to the nearest, ties to even; subnormals are kept, overflow becomes what
/// FormatTraits says, NaN stays. For |x| in [2^e, 2^(e+1)) the format's numbers lie q = 2^(max(e, min_exponent) -
/// digits + 1) apart; adding and taking away 1.5 x 2^52 q makes the processor round x to a multiple of q.
/// REQUIRES: the processor's rounding mode is "to nearest", as a program starts with.
class Rounding {
public:
    explicit Rounding(NumberFormat format);

    [[nodiscard]] double operator()(double x) const {
        constexpr std::uint64_t exponent_bits = 0x7FF0'0000'0000'0000U;
        const double inside = std::clamp(x, -2 * largest_, 2 * largest_);  // so that the sum below is finite
        const auto power = std::bit_cast<double>(std::bit_cast<std::uint64_t>(inside) & exponent_bits);
        const double shift = std::max(power, smallest_normal_) * shift_per_power_;
        const double nearest = (inside + shift) - shift;
        return std::copysign(std::abs(nearest) > largest_ ? overflow_ : nearest, x);
    }

private:
    double smallest_normal_, shift_per_power_, largest_, overflow_;
};

/// Calls `loop` with a function that rounds to `format`; one choice for a whole loop over numbers.
template <typename Loop>
void with_rounding(NumberFormat format, Loop&& loop) {
    if (format == NumberFormat::fp64) {
        loop([](double x) { return x; });
    } else {
        loop(Rounding(format));
    }
}

/// One number rounded.
[[nodiscard]] inline double rounded(double x, NumberFormat format) {
    return format == NumberFormat::fp64 ? x : Rounding(format)(x);
}

}  // namespace cupola::numerics
