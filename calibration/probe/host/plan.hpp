#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "probe/host/kinds.hpp"

namespace cupola::probe {

/// One thing to measure: a kind with a value for each of its fields.
class Case {
public:
    Case(const Kind& kind, std::vector<std::string> values, int priority)
        : kind_(&kind), values_(std::move(values)), priority_(priority) {}

    const Kind& kind() const { return *kind_; }
    int priority() const { return priority_; }  ///< 1 (first) to 9 (last)
    bool has(std::string_view field) const;
    /// Value of a field of the kind; throws std::out_of_range for another name.
    const std::string& word(std::string_view field) const;
    std::int64_t integer(std::string_view field) const;
    double real(std::string_view field) const;
    /// The line in canonical form: all fields, in the kind's order, without the priority. Equal cases have equal texts.
    std::string text() const;

private:
    const Kind* kind_;
    std::vector<std::string> values_;
    int priority_;
};

/// A plan and what was wrong with its lines, each as `file:line:column: message`.
struct Plan {
    std::vector<Case> cases;
    std::vector<std::string> problems;
};

/// Reads a plan: a line is a kind and its fields, `gemm m=4096 n=4096 k=320 type=fp16`, with an optional
/// `priority=1..9` (5 where none is given); `#` begins a comment. A bad line is reported and left out; a repeated
/// case counts once, at its highest priority.
Plan parse_plan(std::string_view text, const std::string& file);

/// Column of the priority in plans.
inline constexpr int default_priority = 5;

}  // namespace cupola::probe
