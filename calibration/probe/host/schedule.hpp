#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "probe/host/plan.hpp"

namespace cupola::probe {

/// Seconds of a time span such as `8min`, `90s`, `1h`; nothing for another text.
std::optional<double> to_seconds(const std::string& text);

/// Hands out cases, the most valuable first, as long as the next one is expected to fit the budget.
class Schedule {
public:
    /// `done` holds the texts of cases that are already measured; `budget` is in seconds.
    Schedule(std::vector<Case> cases, const std::set<std::string>& done, double budget);

    /// The next case, `elapsed` seconds after the start; none at the end of the plan or of the budget.
    std::optional<Case> next(double elapsed);
    /// Tells how long a case took, to expect the same of others of its kind.
    void took(const Case& measured, double seconds);

    std::size_t handed_out() const { return position_; }
    std::size_t total() const { return cases_.size(); }

private:
    double expected(const Case& next) const;

    std::vector<Case> cases_;
    std::size_t position_ = 0;
    double budget_;
    struct Past {
        double seconds = 0;
        int cases = 0;
    };
    std::map<std::string, Past> past_;
};

}  // namespace cupola::probe
