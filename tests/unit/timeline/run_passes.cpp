#include "cupola/timeline/timeline.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using cupola::Launch;
using cupola::LaunchPath;
using cupola::LaunchQueue;
using cupola::run_passes;
using cupola::Seconds;
using cupola::Span;

constexpr double us = 1e-6;

std::vector<Launch> launches(std::size_t count, double host_us, double device_us) {
    return std::vector<Launch>(count, Launch{Seconds(host_us * us), Seconds(device_us * us)});
}

LaunchPath path(double latency_us = 4, double gap_us = 1) {
    LaunchPath result;
    result.start_latency = Seconds(latency_us * us);
    result.gap = Seconds(gap_us * us);
    return result;
}

doctest::Approx microseconds(double value) { return doctest::Approx(value * us).epsilon(1e-9); }

TEST_CASE("a host-bound pass takes the host's time plus one launch latency and the last kernel") {
    const Span span = run_passes(launches(10, 10, 2), path(), 1);
    CHECK(span.latency.value() == microseconds(10 * 10 + 4 + 2));
    CHECK(span.busy.value() == microseconds(20));
    CHECK(span.idle.value() == microseconds(86));
    CHECK(span.host.value() == microseconds(100));
}

TEST_CASE("a GPU-bound pass takes the first dispatch, then kernels and gaps") {
    const Span span = run_passes(launches(10, 2, 50), path(), 1);
    CHECK(span.latency.value() == microseconds(2 + 4 + 10 * 50 + 9 * 1));
    CHECK(span.idle.value() == microseconds(2 + 4 + 9));
}

TEST_CASE("a mixed sequence follows the recurrence by hand") {
    const std::vector<Launch> mixed{
        {Seconds(5 * us), Seconds(30 * us)}, {Seconds(5 * us), Seconds(1 * us)}, {Seconds(40 * us), Seconds(3 * us)}};
    // starts: 5+4 = 9; max(10+4, 39+1) = 40; max(50+4, 41+1) = 54; the last ends at 57.
    const Span span = run_passes(mixed, path(), 1);
    CHECK(span.latency.value() == microseconds(57));
    CHECK(span.busy.value() == microseconds(34));
    CHECK(span.idle.value() == microseconds(23));
}

TEST_CASE("a full queue holds the host back") {
    // One long kernel, then short ones: with two places in the queue the host cannot prepare the rest behind it.
    std::vector<Launch> sequence = launches(6, 10, 1);
    sequence.front().device = Seconds(1000 * us);
    LaunchPath deep = path(4, 0), shallow = path(4, 0);
    shallow.queue_depth = 2;
    CHECK(run_passes(sequence, deep, 1).latency.value() == microseconds(10 + 4 + 1000 + 5));
    // start_0 = 14, end_0 = 1014; the host dispatches 1, and 2 after start_0; 3 waits for start_1 = 1014: cpu 1024.
    // start_2 = 1015, start_3 = 1028; 4 waits for start_2, cpu = 1034, start 1038; 5: cpu 1044, start 1048, end 1049.
    CHECK(run_passes(sequence, shallow, 1).latency.value() == microseconds(1049));
}

TEST_CASE("a CUDA graph is one host launch with its kernels back to back") {
    LaunchPath graph = path(4, 1);
    graph.graph = true;
    graph.graph_launch = Seconds(8 * us);
    const Span span = run_passes(launches(100, 0, 3), graph, 1);
    CHECK(span.latency.value() == microseconds(8 + 4 + 300));
    CHECK(span.host.value() == microseconds(8));
}

TEST_CASE("what stays outside of a CUDA graph is launched by itself, and ends the graph") {
    LaunchPath graph = path(4, 1);
    graph.graph = true;
    graph.graph_launch = Seconds(8 * us);
    std::vector<Launch> sequence = launches(10, 0, 3);
    sequence[4] = {Seconds(12 * us), Seconds(3 * us), true};
    sequence[5] = {Seconds(12 * us), Seconds(3 * us), true};
    const Span span = run_passes(sequence, graph, 1);
    CHECK(span.host.value() == microseconds(8 + 12 + 12 + 8));
    CHECK(span.busy.value() == microseconds(30));
    // Graph of four: 12 to 24. The others are queued at 20, 32, the second graph at 40; each starts 4 later.
    CHECK(span.latency.value() == microseconds(40 + 4 + 12));
}

