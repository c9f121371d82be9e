#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "probe/host/kinds.hpp"

namespace cupola::probe {

class Case;

/// What a replay launches: cases of the plan, and which of them in which order.
struct Launches {
    std::vector<Case> cases;
    std::vector<std::int64_t> ids;     ///< of `cases`, as the plan numbers them
    std::vector<std::uint32_t> order;  ///< indices into `cases`
};

/// What any line of a plan may say beside the fields of its kind.
struct CommonFields {
    int priority = 5;     ///< 1 (first) to 9 (last)
    double count = 0;     ///< how often the workload launches it; 0: the plan does not say
    std::int64_t id = 0;  ///< by which a replay names the line; 0: none
};

/// One thing to measure: a kind with a value for each of its fields.
class Case {
public:
    Case(const Kind& kind, std::vector<std::string> values, const CommonFields& common)
        : kind_(&kind), values_(std::move(values)), common_(common) {}

    const Kind& kind() const { return *kind_; }
    int priority() const { return common_.priority; }
    double count() const { return common_.count; }
    std::int64_t id() const { return common_.id; }
    /// Of a replay; null for other kinds.
    const Launches* launches() const { return launches_.get(); }
    void set_launches(Launches launches) { launches_ = std::make_shared<const Launches>(std::move(launches)); }
    bool has(std::string_view field) const;
    /// Value of a field of the kind; throws std::out_of_range for another name.
    const std::string& word(std::string_view field) const;
    std::int64_t integer(std::string_view field) const;
    double real(std::string_view field) const;
    /// The line in canonical form: all fields, in the kind's order, and the count; without priority and id. Equal cases
    /// have equal texts.
    std::string text() const;
    /// The case in one line that parse_request understands without the rest of the plan: a replay's lines before it.
    std::string request() const;

private:
    const Kind* kind_;
    std::vector<std::string> values_;
    CommonFields common_;
    std::shared_ptr<const Launches> launches_;
};

/// A plan and what was wrong with its lines, each as `file:line:column: message`.
struct Plan {
    std::vector<Case> cases;
    std::vector<std::string> problems;
};

/// Reads a plan: a line is a kind and its fields, `gemm m=4096 n=4096 k=320 type=fp16`, with an optional
/// `priority=1..9` (5 where none is given), `count=` (launches in a workload) and `id=` (for `replay order=`); `#`
/// begins a comment. A bad line is reported and left out; a repeated case counts once, at its highest priority.
Plan parse_plan(std::string_view text, const std::string& file);

/// The case of a line that Case::request made; the plan is empty where it is none.
Plan parse_request(const std::string& line);

}  // namespace cupola::probe
