#include "cupola/numerics/attention.hpp"

#include <numbers>
#include <random>

namespace cupola::numerics {
namespace {

/// Box-Muller; the distributions of the standard library differ between implementations.
class NormalNumbers {
public:
    explicit NormalNumbers(std::uint64_t seed) : bits_(seed) {}

    double next() {
        const double radius = std::sqrt(-2 * std::log(1 - uniform()));  // the logarithm of (0, 1]
        return radius * std::cos(2 * std::numbers::pi * uniform());
    }

private:
    double uniform() { return std::ldexp(static_cast<double>(bits_() >> 11U), -53); }  // [0, 1)

    std::mt19937_64 bits_;
};

}  // namespace

AttentionInputs random_inputs(std::size_t queries, std::size_t keys, std::size_t head_dim, double value_mean,
                              std::uint64_t seed) {
    AttentionInputs inputs{queries, keys, head_dim, {}, {}, {}};
    inputs.query.resize(queries * head_dim);
    inputs.key_transpose.resize(keys * head_dim);
    inputs.value.resize(keys * head_dim);
    NormalNumbers numbers(seed);
    for (std::vector<double>* const matrix : {&inputs.query, &inputs.key_transpose, &inputs.value}) {
        for (double& number : *matrix) number = numbers.next();
    }
    for (double& number : inputs.value) number += value_mean;
    return inputs;
}

}  // namespace cupola::numerics
