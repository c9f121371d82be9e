#pragma once

#include "cupola/units/quantity.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cupola {

/// One launch in the stream: what the CPU spends before it is queued, and what the GPU spends on it.
struct Launch {
    Seconds host;          ///< CPU time to dispatch it (0 inside a CUDA graph)
    Seconds device;        ///< GPU busy time
    bool outside = false;  ///< of the CUDA graph, where there is one
    bool waits = false;    ///< the host first waits for the end of all launches before it
};

/// The launch path of a software stack on a host.
struct LaunchPath {
    Seconds start_latency;            ///< from the launch call to the kernel's start on an idle GPU
    Seconds gap;                      ///< between dependent kernels on a busy stream
    std::int64_t queue_depth = 1024;  ///< launches the CPU may run ahead
    Seconds sync;                     ///< host cost of a synchronisation at the end of a pass
    bool graph = false;               ///< launches that follow each other, but for those outside, are one CUDA graph
    Seconds graph_launch;             ///< host cost of that launch
    int syncs_per_pass = 0;           ///< times the host waits for the GPU after every pass (a scheduler's .item())
    Seconds host_per_pass;            ///< host work outside operators in every pass (sampler, Python glue)
};

/// What a pass, or a number of equal passes, takes.
struct Span {
    Seconds latency;  ///< wall time
    Seconds busy;     ///< GPU busy
    Seconds idle;     ///< latency - busy
    Seconds host;     ///< CPU time spent dispatching
    /// Of the latency: idle time, and kernels that waited for the host and take less than its work for them. A faster
    /// GPU does not shorten it.
    Seconds host_bound{};
};

/// The CPU/GPU launch-queue recurrence over passes that follow each other, alike or not:
///   cpu_i = max(cpu_{i-1}, start_{i-Q}) + host_i;  start_i = max(cpu_i + start_latency, end_{i-1} + gap)
///   end_i = start_i + device_i
/// with end_{i-1} for start_{i-Q} where the host waits for the GPU.
/// The host starts each pass with `host_per_pass`; a graph is one launch whose device and
/// host times are the sums of its kernels', and graph_launch.
/// The GPU is idle and the queue empty at first; a later pass starts in the state that the one before it left, so that
/// the host keeps its lead. With `syncs_per_pass` the host waits for the last end, and `sync` more for each, after each
/// pass: then every pass starts on an idle GPU. Source: the queue of 1,024 launches and the run-ahead of the host as in
/// CUDA's asynchronous launch model; one stream. Ignores: concurrency between streams, host jitter, the lead that the
/// host gains in repetitions that are extrapolated.
class LaunchQueue {
public:
    explicit LaunchQueue(const LaunchPath& path);

    /// `passes` (>= 0, may be fractional) repetitions of one sequence; `trailing_host` is host time after the last
    /// launch of each. The latency is the time by which the end, when both the host and the GPU are done, moves. The
    /// first repetitions are run in full until one takes as long as the one before it (at most four); the rest is
    /// extrapolated. A fraction of a pass takes that fraction of its time. O(launches). Throws std::invalid_argument
    /// for negative or non-finite `passes`.
    Span run(std::span<const Launch> launches, double passes, Seconds trailing_host = {});

private:
    void host_work(Seconds time) { cpu_ += time.value(); }
    void enqueue(std::span<const Launch> launches);
    void synchronise();
    [[nodiscard]] std::vector<Launch> captured(std::span<const Launch> launches) const;
    [[nodiscard]] double now() const;
    struct Times {
        double latency = 0, host_paced = 0;
    };
    [[nodiscard]] Times repeat(std::span<const Launch> launches, double passes, Seconds trailing_host);

    // Plain doubles in seconds: the loop over them runs once a kernel.
    LaunchPath path_;
    double cpu_ = 0.0, end_;      ///< when the host and the GPU are done with everything so far
    std::vector<double> starts_;  ///< of the last `queue_depth` launches, a ring
    std::size_t slot_ = 0;        ///< of the oldest
    double host_paced_ = 0.0;     ///< GPU time of kernels that the host kept waiting and that are shorter than its work
};

/// `passes` repetitions of one sequence on a queue that is empty at first (LaunchQueue::run).
[[nodiscard]] Span run_passes(std::span<const Launch> launches, const LaunchPath& path, double passes);

}  // namespace cupola