TEST_CASE("a synchronised pass repeats exactly, its sync and glue included") {
    LaunchPath synced = path();
    synced.syncs_per_pass = 1;
    synced.sync = Seconds(15 * us);
    synced.host_per_pass = Seconds(100 * us);
    const double once = run_passes(launches(5, 2, 20), synced, 1).latency.value();
    CHECK(once == microseconds(100 + 2 + 4 + 5 * 20 + 4 + 15));
    CHECK(run_passes(launches(5, 2, 20), synced, 7).latency.value() == doctest::Approx(7 * once));
    CHECK(run_passes(launches(5, 2, 20), synced, 0.25).latency.value() == doctest::Approx(0.25 * once));
    CHECK(run_passes(launches(5, 2, 20), synced, 7).host.value() == microseconds(7 * (100 + 10 + 15)));
}

TEST_CASE("each further synchronisation of a pass costs the host its time") {
    LaunchPath path_with = path();
    path_with.sync = Seconds(15 * us);
    const auto latency = [&](int syncs) {
        path_with.syncs_per_pass = syncs;
        return run_passes(launches(5, 2, 20), path_with, 4).latency.value();
    };
    CHECK(latency(1) >= latency(0));
    CHECK(latency(3) == doctest::Approx(latency(1) + 4 * 2 * 15 * us));
}

TEST_CASE("the host sets the pace for idle time and for kernels shorter than its work") {
    const Span host_bound = run_passes(launches(50, 20, 5), path(), 3);
    CHECK(host_bound.host_bound.value() == doctest::Approx(host_bound.latency.value()));
    const Span gpu_bound = run_passes(launches(50, 2, 100), path(), 3);
    CHECK(gpu_bound.host_bound.value() == doctest::Approx(gpu_bound.idle.value()));
    CHECK(gpu_bound.host_bound < 0.05 * gpu_bound.latency);
    LaunchPath graph = path();
    graph.graph = true;
    graph.graph_launch = Seconds(8 * us);
    const Span replayed = run_passes(launches(50, 0, 5), graph, 3);
    CHECK(replayed.host_bound.value() == doctest::Approx(replayed.idle.value()));  // its kernels wait for nobody
}

TEST_CASE("without synchronisation the host runs ahead and hides its work behind the GPU") {
    // Five passes of 10 x (50 + 1): only the first dispatch is exposed.
    const Span span = run_passes(launches(10, 2, 50), path(), 5);
    CHECK(span.latency.value() == microseconds(2 + 4 + 50 * 50 + 49 * 1));
}

TEST_CASE("the extrapolated run equals the run written out") {
    std::vector<Launch> pass = launches(40, 3, 12);
    for (Launch& launch : launches(60, 11, 2)) pass.push_back(launch);
    std::vector<Launch> unrolled;
    for (int i = 0; i < 50; ++i) unrolled.insert(unrolled.end(), pass.begin(), pass.end());
    CHECK(run_passes(pass, path(), 50).latency.value() ==
          doctest::Approx(run_passes(unrolled, path(), 1).latency.value()).epsilon(1e-9));
}

TEST_CASE("passes on one queue take what they take written out, however they are split") {
    std::vector<Launch> pass = launches(40, 3, 12);
    for (Launch& launch : launches(60, 4, 2)) pass.push_back(launch);
    LaunchPath glue = path();
    glue.host_per_pass = Seconds(30 * us);
    const Span whole = run_passes(pass, glue, 40);
    LaunchQueue queue(glue);
    Span parts;
    for (const double count : {1.0, 25.5, 0.5, 13.0}) {
        const Span part = queue.run(pass, count);
        parts.latency += part.latency;
        parts.host += part.host;
    }
    CHECK(parts.latency.value() == doctest::Approx(whole.latency.value()).epsilon(1e-9));
    CHECK(parts.host.value() == doctest::Approx(whole.host.value()).epsilon(1e-9));
}

