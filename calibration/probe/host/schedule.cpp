#include "probe/host/schedule.hpp"

#include <algorithm>

#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

constexpr double expected_at_first = 0.5;  // seconds, of a kind that was not measured yet

}  // namespace

std::optional<double> to_seconds(const std::string& text) {
    const std::size_t digits = text.find_first_not_of("0123456789.");
    if (digits == std::string::npos || digits == 0) return std::nullopt;
    const auto value = to_real(text.substr(0, digits));
    const std::string unit = text.substr(digits);
    const double factor = unit == "s" ? 1 : unit == "min" ? 60 : unit == "h" ? 3600 : 0;
    if (!value || factor == 0) return std::nullopt;
    return *value * factor;
}

Schedule::Schedule(std::vector<Case> cases, const std::set<std::string>& done, double budget) : budget_(budget) {
    for (Case& candidate : cases) {
        if (done.count(candidate.text()) == 0) cases_.push_back(std::move(candidate));
    }
    std::stable_sort(cases_.begin(), cases_.end(),
                     [](const Case& a, const Case& b) { return a.priority() < b.priority(); });
}

double Schedule::expected(const Case& next) const {
    const auto found = past_.find(std::string(next.kind().name));
    return found == past_.end() ? expected_at_first : found->second.seconds / found->second.cases;
}

std::optional<Case> Schedule::next(double elapsed) {
    if (position_ == cases_.size() || elapsed + expected(cases_[position_]) > budget_) return std::nullopt;
    return cases_[position_++];
}

void Schedule::took(const Case& measured, double seconds) {
    Past& past = past_[std::string(measured.kind().name)];
    past.seconds += seconds;
    past.cases += 1;
}

}  // namespace cupola::probe
