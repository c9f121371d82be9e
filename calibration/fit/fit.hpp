#pragma once

#include "cupola/cost/calibration.hpp"
#include "cupola/fit/plan.hpp"
#include "cupola/validation/dataset.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace cupola::fit {

/// A data set of the plan, read.
struct FitData {
    validation::Dataset dataset;
    std::string file;   ///< as the adapter names it
    std::string fnv1a;  ///< of its bytes
};

/// What became of one parameter.
struct ParameterReport {
    std::string name, unit;
    double low = 0, high = 0;      ///< its range
    double before = 0, value = 0;  ///< before and after the fit
    double standard_error = 0;
    bool at_bound = false;
    std::string pinned_by;     ///< the data without which it would be known least
    double pinned_factor = 1;  ///< by which its error would then grow
    std::string refused;       ///< why it stays as it was; empty if it was fitted
};

/// Errors over the rows of one group and split: (predicted - measured) / measured.
struct ErrorReport {
    std::string data, group;
    bool test = false;
    std::size_t rows = 0;
    double mape_before = 0, mape = 0, median = 0, p90 = 0, bias = 0;
    double coverage = 0;  ///< share of rows inside the 80 % interval
};

struct BlockReport {
    FitBlock block;
    std::vector<ParameterReport> parameters;
    std::vector<std::pair<std::pair<std::string, std::string>, double>> correlations;  ///< the largest, in magnitude
    std::vector<ErrorReport> errors;
};

struct FitResult {
    Calibration calibration;
    std::vector<BlockReport> blocks;
};

/// The data sets that a library's blocks name, each once.
[[nodiscard]] std::vector<std::string> data_of(const FitPlan& plan, const std::string& library);

/// What a calibrated file says of the data sets named: rows of one GPU.
[[nodiscard]] std::vector<UsedData> used_data(const std::vector<FitData>& data, const std::vector<std::string>& names,
                                              const std::string& gpu);

/// Fits the plan's blocks to the train rows of its GPU. `data` holds every data set that the plan names; `progress`
/// gets one line a step. Deterministic. Date and command of the calibration are left to the caller.
[[nodiscard]] FitResult fit_gpu(const FitPlan& plan, const Gpu& gpu, const std::vector<FitData>& data,
                                const std::function<void(const std::string&)>& progress);

}  // namespace cupola::fit
