#pragma once

#include "cupola/numerics/attention.hpp"

#include <cmath>
#include <cstddef>
#include <span>

// Private to this room: the operations that both algorithms are made of.

namespace cupola::numerics {

/// The inputs as the algorithm is given them.
[[nodiscard]] AttentionInputs rounded_inputs(AttentionInputs inputs, NumberFormat format);

/// Scores of one query with the keys [first, first + scores.size()).
void score(const AttentionInputs& inputs, std::size_t query, std::size_t first, const Precision& precision,
           std::span<double> scores);

/// exp(score - maximum) in place.
void exponentiate(std::span<double> scores, double maximum, NumberFormat format);

/// The sum of numbers, rounded after every addition.
[[nodiscard]] double sum_of(std::span<const double> numbers, NumberFormat accumulator);

/// Probabilities times the values [first, first + probabilities.size()): head_dim numbers, rounded after every
/// addition.
void weigh_values(const AttentionInputs& inputs, std::size_t first, std::span<const double> probabilities,
                  NumberFormat accumulator, std::span<double> sums);

inline void round_all(std::span<double> numbers, NumberFormat format) {
    with_rounding(format, [&](auto round) {
        for (double& number : numbers) number = round(number);
    });
}

}  // namespace cupola::numerics
