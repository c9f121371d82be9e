#include "cupola/numerics/study.hpp"

#include "cupola/units/input_error.hpp"
#include "cupola/units/text.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace cupola::numerics {
namespace {

constexpr std::int64_t most_keys = std::int64_t{1} << 20;
constexpr std::int64_t most_head_dim = 1024;
constexpr std::int64_t most_elements = std::int64_t{1} << 24;  // of K or V: half a GiB for all copies
constexpr std::int64_t most_queries = 4096;
constexpr std::int64_t most_trials = 1000;
constexpr std::int64_t most_seed = std::int64_t{1} << 53;
constexpr int most_rows = 1000;
constexpr double most_mean = 1000;
constexpr double most_work = 1e11;  // multiply-adds: some minutes

void check_range(const std::string& key, std::int64_t found, std::int64_t least, std::int64_t most) {
    if (found >= least && found <= most) return;
    throw InputError({{}, key, format_count(found), format_count(least) + " to " + format_count(most), ""});
}

void check_all(const std::string& key, const std::vector<std::int64_t>& found, std::int64_t most) {
    for (const std::int64_t number : found) check_range(key, number, 1, most);
}

/// A product that cannot wrap around.
template <typename... Lists>
double combinations(const Lists&... lists) {
    return (1.0 * ... * static_cast<double>(lists.size()));
}

/// Multiply-adds of all calls: the tiled ones of every row, and the golden and baseline ones that its rows share.
double work_of(const Study& study) {
    double keys = 0;
    for (const std::int64_t sequence : study.sequences) keys += static_cast<double>(sequence);
    const double calls = combinations(study.formats, study.presets) *
                         (2 + combinations(study.outer, study.query_tiles, study.key_tiles));
    return 2 * keys * calls * static_cast<double>(study.head_dim * study.queries * study.trials);
}

void check_amount(const Study& study) {
    for (const std::int64_t keys : study.sequences) {
        if (keys * study.head_dim <= most_elements) continue;
        throw InputError({{},
                          "sequence",
                          format_count(keys) + " keys of " + format_count(study.head_dim) + " elements",
                          "up to " + format_count(most_elements) + " elements",
                          "a shorter sequence or a smaller head-dim"});
    }
    const double rows =
        combinations(study.formats, study.presets, study.sequences, study.outer, study.query_tiles, study.key_tiles);
    if (!(rows >= 1 && rows <= most_rows)) {
        throw InputError({{},
                          "",
                          rows < 1 ? "an empty list" : "more than " + format_count(most_rows) + " combinations",
                          "1 to " + format_count(most_rows),
                          rows < 1 ? "" : "shorten a list"});
    }
    if (work_of(study) <= most_work) return;
    throw InputError({{},
                      "",
                      format_count(std::llround(work_of(study) / 1e9)) + " billion multiply-adds",
                      "up to " + format_count(std::llround(most_work / 1e9)) + " billion",
                      "fewer queries, trials or keys"});
}

PrecisionPair precisions_of(const Study& study, Preset preset, NumberFormat format) {
    PrecisionPair pair = precisions(preset, format);
    for (const auto& [step, chosen] : study.steps) pair.baseline.*step = pair.tiled.*step = chosen;
    return pair;
}

/// The rows of one part, nothing measured yet.
std::vector<StudyRow> rows_of(const Study& study, NumberFormat format, Preset preset, LoopOrder outer,
                              std::int64_t keys) {
    std::vector<StudyRow> rows;
    for (const std::int64_t query_tile : study.query_tiles) {
        for (const std::int64_t key_tile : study.key_tiles) {
            StudyRow row;
            row.format = format;
            row.preset = preset;
            row.precision = precisions_of(study, preset, format);
            row.keys = static_cast<std::size_t>(keys);
            row.tiling = {static_cast<std::size_t>(query_tile), static_cast<std::size_t>(key_tile), outer};
            rows.push_back(row);
        }
    }
    return rows;
}

void add(Deviation& mean, const Deviation& trial, double weight) {
    mean.largest += weight * trial.largest;
    mean.relative_l2 += weight * trial.relative_l2;
    mean.wasserstein += weight * trial.wasserstein;
}

/// Fills rows that share format, preset and keys.
void measure(const Study& study, std::vector<StudyRow*>& rows) {
    static const Precision exact = precisions(Preset::paper, NumberFormat::fp64).baseline;
    const double weight = 1 / static_cast<double>(study.trials);
    for (std::int64_t trial = 0; trial < study.trials; ++trial) {
        const AttentionInputs inputs = random_inputs(static_cast<std::size_t>(study.queries), rows.front()->keys,
                                                     static_cast<std::size_t>(study.head_dim), study.value_mean,
                                                     static_cast<std::uint64_t>(study.seed + trial));
        const std::vector<double> golden = baseline_attention(inputs, exact);
        const std::vector<double> baseline = baseline_attention(inputs, rows.front()->precision.baseline);
        const Deviation of_baseline = deviation(baseline, golden);
        for (StudyRow* const row : rows) {
            const TiledOutput tiled = tiled_attention(inputs, row->precision.tiled, row->tiling);
            row->raised += weight * tiled.raised;
            add(row->baseline, of_baseline, weight);
            add(row->tiled, deviation(tiled.output, golden), weight);
            add(row->apart, deviation(tiled.output, baseline), weight);
        }
    }
}

/// All rows of a format and preset: by loop order, then keys; measured by keys.
std::vector<StudyRow> measured_rows(const Study& study, NumberFormat format, Preset preset,
                                    const std::function<void(const std::string&)>& begin) {
    std::vector<StudyRow> all;
    for (const LoopOrder outer : study.outer) {
        for (const std::int64_t keys : study.sequences) {
            for (const StudyRow& row : rows_of(study, format, preset, outer, keys)) all.push_back(row);
        }
    }
    for (const std::int64_t keys : std::set<std::int64_t>(study.sequences.begin(), study.sequences.end())) {
        if (begin) {
            begin(std::string(name_of(format)) + ", " + std::string(name_of(preset)) + ", " + format_count(keys) +
                  " keys");
        }
        std::vector<StudyRow*> part;
        for (StudyRow& row : all) {
            if (row.keys == static_cast<std::size_t>(keys)) part.push_back(&row);
        }
        measure(study, part);
    }
    return all;
}

}  // namespace

void check(const Study& study) {
    check_all("sequence", study.sequences, most_keys);
    check_all("query-tile", study.query_tiles, most_keys);
    check_all("key-tile", study.key_tiles, most_keys);
    check_range("head-dim", study.head_dim, 1, most_head_dim);
    check_range("queries", study.queries, 1, most_queries);
    check_range("trials", study.trials, 1, most_trials);
    check_range("seed", study.seed, 0, most_seed);
    if (!(std::abs(study.value_mean) <= most_mean)) {
        throw InputError({{}, "value-mean", std::to_string(study.value_mean), "-1,000 to 1,000", ""});
    }
    check_amount(study);
}

std::vector<StudyRow> run(const Study& study, const std::function<void(const std::string&)>& begin) {
    check(study);
    std::vector<StudyRow> rows;
    for (const NumberFormat format : study.formats) {
        for (const Preset preset : study.presets) {
            for (const StudyRow& row : measured_rows(study, format, preset, begin)) rows.push_back(row);
        }
    }
    return rows;
}

}  // namespace cupola::numerics
