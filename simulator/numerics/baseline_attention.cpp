#include "cupola/numerics/steps.hpp"

#include <algorithm>

namespace cupola::numerics {

std::vector<double> baseline_attention(const AttentionInputs& given, const Precision& precision) {
    const AttentionInputs inputs = rounded_inputs(given, precision.inputs);
    std::vector<double> output(inputs.queries * inputs.head_dim), row(inputs.keys);
    for (std::size_t query = 0; query < inputs.queries; ++query) {
        score(inputs, query, 0, precision, row);
        exponentiate(row, rounded(*std::max_element(row.begin(), row.end()), precision.maximum),
                     precision.exponentials);
        const double sum = rounded(sum_of(row, precision.accumulator), precision.sum);
        for (double& number : row) number /= sum;
        round_all(row, precision.probabilities);
        const std::span<double> sums(&output[query * inputs.head_dim], inputs.head_dim);
        weigh_values(inputs, 0, row, precision.accumulator, sums);
        round_all(sums, precision.output);
        round_all(sums, precision.result);
    }
    return output;
}

}  // namespace cupola::numerics
