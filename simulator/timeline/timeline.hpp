#pragma once

#include "cupola/units/quantity.hpp"

#include <cstdint>
#include <span>

namespace cupola {

/// One launch in the stream: what the CPU spends before it is queued, and what the GPU spends on it.
struct Launch {
    Seconds host;    ///< CPU time to dispatch it (0 inside a CUDA graph)
    Seconds device;  ///< GPU busy time
};

/// The launch path of a software stack on a host.
struct LaunchPath {
    Seconds start_latency;            ///< from the launch call to the kernel's start on an idle GPU
    Seconds gap;                      ///< between dependent kernels on a busy stream
    std::int64_t queue_depth = 1024;  ///< launches the CPU may run ahead
    Seconds sync;                     ///< host cost of a synchronisation at the end of a pass
    bool graph = false;               ///< the whole pass is one CUDA graph launch
    Seconds graph_launch;             ///< host cost of that launch
    bool sync_each_pass = false;      ///< the host waits for the GPU after every pass (a scheduler's .item())
    Seconds host_per_pass;            ///< host work outside operators in every pass (sampler, Python glue)
};

/// What a pass, or a number of equal passes, takes.
struct Span {
    Seconds latency;  ///< wall time
    Seconds busy;     ///< GPU busy
    Seconds idle;     ///< latency - busy
    Seconds host;     ///< CPU time spent dispatching
};

/// The CPU/GPU launch-queue recurrence over `passes` (>= 0, may be fractional) repetitions of one sequence:
///   cpu_i = max(cpu_{i-1}, start_{i-Q}) + host_i;  start_i = max(cpu_i + start_latency, end_{i-1} + gap)
///   end_i = start_i + device_i
/// The host starts each pass with `host_per_pass`; a graph is one launch whose device time is the sum of its kernels'.
/// With `sync_each_pass` the host waits for the last end, and `sync` more, before the next pass. The GPU is idle and
/// the queue empty at first; the result ends when both the host and the GPU are done. The first passes are run in full
/// until one takes as long as the one before it (at most four); the rest is extrapolated. A fraction of a pass takes
/// that fraction of its time. Source: the queue of 1,024 launches and the run-ahead of the host as in CUDA's
/// asynchronous launch model; one stream. Ignores: concurrency between streams, host jitter. Throws
/// std::invalid_argument for negative or non-finite `passes`.
[[nodiscard]] Span run_passes(std::span<const Launch> launches, const LaunchPath& path, double passes);

}  // namespace cupola
