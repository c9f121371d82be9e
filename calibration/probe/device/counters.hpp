#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cupola::probe {

/// One kernel that ran.
struct KernelRecord {
    std::string name;
    double seconds = 0;
};

/// Kernels' own durations, from CUPTI's Activity API. Not available where CUPTI is not installed.
class KernelRecorder {
public:
    KernelRecorder();
    ~KernelRecorder();
    bool is_available() const;
    const std::string& problem() const { return problem_; }
    /// The kernels that `work` runs, which waits for their end, in the order of their start.
    std::vector<KernelRecord> record(const std::function<void()>& work);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    std::string problem_;
};

/// Hardware counters from CUPTI's Range Profiler. Not available where the driver refuses them, or the probe was built
/// without its header.
class CounterReader {
public:
    explicit CounterReader(int device);
    ~CounterReader();
    bool is_available() const { return is_available_; }
    const std::string& problem() const { return problem_; }
    /// Counters of the whole of `work`, by column of a row; `prepare` runs before each of its repetitions, uncounted.
    /// Empty where that went wrong.
    std::vector<std::pair<std::string, double>> read(const std::function<void()>& prepare,
                                                     const std::function<void()>& work);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    bool is_available_ = false;
    std::string problem_;
};

}  // namespace cupola::probe
