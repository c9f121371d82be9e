#include <chrono>
#include <vector>

#include "probe/device/flush.hpp"
#include "probe/device/graph.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Samples of `once`, which returns seconds by the CPU's clock.
Timing host_timing(const std::function<double()>& once) {
    Repetition rule;
    std::vector<double> samples;
    once();
    for (const double start = now(); !enough(samples, now() - start, rule);) samples.push_back(once());
    Timing timing;
    timing.method = "host";
    timing.seconds = summarise(samples);
    return timing;
}

/// CPU time of a launch while the GPU is kept busy, so that nothing waits.
Timing dispatch_timing(const Enqueue& launch, int chain, Session& session) {
    const cudaStream_t stream = session.timer().stream();
    return host_timing([&] {
        enqueue_delay(static_cast<long long>(2e-3 * std::max(session.gpu().sm_clock_hz, 1e9)), stream);
        const double start = now();
        for (int i = 0; i < chain; ++i) launch(stream);
        const double seconds = (now() - start) / chain;
        session.timer().synchronise();
        return seconds;
    });
}

Timing round_trip_timing(const Enqueue& launch, Session& session) {
    return host_timing([&] {
        const double start = now();
        launch(session.timer().stream());
        session.timer().synchronise();
        return now() - start;
    });
}

}  // namespace

std::vector<Row> measure_facts(const Case& facts, const Session& session) {
    const Gpu& gpu = session.gpu();
    const Nvml& nvml = session.nvml();
    std::vector<Row> rows;
    const auto add = [&](const char* name, const std::string& value) {
        Row row = session.row_of(facts);
        row.set("status", "ok");
        row.set("provider", name);
        row.set("note", value);
        rows.push_back(row);
    };
    add("compute_capability", std::to_string(gpu.compute_major) + "." + std::to_string(gpu.compute_minor));
    add("sm_count", std::to_string(gpu.sms));
    add("l2_bytes", std::to_string(gpu.l2_bytes));
    add("shared_bytes_block", std::to_string(gpu.shared_bytes_block));
    add("shared_bytes_sm", std::to_string(gpu.shared_bytes_sm));
    add("memory_bytes", std::to_string(gpu.memory_bytes));
    add("memory_bus_bits", std::to_string(gpu.bus_width_bits));
    add("highest_sm_clock_hz", std::to_string(gpu.sm_clock_hz));
    add("highest_memory_clock_hz", std::to_string(gpu.memory_clock_hz));
    add("ecc", gpu.has_ecc ? "on" : "off");
    add("mig", !nvml.is_mig() ? "unknown" : *nvml.is_mig() ? "on" : "off");
    add("power_limit_w", nvml.power_limit_w() ? std::to_string(*nvml.power_limit_w()) : "unknown");
    add("driver_cuda", version_text(gpu.driver_version));
    return rows;
}

Row measure_launch(const Case& launch, Session& session) {
    const std::string& mode = launch.word("mode");
    const auto chain = static_cast<int>(launch.integer("chain"));
    const auto blocks = static_cast<int>(launch.integer("blocks"));
    const auto threads = static_cast<int>(launch.integer("threads"));
    const Enqueue one = [=](cudaStream_t stream) { enqueue_empty(blocks, threads, stream); };
    const Enqueue all = [=](cudaStream_t stream) {
        for (int i = 0; i < chain; ++i) one(stream);
    };
    Row row = session.row_of(launch);
    row.set("provider", "own");
    if (mode == "stream") {
        add_timing(row, session.timer().whole(all, chain, "event"), 0, 0);
    } else if (mode == "graph") {
        const Graph graph(all);
        add_timing(row, session.timer().whole([&](cudaStream_t stream) { graph.launch(stream); }, chain, "graph"), 0,
                   0);
    } else if (mode == "host") {
        add_timing(row, dispatch_timing(one, std::min(chain, 500), session), 0, 0);
    } else {
        add_timing(row, round_trip_timing(one, session), 0, 0);
    }
    return row;
}

}  // namespace cupola::probe
