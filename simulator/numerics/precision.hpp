#pragma once

#include "cupola/numerics/number_format.hpp"

#include <array>
#include <string_view>

namespace cupola::numerics {

/// The format that each step of an attention call rounds to.
struct Precision {
    NumberFormat inputs;         ///< Q, K and V
    NumberFormat accumulator;    ///< within one matrix product or row sum, after every addition
    NumberFormat scores;         ///< Q Kᵀ / √d as one operation hands it to the next
    NumberFormat maximum;        ///< of a row, so far
    NumberFormat exponentials;   ///< exp(score - maximum) and its argument; the factor that rescales, too
    NumberFormat sum;            ///< of a row's exponentials, so far
    NumberFormat probabilities;  ///< what is multiplied by V
    NumberFormat output;         ///< the rows of the output, so far
    NumberFormat result;         ///< the rows of the output, at last
    bool operator==(const Precision&) const = default;
};

/// A step by name, for options and reports.
struct Step {
    std::string_view name, about;
    NumberFormat Precision::*format;
};
[[nodiscard]] inline std::string_view name_of(const Step& step) { return step.name; }
inline constexpr std::array all_steps{
    Step{"inputs", "Q, K and V", &Precision::inputs},
    Step{"accumulator", "inside one product or row sum", &Precision::accumulator},
    Step{"scores", "scaled products of queries and keys", &Precision::scores},
    Step{"maximum", "the running maximum of a row", &Precision::maximum},
    Step{"exponentials", "exponentials and their arguments", &Precision::exponentials},
    Step{"sum", "the running sum of a row", &Precision::sum},
    Step{"probabilities", "what is multiplied by V", &Precision::probabilities},
    Step{"output", "the output that tiles add to", &Precision::output},
    Step{"result", "the output at last", &Precision::result},
};

/// Which steps take a format, and which stay wide.
enum class Preset {
    paper,  ///< every step; only one product or row sum adds up wider (fp32), as matrix units do
    flash,  ///< as kernels do: what is in memory or enters a matrix unit takes the format, all state is fp32
};
inline constexpr std::array all_presets{Preset::paper, Preset::flash};
[[nodiscard]] std::string_view name_of(Preset preset);

/// The precisions that a preset gives to the two algorithms. They differ for `flash` only: baseline attention writes
/// the scores to memory, in the format.
struct PrecisionPair {
    Precision baseline, tiled;
};
[[nodiscard]] PrecisionPair precisions(Preset preset, NumberFormat format);

}  // namespace cupola::numerics
