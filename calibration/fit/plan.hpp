#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cupola::fit {

/// Parameters of one library that are fitted together, and the data that they are fitted to.
struct FitBlock {
    std::string library;
    std::vector<std::string> data;                      ///< names of validation/datasets
    std::vector<std::string> parameters;                ///< names of the parameter table
    std::vector<std::pair<std::string, double>> start;  ///< where not at the default
};

/// calibration/plans/<gpu>.yaml: blocks in the order in which they are fitted; a later block of the same library finds
/// the values of earlier ones.
struct FitPlan {
    std::string gpu;
    bool probe =
        false;       ///< results of cupola-probe in calibration/results/<gpu> belong to it (validation/probe-fit.yaml)
    int starts = 1;  ///< of each block: the default, then points spread over the ranges
    std::vector<FitBlock> blocks;
};

}  // namespace cupola::fit
