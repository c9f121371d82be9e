#pragma once

#include "cupola/validation/csv.hpp"
#include "cupola/validation/dataset.hpp"
#include "cupola/validation/evaluation.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cupola::validation {

/// A pass that the probe replayed, launched one by one ("stream") or as one CUDA graph ("graph").
struct Replay {
    std::string name, mode;
    double launches = 0, passes = 0;  ///< of one pass; of this kind over a run
    Seconds whole;                    ///< from the first launch to the end of the last kernel
    std::optional<Seconds> kernels;   ///< sum of the kernels' own durations
    std::size_t line = 0;
};

/// A results file of cupola-probe, seen through the adapters of validation/probe.
struct ProbeResults {
    std::string path, device;       ///< the file; what CUDA calls the GPU
    std::string drivers, dates;     ///< "580.82", "2026-11-21": the first and, where they differ, the last
    std::vector<Dataset> datasets;  ///< those that have rows, read or skipped
    std::vector<Replay> replays;
    std::vector<Skip> unread;  ///< rows that no adapter is for, and lines that are no rows
};

/// Whether a table has the columns by which cupola-probe's results are known.
[[nodiscard]] bool is_probe_results(const CsvTable& table);

/// The name of the GPU in the results. Throws InputError where there is none, or several.
[[nodiscard]] std::string device_of(const CsvTable& table, const std::string& path);

/// What stands in the table beside single kernels; rows that `taken` marks are those of data sets.
[[nodiscard]] ProbeResults probe_results(const CsvTable& table, const std::string& path,
                                         const std::vector<bool>& taken);

/// Predicted against counted DRAM bytes and the hit rates, over the rows of one Counters::group.
struct CounterGroup {
    std::string name;
    std::size_t rows = 0, dram_rows = 0;
    double dram_median = 0, dram_bias = 0;   ///< of |predicted / measured - 1|, of predicted / measured - 1
    std::optional<double> l1_hits, l2_hits;  ///< medians
};
[[nodiscard]] std::vector<CounterGroup> counter_groups(std::span<const Evaluation> evaluations);

/// A run's time as the sum of its kernels, each by its launches: measured alone, and predicted for the same.
struct KernelSum {
    std::string name;  ///< of the data set
    std::size_t cases = 0;
    double launches = 0;
    Seconds measured, predicted;
};
[[nodiscard]] std::vector<KernelSum> kernel_sums(std::span<const Evaluation> evaluations);

}  // namespace cupola::validation
