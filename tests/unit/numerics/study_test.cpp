// The orderings that "Is Flash Attention Stable?" (arXiv 2405.02803) states, on means over eight inputs.
#include "cupola/numerics/study.hpp"

#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

using namespace cupola;
using namespace cupola::numerics;

namespace {

/// One format and preset over keys and tiles; few rows of few elements keep it quick.
Study study_of(NumberFormat format, Preset preset, std::vector<std::int64_t> keys,
               std::vector<std::int64_t> key_tiles) {
    Study study;
    study.formats = {format};
    study.presets = {preset};
    study.sequences = std::move(keys);
    study.key_tiles = std::move(key_tiles);
    study.head_dim = 32;
    study.queries = 8;
    study.trials = 8;
    return study;
}

/// a < b in each measure.
void check_below(const Deviation& a, const Deviation& b) {
    CHECK(a.largest < b.largest);
    CHECK(a.relative_l2 < b.relative_l2);
    CHECK(a.wasserstein < b.wasserstein);
}

std::string error_of(const std::function<void(Study&)>& spoil) {
    Study study;
    spoil(study);
    try {
        check(study);
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("the deviation falls with mantissa bits") {
    Study study = study_of(NumberFormat::bf16, Preset::paper, {512}, {32});
    for (const double mean : {0.0, 1.0}) {
        CAPTURE(mean);
        study.value_mean = mean;
        study.formats = {NumberFormat::fp64, NumberFormat::fp32, NumberFormat::fp16, NumberFormat::bf16};
        const std::vector<StudyRow> rows = run(study);
        CHECK(rows[0].tiled.largest < 1e-13);
        for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
            CAPTURE(name_of(rows[i].format));
            check_below(rows[i].tiled, rows[i + 1].tiled);
            check_below(rows[i].baseline, rows[i + 1].baseline);
            check_below(rows[i].apart, rows[i + 1].apart);
        }
    }
}

TEST_CASE("the deviation grows with the number of rescales: with the sequence, and with smaller tiles of keys") {
    for (const NumberFormat format : {NumberFormat::bf16, NumberFormat::fp16}) {
        for (const LoopOrder outer : all_loop_orders) {
            CAPTURE(name_of(format));
            CAPTURE(name_of(outer));
            Study study = study_of(format, Preset::paper, {256, 1024, 4096}, {128, 64, 32, 16});
            study.outer = {outer};
            const std::vector<StudyRow> rows = run(study);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                CAPTURE(rows[i].keys);
                CAPTURE(rows[i].tiling.key_tile);
                if (i % 4 < 3) CHECK(rows[i].tiled.relative_l2 < rows[i + 1].tiled.relative_l2);
                if (i + 4 < rows.size()) check_below(rows[i].tiled, rows[i + 4].tiled);
            }
        }
    }
}

TEST_CASE("with every step in bf16 tiled attention deviates several times more than baseline attention") {
    const StudyRow row = run(study_of(NumberFormat::bf16, Preset::paper, {4096}, {32})).front();
    CHECK(row.tiled.relative_l2 > 5 * row.baseline.relative_l2);
    CHECK(row.tiled.largest > 5 * row.baseline.largest);
    CHECK(row.apart.largest > 5 * row.baseline.largest);
    CHECK(row.rescaled() == 127);
}

TEST_CASE("normalising the output after every tile costs more than normalising it once") {
    Study study = study_of(NumberFormat::bf16, Preset::paper, {4096}, {32});
    study.outer = {LoopOrder::query, LoopOrder::key};
    const std::vector<StudyRow> rows = run(study);
    check_below(rows[0].tiled, rows[1].tiled);
}

TEST_CASE("state in fp32 takes the growth away and brings tiled attention to the baseline or below") {
    Study study = study_of(NumberFormat::bf16, Preset::flash, {256, 4096}, {32});
    for (const double mean : {0.0, 1.0}) {
        CAPTURE(mean);
        study.value_mean = mean;
        const std::vector<StudyRow> rows = run(study);
        CHECK(rows[1].tiled.relative_l2 < 1.1 * rows[0].tiled.relative_l2);
        CHECK(rows[1].tiled.relative_l2 < 1.05 * rows[1].baseline.relative_l2);
    }
    study.steps = {{&Precision::sum, NumberFormat::bf16}, {&Precision::output, NumberFormat::bf16}};
    const std::vector<StudyRow> narrow = run(study);
    CHECK(narrow[1].tiled.relative_l2 > 3 * narrow[1].baseline.relative_l2);
}

TEST_CASE("a study repeats itself to the bit and names its parts") {
    Study study = study_of(NumberFormat::fp16, Preset::paper, {64, 128, 64}, {16});
    std::vector<std::string> parts;
    const std::vector<StudyRow> rows = run(study, [&](const std::string& part) { parts.push_back(part); });
    const std::vector<StudyRow> again = run(study);
    CHECK(parts == std::vector<std::string>{"fp16, paper, 64 keys", "fp16, paper, 128 keys"});
    REQUIRE(rows.size() == 3);
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i].tiled.relative_l2 == again[i].tiled.relative_l2);
    CHECK(rows[0].tiled.relative_l2 == rows[2].tiled.relative_l2);
    study.sequences = {64};
    CHECK(run(study).front().tiled.relative_l2 == rows[0].tiled.relative_l2);
    study.seed = 2;
    CHECK(run(study).front().tiled.relative_l2 != rows[0].tiled.relative_l2);
}

TEST_CASE("an output that overflows has no deviation, and the others keep theirs") {
    Study study = study_of(NumberFormat::fp8, Preset::paper, {4096}, {1024});
    const StudyRow row = run(study).front();
    CHECK(std::isnan(row.tiled.largest));
    CHECK(std::isnan(row.apart.relative_l2));
}

TEST_CASE("sizes out of range and more work than a few minutes are refused") {
    struct Row {
        std::function<void(Study&)> spoil;
        std::string message;
    };
    const std::vector<Row> rows{
        {[](Study& s) { s.sequences = {0}; }, "sequence: found 0, expected 1 to 1,048,576"},
        {[](Study& s) {
             s.sequences = {512, -4};
         },
         "sequence: found -4"},
        {[](Study& s) { s.sequences = {std::int64_t{1} << 62}; }, "sequence: found 4,611,686,018,427,387,904"},
        {[](Study& s) { s.key_tiles = {0}; }, "key-tile: found 0"},
        {[](Study& s) { s.query_tiles = {-1}; }, "query-tile: found -1"},
        {[](Study& s) { s.head_dim = 4096; }, "head-dim: found 4,096, expected 1 to 1,024"},
        {[](Study& s) { s.queries = 0; }, "queries: found 0"},
        {[](Study& s) { s.trials = 100'000; }, "trials: found 100,000, expected 1 to 1,000"},
        {[](Study& s) { s.seed = -1; }, "seed: found -1"},
        {[](Study& s) { s.value_mean = std::numeric_limits<double>::quiet_NaN(); }, "value-mean: found nan"},
        {[](Study& s) { s.value_mean = 1e9; }, "value-mean: found"},
        {[](Study& s) { s.sequences = {1'048'576}; }, "sequence: found 1,048,576 keys of 64 elements"},
        {[](Study& s) { s.key_tiles.assign(500, 32); }, "found more than 1,000 combinations"},
        {[](Study& s) { s.formats.clear(); }, "found an empty list"},
        {[](Study& s) {
             s.trials = 1000;
             s.queries = 4096;
         },
         "billion multiply-adds"},
        {[](Study&) {}, "no error"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.message);
        CHECK(error_of(row.spoil).find(row.message) != std::string::npos);
    }
}
