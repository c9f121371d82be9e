#include "probe/device/timer.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "probe/device/flush.hpp"
#include "probe/device/graph.hpp"
#include "probe/host/error.hpp"

namespace cupola::probe {

namespace {

constexpr std::size_t mebi = std::size_t{1} << 20;
constexpr int repetitions_in_flight = 8;  // enqueued without waiting, so that the GPU does not wait for the CPU
constexpr double replay_seconds = 4e-4;   // of one graph: long against the gap before it
constexpr double condition_seconds = 3e-3;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

Stopwatch::Stopwatch() {
    check(cudaEventCreate(&begin_), "cudaEventCreate");
    check(cudaEventCreate(&end_), "cudaEventCreate");
}

Stopwatch::~Stopwatch() {
    if (begin_ != nullptr) cudaEventDestroy(begin_);
    if (end_ != nullptr) cudaEventDestroy(end_);
}

double Stopwatch::seconds() const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
    return static_cast<double>(milliseconds) * 1e-3;
}

Timer::Timer(const Gpu& gpu, const Nvml& nvml)
    : gpu_(gpu),
      nvml_(nvml),
      flush_bytes_(std::max(3 * gpu.l2_bytes, 64 * mebi)),
      flush_memory_(flush_bytes_),
      sink_(16) {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaMemset(flush_memory_.address(), 0, flush_bytes_), "cudaMemset");
    check(cudaDeviceSynchronize(), "cudaMemset");
    for (int i = 0; i < repetitions_in_flight; ++i) watches_.emplace_back();
    cold_floor_ = cold([](cudaStream_t stream) { enqueue_empty(1, 32, stream); }).seconds.median;
}

Timer::~Timer() {
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

void Timer::flush() { enqueue_flush(flush_memory_.address(), flush_bytes_, sink_.as<unsigned>(), gpu_.sms, stream_); }

double Timer::estimate(const Enqueue& operation) {
    operation(stream_);  // loads the kernel, and whatever a library does at first
    synchronise();
    watches_[0].begin(stream_);
    operation(stream_);
    watches_[0].end(stream_);
    synchronise();
    return std::max(watches_[0].seconds(), 1e-6);
}

std::vector<double> Timer::repeat(const std::function<void(const Stopwatch&)>& once, double expected) {
    Repetition rule;
    rule.seconds = std::max(0.08, 5 * expected);
    rule.at_least = expected > 0.1 ? 3 : 7;
    std::vector<double> samples;
    const double start = now();
    const int in_flight = expected > 0.02 ? 1 : repetitions_in_flight;
    while (!enough(samples, now() - start, rule)) {
        for (int i = 0; i < in_flight; ++i) once(watches_[static_cast<std::size_t>(i)]);
        synchronise();
        for (int i = 0; i < in_flight; ++i) samples.push_back(watches_[static_cast<std::size_t>(i)].seconds());
    }
    return samples;
}

Condition Timer::condition_during(const Enqueue& operation, double expected) {
    const int count = std::clamp(static_cast<int>(condition_seconds / expected), 1, 500);
    for (int i = 0; i < count; ++i) operation(stream_);
    const Condition condition = nvml_.condition();
    synchronise();
    return condition;
}

Timing Timer::cold(const Enqueue& operation) {
    const double expected = estimate(operation);
    Timing timing;
    timing.method = "event";
    timing.floor = cold_floor_;
    timing.seconds = summarise(repeat(
        [&](const Stopwatch& watch) {
            flush();
            watch.begin(stream_);
            operation(stream_);
            watch.end(stream_);
        },
        expected));
    timing.condition = condition_during(operation, expected);
    return timing;
}

Timing Timer::hot(const Enqueue& operation) {
    const double expected = estimate(operation);
    const int count = std::clamp(static_cast<int>(replay_seconds / expected), 1, 400);
    const Enqueue batch = [&](cudaStream_t stream) {
        for (int i = 0; i < count; ++i) operation(stream);
    };
    std::unique_ptr<Graph> graph;
    try {
        graph = std::make_unique<Graph>(batch);
    } catch (const FailedCase& error) {
        if (error.broken) throw;
    }
    if (graph == nullptr) return whole(batch, count, "event");
    return whole([&](cudaStream_t stream) { graph->launch(stream); }, count, "graph");
}

Timing Timer::whole(const Enqueue& work, int operations, const std::string& method) {
    const double expected = estimate(work);
    Timing timing;
    timing.method = method;
    auto samples = repeat(
        [&](const Stopwatch& watch) {
            watch.begin(stream_);
            work(stream_);
            watch.end(stream_);
        },
        expected);
    for (double& sample : samples) sample /= operations;
    timing.seconds = summarise(samples);
    timing.condition = condition_during(work, expected);
    return timing;
}

}  // namespace cupola::probe
