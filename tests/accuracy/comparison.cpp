#include "comparison.hpp"

#include <algorithm>

namespace cupola::accuracy {

namespace {

using Segments = std::vector<std::vector<Entry>>;

std::vector<Entry> heavy_of(const std::vector<Entry>& entries) {
    std::vector<Entry> heavy;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(heavy), [](const Entry& e) { return e.heavy; });
    return heavy;
}

/// The light entries before the first heavy one, between it and the second, …
Segments segments_of(const std::vector<Entry>& entries) {
    Segments segments(1);
    for (const Entry& entry : entries) {
        if (entry.heavy) {
            segments.emplace_back();
        } else {
            segments.back().push_back(entry);
        }
    }
    return segments;
}

bool same(const Entry& list, const Entry& graph) {
    return list.what == graph.what || (!list.folded.empty() && list.folded == graph.folded);
}

/// A light entry without its like, and how many heavy ones run before it.
struct Unmatched {
    std::size_t segment = 0;
    Entry entry;
};

/// The entries around `index`, one a line.
std::string context_of(const std::vector<Entry>& entries, std::size_t index) {
    std::string text;
    for (std::size_t i = index < 3 ? 0 : index - 3; i < std::min(index + 4, entries.size()); ++i) {
        text += (i == index ? "\n  > " : "\n    ") + entries[i].what + "   (" + entries[i].where + ")";
    }
    return text + (index >= entries.size() ? "\n  > (end)" : "");
}

/// Takes the entries out of both segments that agree; returns how many.
std::size_t match_segment(std::vector<Entry>& list, std::vector<Entry>& graph) {
    std::vector<Entry> rest;
    for (const Entry& entry : list) {
        const auto match = std::find_if(graph.begin(), graph.end(), [&](const Entry& e) { return same(entry, e); });
        if (match == graph.end()) {
            rest.push_back(entry);
        } else {
            graph.erase(match);
        }
    }
    const std::size_t matched = list.size() - rest.size();
    list = rest;
    return matched;
}

std::vector<Unmatched> unmatched_of(const Segments& segments) {
    std::vector<Unmatched> rest;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        for (const Entry& entry : segments[i]) rest.push_back({i, entry});
    }
    return rest;
}

bool regrouped(const Entry& list, const Entry& graph) {
    return !list.regrouped.empty() && list.regrouped == graph.regrouped;
}

/// Takes a pair out of both sides wherever entries that stand near each other fulfil `agree`; returns how many.
template <typename Agree>
std::size_t match_near(std::vector<Unmatched>& list, std::vector<Unmatched>& graph, const Agree& agree) {
    std::vector<Unmatched> rest;
    for (const Unmatched& one : list) {
        const auto match = std::find_if(graph.begin(), graph.end(), [&](const Unmatched& other) {
            const auto [low, high] = std::minmax(one.segment, other.segment);
            return high - low <= farthest_move && agree(one.entry, other.entry);
        });
        if (match == graph.end()) {
            rest.push_back(one);
        } else {
            graph.erase(match);
        }
    }
    const std::size_t matched = list.size() - rest.size();
    list = rest;
    return matched;
}

void compare_unmatched(std::vector<Unmatched> list, std::vector<Unmatched> graph, Agreement& agreement) {
    agreement.light_moved = match_near(list, graph, same);
    agreement.regrouped = match_near(list, graph, regrouped);
    for (const Unmatched& one : list) {
        agreement.differences.push_back("only in the list: " + one.entry.what + " (" + one.entry.where + ")");
    }
    for (const Unmatched& one : graph) {
        agreement.differences.push_back("only in the graph: " + one.entry.what + " (" + one.entry.where + ")");
    }
}

}  // namespace

Agreement compare(const std::vector<Entry>& list, const std::vector<Entry>& graph) {
    Agreement agreement;
    const std::vector<Entry> expected = heavy_of(list), found = heavy_of(graph);
    const auto differ = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end(), same);
    agreement.heavy_agreed = static_cast<std::size_t>(differ.first - expected.begin());
    agreement.heavy_total = std::max(expected.size(), found.size());
    if (agreement.heavy_agreed < agreement.heavy_total) {
        agreement.first_difference = "list:" + context_of(expected, agreement.heavy_agreed) +
                                     "\ngraph:" + context_of(found, agreement.heavy_agreed);
    }
    Segments in_list = segments_of(list), in_graph = segments_of(graph);
    in_list.resize(std::max(in_list.size(), in_graph.size()));
    in_graph.resize(in_list.size());
    for (std::size_t i = 0; i < in_list.size(); ++i) agreement.light_agreed += match_segment(in_list[i], in_graph[i]);
    compare_unmatched(unmatched_of(in_list), unmatched_of(in_graph), agreement);
    agreement.light_agreed += agreement.light_moved + agreement.regrouped;
    agreement.light_total = agreement.light_agreed + agreement.differences.size();
    return agreement;
}

CopyComparison compare(const std::vector<Copy>& expected, std::vector<Copy> found) {
    CopyComparison result;
    const auto line = [](const std::string& side, const Copy& copy) {
        return side + ": copy of " + std::to_string(copy.elements) + " elements behind anchor " +
               std::to_string(copy.position) + " (" + copy.where + ")";
    };
    for (const Copy& copy : expected) {
        const auto match = std::find_if(found.begin(), found.end(), [&](const Copy& other) {
            return other.hidden.empty() && other.position == copy.position && other.elements == copy.elements;
        });
        if (match == found.end()) {
            result.differences.push_back(line("only in the list ", copy));
        } else {
            ++result.matched;
            found.erase(match);
        }
    }
    for (const Copy& copy : found) {
        if (copy.hidden.empty()) {
            result.differences.push_back(line("only in kernels  ", copy));
        } else {
            ++result.hidden[copy.hidden];
        }
    }
    return result;
}

}  // namespace cupola::accuracy
