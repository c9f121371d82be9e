#pragma once

#include "cupola/units/quantity.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cupola {

/// Reads "3.35 TB/s", "50 MiB", "1.98 GHz", "989 TFLOP/s", "5 us", "700 W" into a quantity of the given dimension.
/// Decimal (k M G T P) and binary (Ki Mi Gi Ti) prefixes are kept apart; the unit is required, a space before it is
/// not. Empty if the text is no number, not finite, or carries a unit of another dimension. Instantiated for every
/// alias in `quantity.hpp`.
template <typename Q>
[[nodiscard]] std::optional<Q> parse_quantity(std::string_view text);

/// What `parse_quantity<Q>` accepts, for messages: "a bandwidth such as 3.35 TB/s".
template <typename Q>
[[nodiscard]] std::string expected_quantity();

/// "3.31 s", "12.4 ms", "5.2 us": three significant digits, the prefix that keeps 1 <= number < 1000.
[[nodiscard]] std::string format(Seconds value);
[[nodiscard]] std::string format(Hertz value);
[[nodiscard]] std::string format(Bytes value);  ///< binary prefixes: "4.78 GiB"
[[nodiscard]] std::string format(Flops value);  ///< "6.76 TFLOP"
[[nodiscard]] std::string format(Joules value);
[[nodiscard]] std::string format(BytesPerSecond value);  ///< decimal prefixes: "3.35 TB/s"
[[nodiscard]] std::string format(FlopsPerSecond value);
[[nodiscard]] std::string format(FlopsPerByte value);  ///< "153 FLOP/B"
[[nodiscard]] std::string format(Watts value);

/// "2,567,463,684"
[[nodiscard]] std::string format_count(long long value);

/// Whether the text has the form of a date such as "2026-11-21".
[[nodiscard]] bool is_date(std::string_view text);

}  // namespace cupola
