#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace cupola {
namespace {

struct Prefix {
    std::string_view text;
    double factor;
};

// Ascending: formatting takes the largest that leaves at least 1.
constexpr std::array<Prefix, 5> decimal_prefixes{{{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15}}};
constexpr std::array<Prefix, 5> binary_prefixes{
    {{"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}}};
// Both code points of mu: the micro sign and the Greek letter.
constexpr std::array<Prefix, 6> fraction_prefixes{
    {{"p", 1e-12}, {"n", 1e-9}, {"u", 1e-6}, {"\u00b5", 1e-6}, {"\u03bc", 1e-6}, {"m", 1e-3}}};

/// How one dimension is written.
struct Notation {
    std::string_view unit;
    bool decimal;    ///< k M G T P
    bool binary;     ///< Ki Mi Gi Ti Pi
    bool fractions;  ///< m u n p
    std::string_view expected;
};

template <typename Q>
constexpr Notation notation_of();
template <>
constexpr Notation notation_of<Seconds>() {
    return {"s", false, false, true, "a time such as 5 us"};
}
template <>
constexpr Notation notation_of<Hertz>() {
    return {"Hz", true, false, false, "a frequency such as 1.98 GHz"};
}
template <>
constexpr Notation notation_of<Bytes>() {
    return {"B", true, true, false, "a size such as 50 MiB"};
}
template <>
constexpr Notation notation_of<Flops>() {
    return {"FLOP", true, false, false, "an operation count such as 6.76 TFLOP"};
}
template <>
constexpr Notation notation_of<Joules>() {
    return {"J", true, false, true, "an energy such as 1.5 kJ"};
}
template <>
constexpr Notation notation_of<BytesPerSecond>() {
    return {"B/s", true, true, false, "a bandwidth such as 3.35 TB/s"};
}
template <>
constexpr Notation notation_of<FlopsPerSecond>() {
    return {"FLOP/s", true, false, false, "a throughput such as 989 TFLOP/s"};
}
template <>
constexpr Notation notation_of<FlopsPerByte>() {
    return {"FLOP/B", false, false, false, "an arithmetic intensity such as 153 FLOP/B"};
}
template <>
constexpr Notation notation_of<Watts>() {
    return {"W", true, false, true, "a power such as 700 W"};
}

template <std::size_t N>
std::optional<double> factor_in(const std::array<Prefix, N>& prefixes, std::string_view text) {
    for (const Prefix& prefix : prefixes) {
        if (prefix.text == text) return prefix.factor;
    }
    return std::nullopt;
}

std::optional<double> unit_factor(std::string_view text, const Notation& notation) {
    const std::string_view unit = notation.unit;
    if (text.size() < unit.size() || text.substr(text.size() - unit.size()) != unit) return std::nullopt;
    const std::string_view prefix = text.substr(0, text.size() - unit.size());
    if (prefix.empty()) return 1.0;
    std::optional<double> factor;
    if (notation.decimal) factor = factor_in(decimal_prefixes, prefix);
    if (!factor && notation.binary) factor = factor_in(binary_prefixes, prefix);
    if (!factor && notation.fractions) factor = factor_in(fraction_prefixes, prefix);
    return factor;
}

std::optional<double> parse(std::string_view text, const Notation& notation) {
    double number = 0.0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
    std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    const auto factor = unit_factor(unit, notation);
    if (!factor || !std::isfinite(number * *factor)) return std::nullopt;
    // Dividing by the exact reciprocal keeps "5 us" the double nearest to 5e-6, which 5 * 1e-6 is not.
    return *factor < 1.0 ? number / std::round(1.0 / *factor) : number * *factor;
}

/// `number` with three significant digits and without an exponent below 1e15: "3.31", "0.05", "1013".
std::string three_digits(double number) {
    if (std::abs(number) >= 999.5 && std::abs(number) < 1e15) return fmt::format("{:.0f}", number);
    return fmt::format("{:.3g}", number);
}

template <std::size_t N>
std::string with_prefix(double value, std::string_view unit, const std::array<Prefix, N>& prefixes) {
    Prefix chosen{"", 1.0};
    for (const Prefix& prefix : prefixes) {
        // 999.6 would round to four digits, so the change comes a little below the prefix itself.
        const double rounding = prefix.factor == chosen.factor * 1000.0 ? 0.9995 : 1.0;
        if (std::abs(value) >= prefix.factor * rounding) chosen = prefix;
    }
    return fmt::format("{} {}{}", three_digits(value / chosen.factor), chosen.text, unit);
}

}  // namespace

template <typename Q>
std::optional<Q> parse_quantity(std::string_view text) {
    const auto value = parse(text, notation_of<Q>());
    return value ? std::optional<Q>(Q(*value)) : std::nullopt;
}

template <typename Q>
std::string expected_quantity() {
    return std::string(notation_of<Q>().expected);
}

template std::optional<Seconds> parse_quantity<Seconds>(std::string_view);
template std::optional<Hertz> parse_quantity<Hertz>(std::string_view);
template std::optional<Bytes> parse_quantity<Bytes>(std::string_view);
template std::optional<Flops> parse_quantity<Flops>(std::string_view);
template std::optional<Joules> parse_quantity<Joules>(std::string_view);
template std::optional<BytesPerSecond> parse_quantity<BytesPerSecond>(std::string_view);
template std::optional<FlopsPerSecond> parse_quantity<FlopsPerSecond>(std::string_view);
template std::optional<FlopsPerByte> parse_quantity<FlopsPerByte>(std::string_view);
template std::optional<Watts> parse_quantity<Watts>(std::string_view);

template std::string expected_quantity<Seconds>();
template std::string expected_quantity<Hertz>();
template std::string expected_quantity<Bytes>();
template std::string expected_quantity<Flops>();
template std::string expected_quantity<Joules>();
template std::string expected_quantity<BytesPerSecond>();
template std::string expected_quantity<FlopsPerSecond>();
template std::string expected_quantity<FlopsPerByte>();
template std::string expected_quantity<Watts>();

std::string format(Seconds value) {
    constexpr std::array<Prefix, 4> prefixes{{{"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3}, {"", 1.0}}};
    if (value.value() == 0.0) return "0 s";
    Prefix chosen = prefixes.front();
    for (const Prefix& prefix : prefixes) {
        if (std::abs(value.value()) >= prefix.factor * 0.9995) chosen = prefix;
    }
    return fmt::format("{} {}s", three_digits(value.value() / chosen.factor), chosen.text);
}

std::string format(Hertz value) { return with_prefix(value.value(), "Hz", decimal_prefixes); }
std::string format(Bytes value) { return with_prefix(value.value(), "B", binary_prefixes); }
std::string format(Flops value) { return with_prefix(value.value(), "FLOP", decimal_prefixes); }
std::string format(Joules value) { return with_prefix(value.value(), "J", decimal_prefixes); }
std::string format(BytesPerSecond value) { return with_prefix(value.value(), "B/s", decimal_prefixes); }
std::string format(FlopsPerSecond value) { return with_prefix(value.value(), "FLOP/s", decimal_prefixes); }
std::string format(FlopsPerByte value) { return fmt::format("{} FLOP/B", three_digits(value.value())); }
std::string format(Watts value) { return fmt::format("{} W", three_digits(value.value())); }

std::string format_count(long long value) {
    std::string digits = std::to_string(value);
    const std::size_t first = value < 0 ? 1 : 0;
    for (std::size_t i = digits.size(); i > first + 3;) {
        i -= 3;
        digits.insert(i, ",");
    }
    return digits;
}

bool is_date(std::string_view text) {
    constexpr std::string_view form = "0000-00-00";
    return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                      [](char c, char f) { return f == '-' ? c == '-' : c >= '0' && c <= '9'; });
}

}  // namespace cupola
