#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>
#include <vector>

#include "probe/device/cuda.hpp"
#include "probe/device/nvml.hpp"
#include "probe/host/statistics.hpp"

namespace cupola::probe {

using Enqueue = std::function<void(cudaStream_t)>;

/// Two events on a stream, and the seconds between them.
class Stopwatch {
public:
    Stopwatch();
    ~Stopwatch();
    Stopwatch(Stopwatch&& other) noexcept : begin_(other.begin_), end_(other.end_) {
        other.begin_ = other.end_ = nullptr;
    }
    Stopwatch& operator=(Stopwatch&&) = delete;
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

    void begin(cudaStream_t stream) const { check(cudaEventRecord(begin_, stream), "cudaEventRecord"); }
    void end(cudaStream_t stream) const { check(cudaEventRecord(end_, stream), "cudaEventRecord"); }
    double seconds() const;  ///< after the stream came past both

private:
    cudaEvent_t begin_ = nullptr;
    cudaEvent_t end_ = nullptr;
};

/// How long one operation takes, and how that was found out.
struct Timing {
    Summary seconds;
    std::string method;  ///< graph or event
    double floor = 0;    ///< what the method measures for an empty kernel
    Condition condition;
};

/// Times operations on a stream of its own.
class Timer {
public:
    Timer(const Gpu& gpu, const Nvml& nvml);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    cudaStream_t stream() const { return stream_; }
    /// Operands out of L2: before each repetition the cache is read full of other, clean data.
    Timing cold(const Enqueue& operation);
    /// Operands where the operation itself left them: replays of a graph of many of them, or where they cannot be
    /// captured many of them between two events.
    Timing hot(const Enqueue& operation);
    /// Seconds of one `work` that is enqueued as a whole, repeated until known; divided by `operations`.
    Timing whole(const Enqueue& work, int operations, const std::string& method);
    /// Reads the cache full of clean data.
    void flush();
    void synchronise() const { check(cudaStreamSynchronize(stream_), "the kernel"); }

private:
    double estimate(const Enqueue& operation);
    std::vector<double> repeat(const std::function<void(const Stopwatch&)>& once, double expected);
    Condition condition_during(const Enqueue& operation, double expected);

    const Gpu& gpu_;
    const Nvml& nvml_;
    cudaStream_t stream_ = nullptr;
    std::size_t flush_bytes_;
    Buffer flush_memory_;
    Buffer sink_;
    std::vector<Stopwatch> watches_;
    double cold_floor_ = 0;
};

}  // namespace cupola::probe
