#pragma once

#include "cupola/fit/fit.hpp"
#include "cupola/fit/identify.hpp"
#include "cupola/fit/least_squares.hpp"
#include "cupola/fit/samples.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace cupola::fit {

using Progress = std::function<void(const std::string&)>;

/// One block: its rows, its unknowns, and where they stand.
class BlockFit {
public:
    /// `block`, `progress` and what the samples point to must outlive the fit.
    BlockFit(const FitBlock& block, Samples samples, CostParameters base, int starts, const Progress& progress);

    /// Fits, and takes out what the data do not identify, until nothing is in doubt.
    void run();
    [[nodiscard]] BlockReport report() const { return {block_, reports_, correlations_, {}}; }

private:
    [[nodiscard]] std::vector<ParameterReport> initial_reports();
    [[nodiscard]] CostParameters with(const std::vector<double>& x) const;
    [[nodiscard]] std::vector<double> start(int number) const;
    [[nodiscard]] LeastSquares problem() const;
    [[nodiscard]] Solution best_of_starts(const LeastSquares& problem) const;
    [[nodiscard]] Evidence evidence(const LeastSquares& problem, const std::vector<double>& x) const;
    void refuse(const Doubt& doubt, const Evidence& evidence);
    void keep(const std::vector<double>& x, const Evidence& evidence);
    [[nodiscard]] ParameterReport& report_of(const ParameterInfo& info);

    const FitBlock& block_;
    Samples samples_;
    CostParameters base_;
    int starts_;
    const Progress& progress_;
    std::vector<const ParameterInfo*> unknowns_;  ///< those that are still fitted
    std::vector<ParameterReport> reports_;
    std::vector<std::pair<std::pair<std::string, std::string>, double>> correlations_;
};

}  // namespace cupola::fit
