#include "cupola/numerics/steps.hpp"

#include <algorithm>

namespace cupola::numerics {

AttentionInputs rounded_inputs(AttentionInputs inputs, NumberFormat format) {
    for (std::vector<double>* const matrix : {&inputs.query, &inputs.key_transpose, &inputs.value}) {
        round_all(*matrix, format);
    }
    return inputs;
}

void score(const AttentionInputs& inputs, std::size_t query, std::size_t first, const Precision& precision,
           std::span<double> scores) {
    std::fill(scores.begin(), scores.end(), 0.0);
    with_rounding(precision.accumulator, [&](auto round) {
        for (std::size_t i = 0; i < inputs.head_dim; ++i) {
            const double factor = inputs.query[query * inputs.head_dim + i];
            const double* const keys = &inputs.key_transpose[i * inputs.keys + first];
            for (std::size_t j = 0; j < scores.size(); ++j) scores[j] = round(scores[j] + factor * keys[j]);
        }
    });
    const double scale = 1 / std::sqrt(static_cast<double>(inputs.head_dim));
    with_rounding(precision.scores, [&](auto round) {
        for (double& number : scores) number = round(number * scale);
    });
}

void exponentiate(std::span<double> scores, double maximum, NumberFormat format) {
    with_rounding(format, [&](auto round) {
        for (double& number : scores) number = round(std::exp(round(number - maximum)));
    });
}

double sum_of(std::span<const double> numbers, NumberFormat accumulator) {
    double sum = 0;
    with_rounding(accumulator, [&](auto round) {
        for (const double number : numbers) sum = round(sum + number);
    });
    return sum;
}

void weigh_values(const AttentionInputs& inputs, std::size_t first, std::span<const double> probabilities,
                  NumberFormat accumulator, std::span<double> sums) {
    std::fill(sums.begin(), sums.end(), 0.0);
    with_rounding(accumulator, [&](auto round) {
        for (std::size_t j = 0; j < probabilities.size(); ++j) {
            const double* const values = &inputs.value[(first + j) * inputs.head_dim];
            for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = round(sums[i] + probabilities[j] * values[i]);
        }
    });
}

}  // namespace cupola::numerics
