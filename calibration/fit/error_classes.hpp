#pragma once

#include "cupola/fit/samples.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace cupola::fit {

/// Rows from which a class of errors is stated: fewer join the next larger class of their kind and type.
inline constexpr std::size_t least_rows = 40;
/// What repetition is never taken to average out, whatever the rows of one GPU say.
inline constexpr double least_shared = 0.1;

/// One measurement beside its prediction, kernels alone.
struct Residual {
    KernelKind kind = KernelKind::gemm;
    std::string_view variant;
    DataType type = DataType::fp16;
    Seconds predicted;
    double log_ratio = 0;  ///< ln(measured / predicted)
    std::uint32_t cluster = 0;
};

[[nodiscard]] std::vector<Residual> residuals_of(std::span<const Sample> samples, const CostParameters& parameters);

/// Quantiles of the log ratios by kind, variant, type and size class of the predicted time.
[[nodiscard]] std::vector<ErrorClass> error_classes(const std::vector<Residual>& residuals);

/// The share of the variance that lies between clusters (one-way random effects, unequal sizes); 1 where no cluster has
/// two rows.
[[nodiscard]] double share_between_clusters(std::span<const Residual> residuals);

/// Least and greatest sizes of every kernel, by kind, variant and type.
[[nodiscard]] std::vector<SizeRange> size_ranges(std::span<const Sample> samples);

}  // namespace cupola::fit
