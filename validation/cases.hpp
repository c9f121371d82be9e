#pragma once

#include "cupola/units/input_error.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cupola::validation {

/// What was measured of a whole model.
enum class Metric {
    latency,           ///< latency_s: of the whole run, however large the batch
    iterations_per_s,  ///< it_per_s: sampler steps per second of denoising
    images_per_s,      ///< images_per_s: batch / latency; videos as well
    tokens_per_s,      ///< tokens_per_s: generated tokens x batch per second of decoding, prefill left out
    peak_memory_gib,   ///< peak_mem_gib
};
inline constexpr std::array all_metrics{Metric::latency, Metric::iterations_per_s, Metric::images_per_s,
                                        Metric::tokens_per_s, Metric::peak_memory_gib};
/// "latency_s", as the column `metric` says it
[[nodiscard]] std::string_view name_of(Metric metric);
/// "s", as the column `unit` says it
[[nodiscard]] std::string_view unit_of(Metric metric);

/// Columns of a file of cases.
enum class CaseColumn { id, workload, gpu, stack, set, levers, metric, value, unit, source, confidence };
inline constexpr std::size_t case_columns = 11;

/// One row: what ran on what, and what was measured.
struct Case {
    std::string id, workload, gpu, stack;
    std::vector<std::pair<std::string, std::string>> settings;  ///< of the column `set`
    std::string set, levers;                                    ///< as written
    Metric metric = Metric::latency;
    double measured = 0;  ///< in the metric's unit; above 0, finite
    std::string source, confidence;
    std::array<SourcePosition, case_columns> positions;  ///< of the cells

    [[nodiscard]] const SourcePosition& where(CaseColumn column) const {
        return positions[static_cast<std::size_t>(column)];
    }
};

/// A row that is not compared.
struct SkippedCase {
    SourcePosition where;
    std::string id;  ///< may be empty
    std::string reason;
    std::size_t rows = 1;  ///< of the same reason, where a row is no row of cells
};

/// A file of cases as read.
struct CaseList {
    std::vector<Case> cases;
    std::vector<SkippedCase> skipped;
    std::vector<std::string> other_columns;  ///< of which nothing is read
};

/// Reads cases from a CSV file's text: columns id, workload, gpu, stack, metric and value, and, if they are there, set
/// ("steps=30;batch=1"), levers, unit, source, confidence, in any order. A cell that says nothing sensible makes its
/// row a skip. Throws InputError for a file that is no table, a missing column, and a misspelt one. `path` serves for
/// messages.
[[nodiscard]] CaseList parse_cases(std::string_view text, const std::string& path);
/// The same of a file, plain or compressed with gzip.
[[nodiscard]] CaseList read_cases(const std::string& path);

}  // namespace cupola::validation
