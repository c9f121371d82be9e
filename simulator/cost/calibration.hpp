#pragma once

#include "cupola/cost/parameter_table.hpp"
#include "cupola/cost/parameters.hpp"
#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel_kind.hpp"
#include "cupola/units/data_type.hpp"
#include "cupola/units/quantity.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// One parameter as a fit left it.
struct FittedParameter {
    std::string name;           ///< of the parameter table
    double value = 0;           ///< in the table's unit, inside its range
    double standard_error = 0;  ///< from scatter between shapes
    std::string pinned_by;      ///< the data without which it would be known least
};

/// How far measurements of one class of kernels lie from their predictions, over rows that were fitted to.
struct ErrorClass {
    KernelKind kind = KernelKind::gemm;
    std::string variant;  ///< attention kernel or memory pattern, as `variant_of` names it
    DataType type = DataType::fp16;
    Seconds from, to;      ///< predicted time; from <= time < to
    std::size_t rows = 0;  ///< measurements
    double low = 0;        ///< 10 % quantile of ln(measured / predicted)
    double high = 0;       ///< 90 % quantile of it
    double shared = 1;     ///< share of the variance between shapes, which repetition does not average out (0..1)
};

/// The sizes that a fit has seen of a kind, variant and type; each between low and high.
struct SizeRange {
    KernelKind kind = KernelKind::gemm;
    std::string variant;  ///< attention kernel or memory pattern, as `variant_of` names it
    DataType type = DataType::fp16;
    KernelSizes low{}, high{};
};

/// A data set that a fit used.
struct UsedData {
    std::string name, file;
    std::string fnv1a;  ///< of the bytes of the file, 16 hexadecimal digits
    std::size_t train_rows = 0, test_rows = 0;
};

/// What measurements of one library's kernels on one GPU say.
struct LibraryCalibration {
    std::string name;  ///< "cublas", "flash-attention-3"
    std::vector<FittedParameter> parameters;
    std::vector<ErrorClass> errors;
    std::vector<SizeRange> ranges;
    std::vector<UsedData> data;

    [[nodiscard]] bool covers(KernelKind kind) const;
};

/// hwmodels/calibrated/<gpu>.yaml: fitted parameters of a GPU by library; valid once built.
struct Calibration {
    std::string gpu, date, command;
    std::vector<LibraryCalibration> libraries;

    /// The library of that name, or null.
    [[nodiscard]] const LibraryCalibration* find(std::string_view library) const;
};

/// Writes fitted values over `parameters`.
void overlay(CostParameters& parameters, const LibraryCalibration& library);

/// The defaults of the GPU's architecture, overlaid with what was fitted for the library on this GPU; the plain
/// defaults where nothing was (`calibration` may be null).
[[nodiscard]] CostParameters parameters(const Gpu& gpu, const Calibration* calibration, std::string_view library);

}  // namespace cupola
