#pragma once

#include "cupola/cost/cost.hpp"
#include "cupola/fit/fit.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cupola::fit {

/// A measurement on the GPU at hand.
struct Sample {
    const validation::Measurement* row = nullptr;
    const Gpu* gpu = nullptr;   ///< at the clocks of the measurement
    std::uint32_t group = 0;    ///< index into Samples::groups
    std::uint32_t cluster = 0;  ///< rows of one shape in one group: they err together
    std::uint32_t pin = 0;      ///< index into Samples::pins
};

/// Rows of several data sets.
struct Samples {
    struct Group {
        std::string data, name;
        std::size_t train_rows = 0;
    };
    std::vector<Sample> train, test;
    std::vector<Group> groups;
    std::vector<std::string> pins;  ///< group and size class: "gemm bf16 of gemm-a100, 20 us to 100 us"
};

/// The rows that were measured on the GPU of that name, of the data sets named.
[[nodiscard]] Samples samples_of(const std::vector<FitData>& data, const std::vector<std::string>& names,
                                 const std::string& gpu);

/// Sum over the row's kernels, and what the measurement holds besides them.
[[nodiscard]] Seconds predicted_time(const Sample& sample, const CostParameters& parameters);

/// Sum over the row's kernels alone.
[[nodiscard]] Seconds kernel_time(const Sample& sample, const CostParameters& parameters);

/// The kernel that takes longest: what the row's error is booked under.
[[nodiscard]] const Kernel& main_kernel(const Sample& sample, const CostParameters& parameters);

/// Size classes of times: below 20 us, 100 us, 1 ms, and above.
inline constexpr std::array<double, 5> size_edges{0, 20e-6, 100e-6, 1e-3, 1e6};
[[nodiscard]] std::size_t size_class_of(Seconds time);

}  // namespace cupola::fit
