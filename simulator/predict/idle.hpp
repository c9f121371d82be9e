#pragma once

#include "cupola/predict/prediction.hpp"

#include <cstdint>
#include <functional>

namespace cupola {

/// Below this share of the latency a GPU's idle time counts as gone.
inline constexpr double small_idle_share = 0.05;
/// From this share on it is worth asking at which batch it goes.
inline constexpr double large_idle_share = 0.10;

/// Share of the latency for which the GPU waits for the host, transfers left out; 0 for no time.
[[nodiscard]] double idle_share(const Prediction& prediction);

/// The prediction at another batch.
using PredictionAtBatch = std::function<Prediction(std::int64_t batch)>;

/// The smallest batch above `batch` at which the GPU idles less than `small_idle_share`, to an eighth: doubling until
/// it does, then halving the interval; a larger batch gives the host no more work and the GPU more. Beyond `limit` it
/// gives up (`found` false). Some twelve predictions.
[[nodiscard]] IdleEnd find_idle_end(const PredictionAtBatch& at, std::int64_t batch, std::int64_t limit = 1024);

}  // namespace cupola
