#pragma once

#include "cupola/cost/calibration.hpp"
#include "cupola/cost/cost.hpp"
#include "cupola/cost/uncertainty.hpp"
#include "cupola/validation/dataset.hpp"
#include "cupola/validation/statistics.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::validation {

/// The cost model of a GPU for a library's kernels: parameters and what is known of their errors.
struct ModelParameters {
    CostParameters values;
    std::string origin;                        ///< "defaults of ampere"
    std::optional<LibraryCalibration> fitted;  ///< what was fitted to the library on this GPU
    LibraryCalibration general;                ///< the errors of GPUs that were left out of a fit
};
using ParameterSource = std::function<ModelParameters(const Gpu& gpu, const std::string& library)>;

/// The defaults of the GPU's architecture, whatever the library.
[[nodiscard]] ModelParameters architecture_defaults(const Gpu& gpu, const std::string& library);

/// One row's prediction beside its measurement.
struct ComparedRow {
    KernelCost cost;  ///< sums over the row's kernels, and its overhead under `launch`; `bound` is the largest term
    double error = 0;
    Interval interval;      ///< 80 % of measurements are expected in it
    std::string_view kind;  ///< of the kernel that is predicted to take longest: "gemm", "memory"
    DataType type = DataType::fp32;
};

enum class Split { test, train, all };
[[nodiscard]] std::string_view name_of(Split split);

/// Size classes by measured time.
enum class SizeClass { below_10us, to_100us, to_1ms, above_1ms };
[[nodiscard]] SizeClass size_class(Seconds measured);
[[nodiscard]] std::string_view name_of(SizeClass size);

/// The errors of rows that agree in something.
struct ErrorGroup {
    std::string name;  ///< "gemm bf16", "fp16", "10 to 100 us"
    Split split = Split::all;
    ErrorSummary errors;
    double total = 0;     ///< predicted over measured time of all rows, each by its weight, less 1
    double coverage = 0;  ///< share of measurements inside their 80 % interval
    bool judged = false;  ///< has a tolerance and test rows
    bool within_tolerance = true;
};

/// Errors by one property of the rows, test and train apart.
struct Breakdown {
    std::string property;  ///< "kind", "dtype", "gpu", "size"
    std::vector<ErrorGroup> groups;
};

/// A data set, predicted and compared.
struct Evaluation {
    Dataset data;
    std::vector<std::string> parameters;  ///< where the parameters came from, by Dataset::gpus
    std::vector<ComparedRow> rows;        ///< as Dataset::rows
    std::vector<ErrorGroup> groups;       ///< by Dataset::groups, each test, train and all rows
    std::vector<Breakdown> breakdowns;
    std::vector<std::size_t> worst;  ///< rows with the largest |error|, test rows before others
    [[nodiscard]] bool within_tolerance() const;
};

inline constexpr std::size_t worst_rows = 10;

/// Predicts every row and summarises the errors. `tolerance`, where it has members, replaces the data set's own.
[[nodiscard]] Evaluation evaluate(Dataset data, const ParameterSource& parameters, const Tolerance& tolerance = {});

}  // namespace cupola::validation
