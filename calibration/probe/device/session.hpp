#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "probe/device/counters.hpp"
#include "probe/device/cuda.hpp"
#include "probe/device/nvml.hpp"
#include "probe/device/operation.hpp"
#include "probe/device/timer.hpp"
#include "probe/host/options.hpp"
#include "probe/host/plan.hpp"
#include "probe/host/row.hpp"

namespace cupola::probe {

/// A GPU that is open for measuring, and everything that is asked of it beside the kernels.
class Session {
public:
    using Say = std::function<void(const std::string&)>;
    Session(const Options& options, const Say& say);

    const Gpu& gpu() const { return gpu_; }
    const Nvml& nvml() const { return nvml_; }
    Timer& timer() { return *timer_; }

    /// A row with the case, the machine and the date.
    Row row_of(const Case& measured) const;
    /// Times `operation` in the cache state that the case asks for, and everything else about it.
    Row measured(const Case& measured, const Operation& operation);

    /// Durations of the kernels that one `launch` runs, summed, and their names; empty without CUPTI's records.
    struct Profile {
        std::optional<double> seconds;
        std::string names;
    };
    Profile profile(const Enqueue& launch, bool is_cold);

private:
    void add_kernels(Row& row, const Operation& operation) const;
    void add_profile(Row& row, const Operation& operation, bool is_cold);
    void add_error(Row& row, const Operation& operation) const;

    Gpu gpu_;
    Nvml nvml_;
    std::unique_ptr<KernelRecorder> recorder_;  ///< not beside counters: CUPTI does one or the other
    std::unique_ptr<CounterReader> counters_;
    std::unique_ptr<Timer> timer_;
    std::string driver_;
};

/// Adds times, rates and clocks of `timing` to a row.
void add_timing(Row& row, const Timing& timing, double traffic_bytes, double flops);

}  // namespace cupola::probe
