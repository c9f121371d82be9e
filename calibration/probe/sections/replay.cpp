#include <chrono>
#include <memory>
#include <vector>

#include "probe/device/graph.hpp"
#include "probe/host/error.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

/// The operations of a replay; one that cannot run here is empty.
struct Prepared {
    std::vector<Operation> operations;
    std::int64_t launches = 0, left_out = 0;
    double traffic_bytes = 0, flops = 0;
    std::string problem;  ///< of the first that cannot run
};

/// Every case has operands of its own, so that all of them must fit into memory together.
Prepared prepare(const Launches& launches, Session& session) {
    Prepared prepared;
    for (const Case& each : launches.cases) {
        try {
            prepared.operations.push_back(operation_of(each, session));
        } catch (const SkippedCase& skipped) {
            prepared.operations.emplace_back();
            if (prepared.problem.empty()) prepared.problem = std::string(each.kind().name) + ": " + skipped.what();
        }
    }
    for (const std::uint32_t index : launches.order) {
        const Operation& operation = prepared.operations[index];
        (operation.launch ? prepared.launches : prepared.left_out) += 1;
        prepared.traffic_bytes += operation.traffic_bytes;
        prepared.flops += operation.flops;
    }
    return prepared;
}

/// CPU seconds until the whole pass is enqueued, the GPU's queue being empty at first.
double enqueue_seconds(const Enqueue& all, Session& session) {
    session.timer().synchronise();
    const auto start = std::chrono::steady_clock::now();
    all(session.timer().stream());
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    session.timer().synchronise();
    return taken.count();
}

}  // namespace

Row measure_replay(const Case& replay, Session& session) {
    constexpr double most_left_out = 0.05;  // share of the launches: with more it would be another pass
    const Launches& launches = *replay.launches();
    const Prepared prepared = prepare(launches, session);
    const auto total = static_cast<double>(launches.order.size());
    const std::string left_out = std::to_string(prepared.left_out) + " of " + std::to_string(launches.order.size()) +
                                 " launches cannot run here, the first for: " + prepared.problem;
    if (static_cast<double>(prepared.left_out) > most_left_out * total) throw SkippedCase(left_out);
    const Enqueue all = [&](cudaStream_t stream) {
        for (const std::uint32_t index : launches.order) {
            if (prepared.operations[index].launch) prepared.operations[index].launch(stream);
        }
    };
    Row row = session.row_of(replay);
    row.set("provider", "own");
    row.set("launches", static_cast<double>(prepared.launches));
    if (replay.word("mode") == "graph") {
        const Graph graph(all);
        const Enqueue launch = [&](cudaStream_t stream) { graph.launch(stream); };
        add_timing(row, session.timer().whole(launch, 1, "graph"), prepared.traffic_bytes, prepared.flops);
    } else {
        add_timing(row, session.timer().whole(all, 1, "event"), prepared.traffic_bytes, prepared.flops);
    }
    if (const auto seconds = session.profile(all, false).seconds) row.set("kernel_s", *seconds);
    std::string note = "CPU " + std::to_string(enqueue_seconds(all, session) * 1e3) + " ms to enqueue one by one";
    if (prepared.left_out > 0) note += "; " + left_out;
    row.set("note", note);
    return row;
}

}  // namespace cupola::probe
