#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <limits>

namespace cupola {
namespace {

/// Names are compared without regard to case or to which of '-' and '_' joins their words.
std::string folded(std::string_view name) {
    std::string text(name);
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c == '_') c = '-';
    }
    return text;
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (Damerau-Levenshtein, each
/// substring edited at most once), in |a| x |b| steps.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                current[j] = std::min(current[j], before_last[j - 2] + 1);
            }
        }
        before_last.swap(last);
        last.swap(current);
    }
    return last[b.size()];
}

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

constexpr std::size_t longest_name = 128;   // a longer name is no slip of the finger, and the distance is quadratic
constexpr std::size_t shortest_prefix = 2;  // a single letter says too little
constexpr std::size_t most_begun = 6;       // more are no suggestion

/// Candidates whose beginning was typed.
std::vector<std::string> names_begun(std::string_view name, const std::vector<std::string>& candidates) {
    std::vector<std::string> begun;
    if (name.size() < shortest_prefix || name.size() > longest_name) return begun;
    const std::string typed = folded(name);
    for (const std::string& candidate : candidates) {
        if (starts_with(folded(candidate), typed)) begun.push_back(candidate);
    }
    return begun;
}

/// `"a", "b" or "c"`
std::string alternatives(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + ("\"" + names[i] + "\"");
    }
    return text;
}

}  // namespace

std::optional<std::string> closest_name(std::string_view name, const std::vector<std::string>& candidates) {
    if (name.empty() || name.size() > longest_name) return std::nullopt;
    const std::string typed = folded(name);
    std::size_t best_distance = std::max<std::size_t>(1, typed.size() / 3) + 1;
    std::optional<std::string> best, begun, begins;  // `begun`: the shortest whose beginning was typed
    for (const std::string& candidate : candidates) {
        const std::string known = folded(candidate);
        const std::size_t distance = known.size() > 2 * longest_name ? best_distance : edit_distance(typed, known);
        if (distance < best_distance && distance < std::max(typed.size(), known.size())) {
            best_distance = distance;
            best = candidate;
        }
        if (std::min(typed.size(), known.size()) < shortest_prefix) continue;
        const auto keep_shortest = [&](std::optional<std::string>& shortest) {
            if (!shortest || candidate.size() < shortest->size()) shortest = candidate;
        };
        if (starts_with(known, typed)) keep_shortest(begun);
        if (starts_with(typed, known)) keep_shortest(begins);
    }
    return begun ? begun : best ? best : begins;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
    if (candidates.empty()) return "";
    if (const auto begun = names_begun(name, candidates); begun.size() > 1 && begun.size() <= most_begun) {
        return "did you mean " + alternatives(begun) + "?";
    }
    if (const auto close = closest_name(name, candidates)) return "did you mean \"" + *close + "\"?";
    std::string list = "known: ";
    for (std::size_t i = 0; i < candidates.size(); ++i) list += (i == 0 ? "" : ", ") + candidates[i];
    return list;
}

}  // namespace cupola
