#include "cupola/predict/transfer.hpp"
#include "cupola/predict/idle.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace cupola;

namespace {

Gpu with_links(bool nvlink) {
    Gpu gpu;
    gpu.pcie_bandwidth = BytesPerSecond(25e9);
    if (nvlink) gpu.nvlink_bandwidth = BytesPerSecond(600e9);
    return gpu;
}

Graph with_weights(const std::vector<std::int64_t>& parameters) {
    Graph graph;
    for (const std::int64_t count : parameters) graph.weights.push_back({graph.weights.size(), count, DataType::fp16});
    return graph;
}

}  // namespace

TEST_CASE("a peer copy takes one direction of NVLink, or the host link where there is none") {
    CHECK(link_bandwidth(with_links(true), Transfer::Link::host).value() == 25e9);
    CHECK(link_bandwidth(with_links(true), Transfer::Link::peer).value() == doctest::Approx(240e9));
    CHECK(link_bandwidth(with_links(false), Transfer::Link::peer).value() == 25e9);
}

TEST_CASE("the GPU waits for what crosses first, and for what outlasts the step") {
    const Gpu gpu = with_links(false);
    const std::vector<Transfer> first{{Transfer::Link::host, 50e9, false}};
    const std::vector<Transfer> beside{{Transfer::Link::host, 50e9, true}};
    CHECK(transfer_time(first, gpu, Seconds(10)).waiting.value() == doctest::Approx(2));
    CHECK(transfer_time(beside, gpu, Seconds(10)).waiting.value() == 0);
    CHECK(transfer_time(beside, gpu, Seconds(0.5)).waiting.value() == doctest::Approx(1.5));
    CHECK(transfer_time(beside, gpu, Seconds(10)).link.value() == doctest::Approx(2));
    CHECK(transfer_time({}, gpu, Seconds(1)).link.value() == 0);
}

TEST_CASE("offloaded weights cross once a stage or in every step, slower from pageable memory") {
    const Graph graph = with_weights({100, 300});
    Stack stack;
    CHECK(offloaded_weights(graph, stack, true).empty());
    stack.offload = WeightOffload::component;
    REQUIRE(offloaded_weights(graph, stack, true).size() == 1);
    CHECK(offloaded_weights(graph, stack, true)[0].bytes == 800);
    CHECK(offloaded_weights(graph, stack, false).empty());
    stack.offload = WeightOffload::sequential;
    stack.offload_link_share = 0.5;
    stack.offload_overlapped = true;
    REQUIRE(offloaded_weights(graph, stack, false).size() == 1);
    CHECK(offloaded_weights(graph, stack, false)[0].bytes == 1600);
    CHECK(offloaded_weights(graph, stack, false)[0].overlapped);
    CHECK(largest_weight(graph).value() == 600);
}

TEST_CASE("the batch from which a GPU idles little is found to an eighth, or said not to exist") {
    int predictions = 0;
    const auto idling_below = [&](std::int64_t needed) {
        return [&predictions, needed](std::int64_t batch) {
            ++predictions;
            Prediction prediction;
            prediction.span.latency = Seconds(1);
            prediction.span.idle = Seconds(batch >= needed ? 0.01 : 0.5);
            return prediction;
        };
    };
    for (const std::int64_t needed : {2, 3, 7, 100, 1000}) {
        CAPTURE(needed);
        predictions = 0;
        const IdleEnd end = find_idle_end(idling_below(needed), 1);
        CHECK(end.found);
        CHECK(end.batch >= needed);
        CHECK(end.batch <= needed + needed / 8 + 1);
        CHECK(predictions <= 14);
    }
    const IdleEnd none = find_idle_end(idling_below(5000), 1);
    CHECK_FALSE(none.found);
    CHECK(none.batch == 1024);
    CHECK_FALSE(find_idle_end(idling_below(1), 2000).found);
}

TEST_CASE("waiting for transfers is not waiting for the host") {
    Prediction prediction;
    CHECK(idle_share(prediction) == 0);
    prediction.span.latency = Seconds(10);
    prediction.span.idle = Seconds(6);
    prediction.transfer_wait = Seconds(5);
    CHECK(idle_share(prediction) == doctest::Approx(0.1));
}
