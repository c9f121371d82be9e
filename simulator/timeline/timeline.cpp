#include "cupola/timeline/timeline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace cupola {
namespace {

/// Passes simulated in full before the period of the last one is taken as the steady state.
constexpr int max_simulated_passes = 4;
/// Two passes that differ by less than this share repeat: what is left is rounding.
constexpr double repeat_tolerance = 1e-9;

/// The state of the recurrence between launches. Plain doubles in seconds: this loop runs once a kernel.
class LaunchQueue {
public:
    explicit LaunchQueue(const LaunchPath& path)
        : start_latency_(path.start_latency.value()),
          gap_(path.gap.value()),
          starts_(static_cast<std::size_t>(std::max<std::int64_t>(1, path.queue_depth)), 0.0) {}

    void host_work(Seconds time) { cpu_ += time.value(); }

    void run(std::span<const Launch> launches) {
        double cpu = cpu_, end = end_;
        std::size_t slot = slot_;
        for (const Launch& launch : launches) {
            // The slot about to be overwritten holds the start of the launch `queue_depth` before this one.
            cpu = std::max(cpu, starts_[slot]) + launch.host.value();
            const double start = std::max(cpu + start_latency_, end + gap_);
            starts_[slot] = start;
            end = start + launch.device.value();
            if (++slot == starts_.size()) slot = 0;
        }
        cpu_ = cpu;
        end_ = end;
        slot_ = slot;
    }

    void synchronise(Seconds cost) { cpu_ = std::max(cpu_, end_) + cost.value(); }

    /// When both the host and the GPU are done with everything so far.
    [[nodiscard]] double now() const { return std::max(cpu_, end_); }

private:
    double start_latency_, gap_;
    double cpu_ = 0.0;
    double end_ = -std::numeric_limits<double>::infinity();  // no kernel before the first
    std::vector<double> starts_;
    std::size_t slot_ = 0;
};

/// Latency after 0, 1, 2 … passes; beyond the last simulated pass it grows by `period` a pass.
struct Schedule {
    std::array<double, max_simulated_passes + 1> latency{};
    int simulated = 0;
    double period = 0.0;

    [[nodiscard]] double after(double passes) const {
        if (passes >= simulated) return latency[static_cast<std::size_t>(simulated)] + (passes - simulated) * period;
        const double whole = std::floor(passes);
        const auto index = static_cast<std::size_t>(whole);
        return latency[index] + (passes - whole) * (latency[index + 1] - latency[index]);
    }
};

Schedule schedule(std::span<const Launch> launches, const LaunchPath& path, double passes) {
    LaunchQueue queue(path);
    Schedule result;
    // After a synchronisation the GPU is idle and the queue empty: every pass repeats the first.
    const double wanted = path.sync_each_pass ? 1.0 : std::ceil(passes);
    const int limit = static_cast<int>(std::min<double>(wanted, max_simulated_passes));
    for (int pass = 1; pass <= limit; ++pass) {
        queue.host_work(path.host_per_pass);
        queue.run(launches);
        if (path.sync_each_pass) queue.synchronise(path.sync);
        const auto index = static_cast<std::size_t>(pass);
        result.latency[index] = queue.now();
        const double previous_period = result.period;
        result.period = result.latency[index] - result.latency[index - 1];
        result.simulated = pass;
        if (pass > 1 && std::abs(result.period - previous_period) <= repeat_tolerance * result.period) break;
    }
    return result;
}

}  // namespace

Span run_passes(std::span<const Launch> launches, const LaunchPath& path, double passes) {
    if (!(passes >= 0.0) || !std::isfinite(passes)) throw std::invalid_argument("run_passes: passes must be >= 0");
    if (passes == 0.0) return {};

    Seconds device, host = path.host_per_pass;
    for (const Launch& launch : launches) device += launch.device;
    // A CUDA graph is one launch that keeps the GPU busy from its first kernel to its last.
    const Launch graph{path.graph_launch, device};
    const std::span<const Launch> queued = path.graph && !launches.empty() ? std::span(&graph, 1) : launches;
    for (const Launch& launch : queued) host += launch.host;
    if (path.sync_each_pass) host += path.sync;

    Span span;
    span.latency = Seconds(schedule(queued, path, passes).after(passes));
    span.busy = device * passes;
    span.idle = std::max(Seconds(0.0), span.latency - span.busy);  // the difference may round below zero
    span.host = host * passes;
    return span;
}

}  // namespace cupola
