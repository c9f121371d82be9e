#include "cupola/fit/block_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace cupola::fit {
namespace {

/// Relative errors beyond this count linearly: library heuristics and noise are no business of the laws.
constexpr double kink = 0.05;
constexpr double at_bound_share = 0.005;
constexpr std::size_t listed_correlations = 5;

}  // namespace

BlockFit::BlockFit(const FitBlock& block, Samples samples, CostParameters base, int starts, const Progress& progress)
    : block_(block), samples_(std::move(samples)), base_(base), starts_(starts), progress_(progress) {
    for (const std::string& name : block.parameters) unknowns_.push_back(find_parameter(name));
    reports_ = initial_reports();
}

std::vector<ParameterReport> BlockFit::initial_reports() {
    std::vector<ParameterReport> reports;
    for (const ParameterInfo* info : unknowns_) {
        ParameterReport report;
        report.name = info->name;
        report.unit = info->unit;
        report.low = info->low;
        report.high = info->high;
        report.before = report.value = info->of(base_);
        reports.push_back(std::move(report));
    }
    return reports;
}

CostParameters BlockFit::with(const std::vector<double>& x) const {
    CostParameters parameters = base_;
    for (std::size_t i = 0; i < x.size(); ++i) unknowns_[i]->of(parameters) = x[i];
    return parameters;
}

/// 0: the plan's start or what the parameters are; others spread over the ranges (Weyl's sequence).
std::vector<double> BlockFit::start(int number) const {
    std::vector<double> x;
    CostParameters parameters = base_;
    for (const ParameterInfo* info : unknowns_) {
        const auto given = std::find_if(block_.start.begin(), block_.start.end(),
                                        [&](const auto& entry) { return entry.first == info->name; });
        double value = given != block_.start.end() ? given->second : info->of(parameters);
        if (number > 0) {
            const double step = std::sqrt(static_cast<double>(x.size() + 2));
            value = info->low + (info->high - info->low) * std::fmod(0.5 + number * step, 1.0);
        }
        x.push_back(value);
    }
    return x;
}

/// Residuals: robust relative errors of train rows; a group of n rows counts as sqrt(n), so that none drowns another.
LeastSquares BlockFit::problem() const {
    LeastSquares problem;
    for (const ParameterInfo* info : unknowns_) {
        problem.low.push_back(info->low);
        problem.high.push_back(info->high);
    }
    std::vector<double> weights;
    for (const Sample& sample : samples_.train) {
        weights.push_back(std::pow(static_cast<double>(samples_.groups[sample.group].train_rows), -0.25));
    }
    problem.residual_count = samples_.train.size();
    problem.residuals = [this, weights](const std::vector<double>& x, std::vector<double>& residuals) {
        const CostParameters parameters = with(x);
        for (std::size_t i = 0; i < samples_.train.size(); ++i) {
            const Sample& sample = samples_.train[i];
            const double error = std::log(predicted_time(sample, parameters) / sample.row->measured);
            residuals[i] = weights[i] * robust(error, kink);
        }
    };
    return problem;
}

Solution BlockFit::best_of_starts(const LeastSquares& problem) const {
    Solution best;
    for (int number = 0; number < starts_; ++number) {
        Solution solution = minimise(problem, start(number));
        progress_(fmt::format("  start {} of {}: loss {:.6g}", number + 1, starts_, solution.loss));
        if (number == 0 || solution.loss < best.loss) best = std::move(solution);
    }
    return best;
}

Evidence BlockFit::evidence(const LeastSquares& problem, const std::vector<double>& x) const {
    std::vector<double> residuals(problem.residual_count);
    problem.residuals(x, residuals);
    std::vector<std::uint32_t> clusters, pins;
    std::map<std::uint32_t, std::uint32_t> train_clusters;
    for (const Sample& sample : samples_.train) {
        const auto next = static_cast<std::uint32_t>(train_clusters.size());
        clusters.push_back(train_clusters.try_emplace(sample.cluster, next).first->second);
        pins.push_back(sample.pin);
    }
    return evidence_of(scaled_jacobian(problem, x, LeastSquaresOptions{}.difference), residuals, clusters, pins);
}

ParameterReport& BlockFit::report_of(const ParameterInfo& info) {
    return *std::find_if(reports_.begin(), reports_.end(),
                         [&](const auto& report) { return report.name == info.name; });
}

void BlockFit::refuse(const Doubt& doubt, const Evidence& evidence) {
    ParameterReport& report = report_of(*unknowns_[doubt.unknown]);
    const double error = evidence.standard_error[doubt.unknown];
    if (doubt.correlated) {
        report.refused = fmt::format("correlation {:.3f} with {}", evidence.correlation[doubt.unknown][doubt.other],
                                     unknowns_[doubt.other]->name);
    } else if (std::isfinite(error)) {
        report.refused = fmt::format("standard error {:.0f} % of its range", 100 * error);
    } else {
        report.refused = "no row depends on it";
    }
    progress_(fmt::format("  {} stays at {:.6g}: {}", report.name, report.before, report.refused));
    unknowns_.erase(unknowns_.begin() + static_cast<std::ptrdiff_t>(doubt.unknown));
}

void BlockFit::keep(const std::vector<double>& x, const Evidence& evidence) {
    base_ = with(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
        ParameterReport& report = report_of(*unknowns_[i]);
        const double range = report.high - report.low;
        report.value = x[i];
        report.standard_error = evidence.standard_error[i] * range;
        report.at_bound = std::min(x[i] - report.low, report.high - x[i]) < at_bound_share * range;
        report.pinned_by = samples_.pins[evidence.pinned_by[i]];
        report.pinned_factor = evidence.pinned_factor[i];
        for (std::size_t j = 0; j < i; ++j) {
            correlations_.push_back({{std::string(unknowns_[j]->name), report.name}, evidence.correlation[i][j]});
        }
    }
    std::stable_sort(correlations_.begin(), correlations_.end(),
                     [](const auto& a, const auto& b) { return std::abs(a.second) > std::abs(b.second); });
    if (correlations_.size() > listed_correlations) correlations_.resize(listed_correlations);
}

void BlockFit::run() {
    if (samples_.train.empty()) {
        for (ParameterReport& report : reports_) report.refused = "no row of this GPU";
        return;
    }
    while (!unknowns_.empty()) {
        const LeastSquares least_squares = problem();
        const Solution solution = best_of_starts(least_squares);
        // What the file holds and what the report judges are the same numbers.
        std::vector<double> x = solution.x;
        for (double& value : x) value = std::stod(fmt::format("{:.6g}", value));
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::clamp(x[i], unknowns_[i]->low, unknowns_[i]->high);
        const Evidence found = evidence(least_squares, x);
        const Doubt doubt = worst_doubt(found);
        if (!doubt.exists) return keep(x, found);
        refuse(doubt, found);
    }
}

}  // namespace cupola::fit
