#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/kernel/kernel.hpp"
#include "cupola/units/quantity.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::validation {

/// A kernel and how often one measurement launches it.
struct MeasuredKernel {
    Kernel kernel;
    double count = 1;
};

/// What hardware counters said of a row, where they were read.
struct Counters {
    std::string group;                       ///< "temporal attention": what they are summarised by
    std::optional<Bytes> dram;               ///< read and written
    std::optional<double> l1_hits, l2_hits;  ///< shares of accesses
};

/// One row of a data set: what ran, and how long it took.
struct Measurement {
    std::vector<MeasuredKernel> kernels;  ///< in order; their times add up
    Seconds measured;
    Seconds overhead;         ///< part of it that is no kernel's: host, timer; comes on top of every prediction
    double weight = 1;        ///< how often it runs, for the total of a group
    double launches = 0;      ///< of a workload's run; 0: it is part of none
    std::uint32_t gpu = 0;    ///< index into Dataset::gpus
    std::uint32_t group = 0;  ///< index into Dataset::groups
    bool test = false;        ///< never fitted to: FNV-1a of the shape key mod 4 is 0
    std::size_t line = 0;     ///< in the CSV file, 1 = header
    std::string shape_key;    ///< "4096,11008"
    std::string label;        ///< "m=64 n=4096 k=11008", for people
    std::optional<Counters> counters;
};

/// Why rows were left out, and how many.
struct Skip {
    std::string reason;
    std::size_t rows = 0;
    std::size_t first_line = 0;
};

/// The errors that are accepted of the test rows of each group, as fractions.
struct Tolerance {
    std::optional<double> mape, bias;  ///< the second on either side of 0
};

/// A measured CSV file seen through its adapter (validation/datasets/*.yaml): rows as kernels on a GPU in the state in
/// which they were measured.
struct Dataset {
    std::string name, title, source;
    std::string library;              ///< whose launch and efficiency parameters apply: "cublas", "flash-attention-3"
    std::string path;                 ///< of the CSV file
    std::vector<Gpu> gpus;            ///< at the clocks of the measurement
    std::vector<std::string> groups;  ///< "gemm bf16", "softmax fp32": what errors are reported by
    std::vector<Measurement> rows;
    std::vector<Skip> skipped;      ///< in the order of their first lines
    std::size_t rows_of_other = 0;  ///< in the file, but not of this set: its `where` says so
    Tolerance tolerance;
    std::shared_ptr<const std::vector<std::string>> labels;  ///< keeps the text of kernels' labels alive
};

/// 64-bit FNV-1a of the text.
[[nodiscard]] std::uint64_t fnv1a(std::string_view text);

/// The fixed split: whether rows of that shape are test rows.
[[nodiscard]] inline bool is_test(std::string_view shape_key) { return fnv1a(shape_key) % 4 == 0; }

}  // namespace cupola::validation
