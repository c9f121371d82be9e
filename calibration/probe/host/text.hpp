#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::probe {

/// Words of `line` between separators; empty words are dropped where `keep_empty` is false.
std::vector<std::string> split(std::string_view line, char separator, bool keep_empty = true);

/// The whole of `text` as an integer, with an optional binary suffix Ki, Mi or Gi; nothing where it is none.
std::optional<std::int64_t> to_integer(std::string_view text);

/// The whole of `text` as a finite number; nothing where it is none.
std::optional<double> to_real(std::string_view text);

/// `value` with as many digits as a double needs to be read back to 9 significant digits.
std::string number_text(double value);

/// `text` without line breaks, tabs and control characters, which would break the files and pipes it travels through.
std::string one_line(std::string_view text);

}  // namespace cupola::probe
