#include "probe/host/reference.hpp"

#include <algorithm>
#include <cmath>

namespace cupola::probe {

namespace {

std::vector<double> gathered(const Values& x, std::int64_t count) {
    std::vector<double> values(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = x(i);
    return values;
}

void softmax_of(std::vector<double>& values) {
    const double maximum = *std::max_element(values.begin(), values.end());
    double sum = 0;
    for (double& value : values) sum += value = std::exp(value - maximum);
    for (double& value : values) value /= sum;
}

}  // namespace

std::vector<double> normalised(const Values& x, std::int64_t columns) {
    std::vector<double> values = gathered(x, columns);
    double mean = 0;
    for (const double value : values) mean += value / static_cast<double>(columns);
    double variance = 0;
    for (const double value : values) variance += (value - mean) * (value - mean) / static_cast<double>(columns);
    for (double& value : values) value = (value - mean) / std::sqrt(variance + norm_epsilon);
    return values;
}

std::vector<double> rms_normalised(const Values& x, std::int64_t columns) {
    std::vector<double> values = gathered(x, columns);
    double square = 0;
    for (const double value : values) square += value * value / static_cast<double>(columns);
    for (double& value : values) value /= std::sqrt(square + norm_epsilon);
    return values;
}

std::vector<double> softmax(const Values& x, std::int64_t columns) {
    std::vector<double> values = gathered(x, columns);
    softmax_of(values);
    return values;
}

double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

double silu(double x) { return x / (1 + std::exp(-x)); }

std::vector<double> attention_row(const Values& query, const std::function<double(std::int64_t, std::int64_t)>& key,
                                  const std::function<double(std::int64_t, std::int64_t)>& value, std::int64_t keys,
                                  std::int64_t dim, double scale) {
    const std::vector<double> q = gathered(query, dim);
    std::vector<double> scores(static_cast<std::size_t>(keys));
    for (std::int64_t j = 0; j < keys; ++j) {
        double dot = 0;
        for (std::int64_t d = 0; d < dim; ++d) dot += q[static_cast<std::size_t>(d)] * key(j, d);
        scores[static_cast<std::size_t>(j)] = scale * dot;
    }
    softmax_of(scores);
    std::vector<double> row(static_cast<std::size_t>(dim));
    for (std::int64_t j = 0; j < keys; ++j) {
        for (std::int64_t d = 0; d < dim; ++d) {
            row[static_cast<std::size_t>(d)] += scores[static_cast<std::size_t>(j)] * value(j, d);
        }
    }
    return row;
}

double RelativeError::value() const { return norm_ > 0 ? std::sqrt(difference_ / norm_) : std::sqrt(difference_); }

}  // namespace cupola::probe
