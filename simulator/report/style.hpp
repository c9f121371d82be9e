#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// How text for a person is laid out.
struct TextStyle {
    bool colour = false;      ///< ANSI colours; the caller decides (terminal, NO_COLOR)
    std::size_t width = 100;  ///< columns
};

enum class Paint { plain, bold, faint, good, warning, bad, accent };

/// `text` in a colour, or as it is without colours.
[[nodiscard]] std::string painted(const TextStyle& style, Paint paint, std::string_view text);

/// Columns that UTF-8 text takes on a terminal, escape sequences not counted.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// A horizontal bar of `share` (0..1) of `width` columns, to an eighth of a column; something is drawn for any
/// share above 0.
[[nodiscard]] std::string bar(double share, std::size_t width);

/// "12.3 %"
[[nodiscard]] std::string percent(double share);

/// Words joined by spaces into lines of at most `width` columns; lines after the first begin with `indent` spaces.
[[nodiscard]] std::string wrapped(const std::vector<std::string>& words, std::size_t width, std::size_t indent);

/// Keeps the end of `text`, which says most in a module path: "…blocks.2.attn1.to_q".
[[nodiscard]] std::string shortened(const std::string& text, std::size_t width);

}  // namespace cupola
