#pragma once

#include "cupola/predict/prediction.hpp"

#include <string>
#include <vector>

namespace cupola {

/// All kernels of one label in two predictions.
struct KernelChange {
    std::string label;
    double launches_before = 0, launches_after = 0;  ///< over the run
    Seconds time_before, time_after;
    Bytes dram_before, dram_after;
};

/// Labels whose launches, time or DRAM traffic differ by more than rounding, the largest change of time first.
[[nodiscard]] std::vector<KernelChange> kernel_changes(const Prediction& before, const Prediction& after);

/// One step of a ladder: what was changed, and the prediction with all changes up to here.
struct Rung {
    std::string levers;    ///< "compile;cuda-graphs"; empty at the foot
    std::string replaces;  ///< an earlier lever that decides the same and goes
    Prediction prediction;
    std::vector<KernelChange> changes;  ///< against the rung before
};

/// Launches over the run.
[[nodiscard]] double launches_of(const Prediction& prediction);

}  // namespace cupola
