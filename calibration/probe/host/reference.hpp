#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace cupola::probe {

/// Double precision references of what the probe's kernels compute. An input is a function from index to value, so
/// that no tensor needs to exist on the host.
using Values = std::function<double(std::int64_t)>;

inline constexpr double norm_epsilon = 1e-5;

/// (x - mean) / sqrt(variance + epsilon) over `columns` values.
std::vector<double> normalised(const Values& x, std::int64_t columns);
/// x / sqrt(mean of squares + epsilon).
std::vector<double> rms_normalised(const Values& x, std::int64_t columns);
std::vector<double> softmax(const Values& x, std::int64_t columns);

double gelu(double x);  ///< x Phi(x), by the error function
double silu(double x);

/// One row of attention: softmax(scale q K^T) V over the keys 0 to `keys` - 1. `key` and `value` take (key, dim).
std::vector<double> attention_row(const Values& query, const std::function<double(std::int64_t, std::int64_t)>& key,
                                  const std::function<double(std::int64_t, std::int64_t)>& value, std::int64_t keys,
                                  std::int64_t dim, double scale);

/// ||found - expected|| / ||expected||, gathered pair by pair. A NaN in `found` makes it NaN.
class RelativeError {
public:
    void add(double found, double expected) {
        difference_ += (found - expected) * (found - expected);
        norm_ += expected * expected;
    }
    double value() const;

private:
    double difference_ = 0;
    double norm_ = 0;
};

}  // namespace cupola::probe
