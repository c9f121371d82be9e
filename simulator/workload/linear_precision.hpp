#pragma once

#include "cupola/units/data_type.hpp"

#include <cstdint>
#include <optional>

namespace cupola {

/// How many activations share a scale.
enum class ScaleSpan : std::uint8_t {
    tensor,
    row,    ///< one token
    block,  ///< some of a token: 16 or 128
};

/// A linear layer that multiplies narrower numbers than its tensors hold.
struct LinearPrecision {
    DataType weight = DataType::int8;      ///< in memory
    std::optional<DataType> activation{};  ///< both factors' type in the product; empty: the tensors' own, to which
                                           ///< the weights are converted
    ScaleSpan span = ScaleSpan::row;       ///< of the activations' scales
    bool fixed_scales = false;             ///< of the activations: known before the run, not found in every pass
    double weight_scales = 0;              ///< bytes of scales and zero points a weight
    double activation_scales = 0;          ///< bytes of scales an activation

    bool operator==(const LinearPrecision&) const = default;
};

/// An attention that multiplies narrower numbers than its tensors hold: scales for blocks of queries and keys, keys
/// less their mean over the sequence.
struct AttentionPrecision {
    DataType scores = DataType::int8;  ///< of queries and keys
    std::optional<DataType> values{};  ///< of weights and values; empty: the tensors' own

    bool operator==(const AttentionPrecision&) const = default;
};

}  // namespace cupola
