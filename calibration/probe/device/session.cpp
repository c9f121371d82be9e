#include "probe/device/session.hpp"

#include <cxxabi.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

#include "probe/device/flush.hpp"
#include "probe/device/graph.hpp"
#include "probe/host/error.hpp"

namespace cupola::probe {

namespace {

std::string utc_date() {
    const std::time_t now = std::time(nullptr);
    std::tm fields{};
    ::gmtime_r(&now, &fields);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &fields);
    return text;
}

/// A kernel's name for people, without its parameters; names that are not mangled stay.
std::string readable(const std::string& name) {
    int status = 0;
    char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
    std::string result = status == 0 && text != nullptr ? text : name;
    std::free(text);
    constexpr std::size_t longest = 300;
    return result.size() > longest ? result.substr(0, longest) + "..." : result;
}

void add_note(Row& row, const std::string& note) {
    row.set("note", row.get("note").empty() ? note : row.get("note") + "; " + note);
}

}  // namespace

void add_timing(Row& row, const Timing& timing, double traffic_bytes, double flops) {
    row.set("status", "ok");
    row.set("method", timing.method);
    row.set("repetitions", static_cast<double>(timing.seconds.repetitions));
    row.set("median_s", timing.seconds.median);
    row.set("min_s", timing.seconds.minimum);
    row.set("p90_s", timing.seconds.p90);
    if (timing.floor > 0) row.set("floor_s", timing.floor);
    if (traffic_bytes > 0) {
        row.set("traffic_bytes", traffic_bytes);
        row.set("bytes_per_s", traffic_bytes / timing.seconds.median);
    }
    if (flops > 0) {
        row.set("flops", flops);
        row.set("flop_per_s", flops / timing.seconds.median);
    }
    const Condition& condition = timing.condition;
    if (condition.sm_clock_hz) row.set("sm_clock_hz", *condition.sm_clock_hz);
    if (condition.memory_clock_hz) row.set("memory_clock_hz", *condition.memory_clock_hz);
    if (condition.power_w) row.set("power_w", *condition.power_w);
    if (condition.temperature_c) row.set("temperature_c", *condition.temperature_c);
    if (condition.throttle) row.set("throttle", std::to_string(*condition.throttle));
}

Session::Session(const Options& options, const Say& say) : gpu_(open_gpu(options.device)), nvml_(gpu_.pci_bus) {
    if (!nvml_.is_available()) say("no clocks and power: NVML is not available");
    if (options.counters) {
        counters_ = std::make_unique<CounterReader>(options.device);
        if (!counters_->is_available()) say("no hardware counters: " + counters_->problem());
    } else if (options.use_cupti) {
        recorder_ = std::make_unique<KernelRecorder>();
        if (!recorder_->is_available()) say("no kernel times from CUPTI: " + recorder_->problem());
    }
    driver_ = nvml_.driver().empty() ? version_text(gpu_.driver_version) : nvml_.driver();
    timer_ = std::make_unique<Timer>(gpu_, nvml_);
}

Row Session::row_of(const Case& measured) const {
    Row row;
    row.set("case", measured.text());
    row.set("section", static_cast<double>(measured.kind().section));
    row.set("kind", measured.kind().name);
    for (const Field& field : measured.kind().fields) row.set(std::string(field.name), measured.word(field.name));
    if (measured.count() > 0) row.set("count", measured.count());
    row.set("gpu", gpu_.name);
    row.set("driver", driver_);
    row.set("toolkit", version_text(gpu_.runtime_version));
    row.set("date_utc", utc_date());
    return row;
}

Row Session::measured(const Case& measured, const Operation& operation) {
    Row row = row_of(measured);
    row.set("provider", operation.provider);
    row.set("variant", operation.variant);
    row.set("library_version", operation.library_version);
    const bool is_cold = measured.word("cache") == "cold";
    const Timing timing = is_cold ? timer_->cold(operation.launch) : timer_->hot(operation.launch);
    add_timing(row, timing, operation.traffic_bytes, operation.flops);
    add_kernels(row, operation);
    add_profile(row, operation, is_cold);
    add_error(row, operation);
    return row;
}

void Session::add_kernels(Row& row, const Operation& operation) const {
    try {
        std::string names;
        std::string grids;
        for (const KernelNode& kernel : Graph(operation.launch).kernels()) {
            names += (grids.empty() ? "" : " | ") + readable(kernel.name);
            grids += (grids.empty() ? "" : " | ") + kernel.grid;
        }
        row.set("kernels", names);
        row.set("grids", grids);
    } catch (const FailedCase& error) {
        if (error.broken) throw;
        add_note(row, error.what());
    }
}

Session::Profile Session::profile(const Enqueue& launch, bool is_cold) {
    Profile profile;
    if (recorder_ == nullptr || !recorder_->is_available()) return profile;
    const auto once = [&] {
        if (is_cold) timer_->flush();
        launch(timer_->stream());
        timer_->synchronise();
    };
    constexpr int repetitions = 5;
    std::vector<double> totals;
    for (int i = 0; i < repetitions; ++i) {
        double total = 0;
        profile.names.clear();
        for (const KernelRecord& kernel : recorder_->record(once)) {
            if (kernel.name.find(flush_kernel_name) != std::string::npos) continue;
            total += kernel.seconds;
            profile.names += (profile.names.empty() ? "" : " | ") + readable(kernel.name);
        }
        if (total > 0) totals.push_back(total);
    }
    if (!totals.empty()) profile.seconds = summarise(totals).median;
    return profile;
}

void Session::add_profile(Row& row, const Operation& operation, bool is_cold) {
    const Profile found = profile(operation.launch, is_cold);
    if (found.seconds) row.set("kernel_s", *found.seconds);
    if (row.get("kernels").empty()) row.set("kernels", found.names);
    if (counters_ == nullptr || !counters_->is_available()) return;
    const auto values = counters_->read(
        [&] {
            timer_->flush();
            timer_->synchronise();
        },
        [&] {
            operation.launch(timer_->stream());
            timer_->synchronise();
        });
    for (const auto& [column, value] : values) row.set(column, value);
    if (values.empty()) add_note(row, "counters: " + counters_->problem());
}

void Session::add_error(Row& row, const Operation& operation) const {
    if (!operation.error) return;
    const double error = operation.error();
    row.set("error", error);
    if (error <= operation.tolerance) return;  // NaN is not
    row.set("status", "failed");
    add_note(row, "wrong result: differs from double precision by more than " + std::to_string(operation.tolerance));
}

}  // namespace cupola::probe
