#include "cupola/timeline/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace cupola {
namespace {

/// Passes simulated in full before the period of the last one is taken as the steady state.
constexpr int max_simulated_passes = 4;
/// Two passes that differ by less than this share repeat: what is left is rounding.
constexpr double repeat_tolerance = 1e-9;
/// When an idle GPU was done: no launch waits for it.
constexpr double long_ago = -std::numeric_limits<double>::infinity();

}  // namespace

LaunchQueue::LaunchQueue(const LaunchPath& path)
    : path_(path),
      end_(long_ago),
      starts_(static_cast<std::size_t>(std::max<std::int64_t>(1, path.queue_depth)), 0.0) {}

void LaunchQueue::enqueue(std::span<const Launch> launches) {
    const double start_latency = path_.start_latency.value(), gap = path_.gap.value();
    double cpu = cpu_, end = end_;
    std::size_t slot = slot_;
    for (const Launch& launch : launches) {
        // The slot about to be overwritten holds the start of the launch `queue_depth` before this one.
        cpu = std::max(cpu, launch.waits ? end : starts_[slot]) + launch.host.value();
        const double start = std::max(cpu + start_latency, end + gap);
        if (cpu + start_latency > end + gap && launch.device < launch.host) host_paced_ += launch.device.value();
        starts_[slot] = start;
        end = start + launch.device.value();
        if (++slot == starts_.size()) slot = 0;
    }
    cpu_ = cpu;
    end_ = end;
    slot_ = slot;
}

/// A CUDA graph is one launch that keeps the GPU busy from its first kernel to its last.
std::vector<Launch> LaunchQueue::captured(std::span<const Launch> launches) const {
    std::vector<Launch> result;
    bool open = false;  // the last of `result` is a graph
    for (const Launch& launch : launches) {
        if (launch.outside) {
            result.push_back(launch);
        } else if (open) {
            result.back().host += launch.host;
            result.back().device += launch.device;
        } else {
            result.push_back({path_.graph_launch + launch.host, launch.device});
        }
        open = !launch.outside;
    }
    return result;
}

void LaunchQueue::synchronise() {
    cpu_ = now() + path_.syncs_per_pass * path_.sync.value();
    end_ = long_ago;
}

double LaunchQueue::now() const { return std::max(cpu_, end_); }

LaunchQueue::Times LaunchQueue::repeat(std::span<const Launch> launches, double passes, Seconds trailing_host) {
    // After a synchronisation the GPU is idle and the queue empty: every pass repeats the first.
    const double limit = path_.syncs_per_pass > 0 ? 1.0 : static_cast<double>(max_simulated_passes);
    Times total;
    double period = 0.0, paced = 0.0;
    for (int pass = 0; pass < limit && passes > 0.0; ++pass) {
        const double before = now(), previous_period = period, paced_before = host_paced_;
        host_work(path_.host_per_pass);
        enqueue(launches);
        host_work(trailing_host);
        if (path_.syncs_per_pass > 0) synchronise();
        period = now() - before;
        paced = host_paced_ - paced_before;
        total.latency += std::min(passes, 1.0) * period;
        total.host_paced += std::min(passes, 1.0) * paced;
        passes = std::max(0.0, passes - 1.0);
        if (pass > 0 && std::abs(period - previous_period) <= repeat_tolerance * period) break;
    }
    // The recurrence does not change when all its times are moved, so what is extrapolated need not move the state.
    total.latency += passes * period;
    total.host_paced += passes * paced;
    return total;
}

Span LaunchQueue::run(std::span<const Launch> launches, double passes, Seconds trailing_host) {
    if (!(passes >= 0.0) || !std::isfinite(passes)) throw std::invalid_argument("LaunchQueue: passes must be >= 0");
    if (passes == 0.0) return {};

    Seconds device, host = path_.host_per_pass + trailing_host;
    for (const Launch& launch : launches) device += launch.device;
    const std::vector<Launch> graphs = path_.graph ? captured(launches) : std::vector<Launch>{};
    const std::span<const Launch> queued = path_.graph ? std::span(graphs) : launches;
    for (const Launch& launch : queued) host += launch.host;
    host += path_.sync * path_.syncs_per_pass;

    Span span;
    const Times times = repeat(queued, passes, trailing_host);
    span.latency = Seconds(times.latency);
    span.busy = device * passes;
    span.idle = std::max(Seconds(0.0), span.latency - span.busy);  // the difference may round below zero
    span.host_bound = std::min(span.latency, span.idle + Seconds(times.host_paced));
    span.host = host * passes;
    return span;
}

Span run_passes(std::span<const Launch> launches, const LaunchPath& path, double passes) {
    return LaunchQueue(path).run(launches, passes);
}

}  // namespace cupola
