#include "house_rules.hpp"

#include <algorithm>
#include <cctype>
#include <regex>
#include <sstream>

namespace cupola::house {

namespace {

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
    for (const std::string& prefix : prefixes) {
        if (text.rfind(prefix, 0) == 0) return true;
    }
    return false;
}

/// Index just behind the literal that begins at `begin` with the quote `quote`.
std::size_t literal_end(std::string_view source, std::size_t begin, char quote) {
    for (std::size_t i = begin + 1; i < source.size(); ++i) {
        if (source[i] == '\\') {
            ++i;
        } else if (source[i] == quote || source[i] == '\n') {
            return i + 1;
        }
    }
    return source.size();
}

/// Index just behind the raw string whose opening quote is at `quote`: R"tag( … )tag"
std::size_t raw_string_end(std::string_view source, std::size_t quote) {
    const std::size_t open = source.find('(', quote);
    if (open == std::string_view::npos) return source.size();
    const std::string closing = ")" + std::string(source.substr(quote + 1, open - quote - 1)) + "\"";
    const std::size_t end = source.find(closing, open);
    return end == std::string_view::npos ? source.size() : end + closing.size();
}

/// Index behind the comment or literal that begins at `i`; `i` itself where none begins.
std::size_t skip_end(std::string_view source, std::size_t i) {
    const auto at = [&](std::size_t index) { return index < source.size() ? source[index] : '\0'; };
    const char before = i > 0 ? source[i - 1] : '\0';
    if (at(i) == '/' && at(i + 1) == '/') return std::min(source.find('\n', i), source.size());
    if (at(i) == '/' && at(i + 1) == '*') {
        const std::size_t end = source.find("*/", i + 2);
        return end == std::string_view::npos ? source.size() : end + 2;
    }
    if (at(i) == '"') return before == 'R' ? raw_string_end(source, i) : literal_end(source, i, '"');
    // 500'000 is a number, not the begin of a character
    if (at(i) == '\'' && std::isalnum(static_cast<unsigned char>(before)) == 0) return literal_end(source, i, '\'');
    return i;
}

}  // namespace

std::vector<std::string> includes_of(const std::string& source) {
    static const std::regex line_pattern(R"(^\s*#\s*include\s*(<[^>]*>|"[^"]*").*)");
    std::vector<std::string> includes;
    std::istringstream lines(source);
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (std::regex_match(line, match, line_pattern)) includes.push_back(match[1]);
    }
    return includes;
}

std::string code_only(std::string_view source) {
    std::string code;
    for (std::size_t i = 0; i < source.size();) {
        const std::size_t end = skip_end(source, i);
        if (end == i) {
            code += source[i++];
            continue;
        }
        for (; i < end; ++i) code += source[i] == '\n' ? '\n' : ' ';
    }
    return code;
}

std::vector<std::string> include_violations(const std::string& room, const std::string& source) {
    static const std::regex room_pattern(R"("cupola/([a-z_]+)/[a-z0-9_]+\.hpp")");
    std::vector<std::string> violations;
    const auto rule = allowed_rooms().find(room);
    if (rule == allowed_rooms().end()) return {"room " + room + " has no entry in the table of rooms"};
    for (const std::string& include : includes_of(source)) {
        std::smatch match;
        const bool is_room = std::regex_match(include, match, room_pattern);
        if (!is_room && (include.front() == '"' || starts_with_any(include, {"<cupola"}))) {
            violations.push_back(include + " is not of the form \"cupola/<room>/<file>.hpp\"");
        } else if (is_room && match[1] != room && rule->second.count(match[1]) == 0) {
            violations.push_back("room " + room + " may not include " + include);
        } else if (starts_with_any(include, {"<yaml-cpp"}) && room != "config") {
            violations.push_back("only config includes " + include);
        } else if (starts_with_any(include, {"<CLI"}) && room != "cli") {
            violations.push_back("only cli includes " + include);
        } else if (starts_with_any(include, {"<Eigen", "<cuda", "<cublas", "<cudnn", "<cupti"})) {
            violations.push_back("nothing in simulator/ includes " + include);
        }
    }
    return violations;
}

std::vector<std::string> public_header_violations(const std::set<std::string>& public_headers,
                                                  const std::string& source) {
    static const std::regex room_pattern(R"re("cupola/([a-z_]+/[a-z0-9_]+\.hpp)")re");
    static const std::regex standard_pattern(R"re(<[a-z_]+>)re");
    std::vector<std::string> violations;
    for (const std::string& include : includes_of(source)) {
        std::smatch match;
        const bool is_public = std::regex_match(include, match, room_pattern) && public_headers.count(match[1]) > 0;
        if (!is_public && !std::regex_match(include, standard_pattern)) {
            violations.push_back(include + " is neither a public header nor in the standard library");
        }
    }
    return violations;
}

std::vector<std::string> output_violations(const std::string& source) {
    static const std::regex pattern(
        R"(\bstd\s*::\s*(cout|cerr|clog)\b|\bfmt\s*::\s*(print|println)\b|)"
        R"(\b(printf|fprintf|vprintf|puts|fputs|putchar|perror|exit|_exit|_Exit|quick_exit|abort|terminate)\s*\()");
    const std::string code = code_only(source);
    std::vector<std::string> violations;
    for (std::sregex_iterator it(code.begin(), code.end(), pattern), end; it != end; ++it) {
        violations.push_back(it->str());
    }
    return violations;
}

}  // namespace cupola::house
