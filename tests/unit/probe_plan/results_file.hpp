#pragma once

#include "cupola/config/load.hpp"
#include "cupola/config/load_probe.hpp"
#include "cupola/validation/evaluation.hpp"

#include "probe/host/plan.hpp"
#include "probe/host/row.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cupola {

/// The row of a case as the probe writes it, without times.
inline probe::Row row_of(const probe::Case& measured) {
    probe::Row row;
    row.set("case", measured.text());
    row.set("section", static_cast<double>(measured.kind().section));
    row.set("kind", measured.kind().name);
    row.set("status", "ok");
    if (measured.count() > 0) row.set("count", measured.count());
    for (const probe::Field& field : measured.kind().fields) {
        row.set(std::string(field.name), measured.word(field.name));
    }
    row.set("gpu", "NVIDIA H200");
    row.set("driver", "synthetic");
    row.set("sm_clock_hz", 1.755e9);
    row.set("date_utc", "2026-11-21T00:00:00Z");
    return row;
}

/// The time of an operation, as the probe measures it: behind a flush a kernel of its own and a median with a floor.
inline void set_time(probe::Row& row, double seconds) {
    constexpr double floor = 3e-6;
    const bool is_cold = row.get("cache") == "cold";
    row.set("median_s", is_cold ? seconds + floor : seconds);
    if (is_cold) row.set("floor_s", floor);
    if (is_cold && row.get("kind") == "gemm") row.set("kernel_s", seconds);
}

/// A results file that is removed with it.
struct ResultsFile {
    std::string path =
        (std::filesystem::temp_directory_path() / ("cupola-results-" + std::to_string(::getpid()) + ".csv")).string();
    explicit ResultsFile(const std::string& lines) { std::ofstream(path) << probe::csv_header() << "\n" << lines; }
    explicit ResultsFile(const std::vector<probe::Row>& rows) : ResultsFile(text(rows)) {}
    ~ResultsFile() { std::filesystem::remove(path); }
    ResultsFile(const ResultsFile&) = delete;
    ResultsFile& operator=(const ResultsFile&) = delete;

    static std::string text(const std::vector<probe::Row>& rows) {
        std::string lines;
        for (const probe::Row& row : rows) lines += row.csv() + "\n";
        return lines;
    }
    [[nodiscard]] validation::ProbeResults load(const std::string& gpu = "") const {
        return config::load_probe_results(CUPOLA_SOURCE_DIR, path, gpu);
    }
    [[nodiscard]] std::vector<validation::Evaluation> evaluations() const {
        std::vector<validation::Evaluation> evaluations;
        for (validation::Dataset& dataset : load().datasets) {
            evaluations.push_back(validation::evaluate(std::move(dataset), validation::architecture_defaults));
        }
        return evaluations;
    }
};

/// Rows of the cases with the predicted times (the architecture's defaults) times `factor` of their kind.
inline std::vector<probe::Row> synthetic_rows(const std::vector<probe::Case>& cases,
                                              const std::function<double(const std::string& kind)>& factor) {
    std::vector<probe::Row> rows;
    for (const probe::Case& each : cases) {
        rows.push_back(row_of(each));
        if (each.kind().name != "facts") set_time(rows.back(), 1e-3);
    }
    std::map<std::size_t, double> predicted;  // by line; the header is the first
    for (const validation::Evaluation& evaluation : ResultsFile(rows).evaluations()) {
        for (std::size_t i = 0; i < evaluation.rows.size(); ++i) {
            predicted[evaluation.data.rows[i].line] = evaluation.rows[i].cost.time.value();
        }
    }
    for (const auto& [line, seconds] : predicted) {
        probe::Row& row = rows[line - 2];
        set_time(row, seconds * factor(row.get("kind")));
    }
    return rows;
}

}  // namespace cupola
