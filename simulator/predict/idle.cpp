#include "cupola/predict/idle.hpp"

#include <algorithm>

namespace cupola {

double idle_share(const Prediction& prediction) {
    if (prediction.span.latency <= Seconds(0)) return 0;
    return std::max(Seconds(0), prediction.span.idle - prediction.transfer_wait) / prediction.span.latency;
}

IdleEnd find_idle_end(const PredictionAtBatch& at, std::int64_t batch, std::int64_t limit) {
    const auto gone = [&](std::int64_t candidate) { return idle_share(at(candidate)) < small_idle_share; };
    std::int64_t idle = batch, free = batch;
    do {
        idle = free;
        if (free >= limit) return {limit, false};
        free = std::min(2 * free, limit);
    } while (!gone(free));
    while (free - idle > std::max<std::int64_t>(1, free / 8)) {
        const std::int64_t middle = idle + (free - idle) / 2;
        (gone(middle) ? free : idle) = middle;
    }
    return {free, true};
}

}  // namespace cupola
