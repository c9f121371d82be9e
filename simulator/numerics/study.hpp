#pragma once

#include "cupola/numerics/attention.hpp"
#include "cupola/numerics/deviation.hpp"
#include "cupola/numerics/precision.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace cupola::numerics {

/// What is compared: every format with every preset, number of keys, loop order and tile size.
struct Study {
    std::vector<NumberFormat> formats{NumberFormat::bf16, NumberFormat::fp16};
    std::vector<Preset> presets{Preset::paper, Preset::flash};
    std::vector<std::int64_t> sequences{256, 1024, 4096};  ///< keys
    std::vector<std::int64_t> query_tiles{64}, key_tiles{32, 128};
    std::vector<LoopOrder> outer{LoopOrder::query};
    std::vector<std::pair<NumberFormat Precision::*, NumberFormat>>
        steps;  ///< instead of the preset's, both algorithms
    std::int64_t head_dim = 64;
    std::int64_t queries = 16;  ///< rows of Q; they do not influence each other
    std::int64_t trials = 3;    ///< with inputs of their own, from seed, seed + 1, …
    std::int64_t seed = 1;
    double value_mean = 1;  ///< of V's elements

    /// Combinations of what all tilings share: format, preset and keys.
    [[nodiscard]] std::size_t parts() const { return formats.size() * presets.size() * sequences.size(); }
};

/// Refuses sizes out of range and work of more than a few minutes; throws InputError.
void check(const Study& study);

/// One combination; deviations are means over trials.
struct StudyRow {
    NumberFormat format = NumberFormat::bf16;
    Preset preset = Preset::paper;
    PrecisionPair precision;
    std::size_t keys = 0;
    Tiling tiling;
    double raised = 0;          ///< TiledOutput::raised
    Deviation baseline, tiled;  ///< from attention in fp64 on the inputs before they are rounded
    Deviation apart;            ///< tiled from baseline
    [[nodiscard]] std::size_t rescaled() const { return rescales(keys, tiling.key_tile); }
};

/// Runs all of it, by format, preset, loop order, keys and tiles. `begin` is told of each part. Throws InputError as
/// `check` does. Cost: about 2 ns x queries x keys x head_dim x 2 an algorithm and trial.
[[nodiscard]] std::vector<StudyRow> run(const Study& study, const std::function<void(const std::string&)>& begin = {});

}  // namespace cupola::numerics
