#include "cupola/report/style.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace cupola {
namespace {

std::string_view escape_of(Paint paint) {
    switch (paint) {
        case Paint::plain: return "";
        case Paint::bold: return "\x1b[1m";
        case Paint::faint: return "\x1b[2m";
        case Paint::good: return "\x1b[32m";
        case Paint::warning: return "\x1b[33m";
        case Paint::bad: return "\x1b[1;31m";
        case Paint::accent: return "\x1b[36m";
    }
    return "";
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

std::string painted(const TextStyle& style, Paint paint, std::string_view text) {
    const std::string_view escape = style.colour ? escape_of(paint) : "";
    if (escape.empty() || text.empty()) return std::string(text);
    return fmt::format("{}{}\x1b[0m", escape, text);
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    bool in_escape = false;
    for (const char c : text) {
        if (in_escape) {
            in_escape = c != 'm';
        } else if (c == '\x1b') {
            in_escape = true;
        } else if (!continues_character(c)) {
            ++width;
        }
    }
    return width;
}

std::string bar(double share, std::size_t width) {
    static constexpr std::array<std::string_view, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (!(share > 0)) return "";
    const double length = std::min(share, 1.0) * static_cast<double>(width) * 8;
    const auto parts = std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(length)));
    std::string result;
    for (std::size_t i = 0; i < parts / 8; ++i) result += "█";
    return result.append(eighths[parts % 8]);
}

std::string percent(double share) { return std::isfinite(share) ? fmt::format("{:.1f} %", share * 100) : "-"; }

std::string wrapped(const std::vector<std::string>& words, std::size_t width, std::size_t indent) {
    std::string result;
    std::size_t column = indent;
    for (const std::string& word : words) {
        const std::size_t length = display_width(word);
        if (column > indent && column + 1 + length > width) {
            result.append("\n").append(indent, ' ');
            column = indent;
        }
        if (column > indent) {
            result += ' ';
            ++column;
        }
        result += word;
        column += length;
    }
    return result;
}

std::string shortened(const std::string& text, std::size_t width) {
    const std::size_t length = display_width(text);
    if (length <= width || width == 0) return text;
    std::size_t skip = length - width + 1;  // one column for the ellipsis
    std::size_t begin = 0;
    for (; skip > 0 && begin < text.size(); --skip) {
        do ++begin;
        while (begin < text.size() && continues_character(text[begin]));
    }
    return "…" + text.substr(begin);
}

}  // namespace cupola