TEST_CASE("unlike passes follow each other as one sequence would") {
    LaunchQueue queue(path());
    std::vector<Launch> unrolled;
    Seconds latency;
    for (int i = 0; i < 30; ++i) {
        const std::vector<Launch> pass = launches(20, i % 3 == 0 ? 9 : 3, 4 + i % 5);
        latency += queue.run(pass, 1).latency;
        unrolled.insert(unrolled.end(), pass.begin(), pass.end());
    }
    CHECK(latency.value() == doctest::Approx(run_passes(unrolled, path(), 1).latency.value()).epsilon(1e-9));
}

TEST_CASE("with a synchronisation after each pass, a pass takes the same whatever ran before it") {
    LaunchPath synced = path(4, 40);
    synced.syncs_per_pass = 1;
    synced.sync = Seconds(15 * us);
    LaunchQueue queue(synced);
    (void)queue.run(launches(500, 1, 30), 3);
    CHECK(queue.run(launches(5, 2, 20), 2).latency.value() ==
          doctest::Approx(run_passes(launches(5, 2, 20), synced, 2).latency.value()).epsilon(1e-9));
}

TEST_CASE("host time after the last launch shows where the GPU does not hide it") {
    const Seconds trailing(50 * us);
    CHECK(LaunchQueue(path()).run(launches(10, 10, 2), 1, trailing).latency.value() == microseconds(100 + 50));
    CHECK(LaunchQueue(path()).run(launches(10, 2, 50), 1, trailing).latency.value() == microseconds(2 + 4 + 509));
    CHECK(LaunchQueue(path()).run(launches(10, 2, 50), 3, trailing).host.value() == microseconds(3 * 70));
}

TEST_CASE("a fraction of a pass adds its share of the steady state") {
    const auto at = [](double passes) { return run_passes(launches(10, 10, 2), path(), passes).latency.value(); };
    const double period = at(21) - at(20);
    CHECK(at(20.3) == doctest::Approx(at(20) + 0.3 * period));
    CHECK(at(2.5) == doctest::Approx((at(2) + at(3)) / 2));
    CHECK(at(0.5) == doctest::Approx(at(1) / 2));
    CHECK(at(0) == 0.0);
}

TEST_CASE("a host that waits for the GPU begins its work when all launches before are done") {
    std::vector<Launch> sequence = launches(10, 2, 50);
    sequence[5].waits = true;
    const Span span = run_passes(sequence, path(), 1);
    // Five kernels, then dispatch and start latency with nothing running, then the other five.
    CHECK(span.latency.value() == microseconds(2 + 4 + 5 * 50 + 4 * 1 + 2 + 4 + 5 * 50 + 4 * 1));
    CHECK(span.idle.value() == microseconds(2 * (2 + 4 + 4 * 1)));
}

TEST_CASE("a pass without kernels is host work only") {
    LaunchPath only_host = path();
    only_host.host_per_pass = Seconds(30 * us);
    only_host.graph = true;
    CHECK(run_passes({}, only_host, 4).latency.value() == microseconds(120));
    CHECK(run_passes({}, path(), 4).latency.value() == 0.0);
}

TEST_CASE("idle is latency less busy, and a slower host, gap or kernel never makes a run faster") {
    double previous = 0;
    for (const double host : {0.0, 1.0, 3.0, 4.0, 9.0, 30.0}) {
        CAPTURE(host);
        std::vector<Launch> sequence = launches(30, host, 4);
        for (std::size_t i = 0; i < sequence.size(); i += 7) sequence[i].device = Seconds(60 * us);
        const Span span = run_passes(sequence, path(), 3.5);
        CHECK(span.idle.value() == doctest::Approx((span.latency - span.busy).value()));
        CHECK(span.latency.value() >= previous);
        CHECK(run_passes(sequence, path(4, 2), 3.5).latency >= span.latency);
        CHECK(run_passes(sequence, path(9, 1), 3.5).latency >= span.latency);
        sequence[3].device *= 2.0;
        CHECK(run_passes(sequence, path(), 3.5).latency >= span.latency);
        previous = span.latency.value();
    }
}

TEST_CASE("a number of passes that is no number is refused") {
    CHECK_THROWS_AS((void)run_passes(launches(1, 1, 1), path(), -1), std::invalid_argument);
    CHECK_THROWS_AS((void)run_passes(launches(1, 1, 1), path(), std::numeric_limits<double>::quiet_NaN()),
                    std::invalid_argument);
}

}  // namespace
