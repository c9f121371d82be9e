#include <algorithm>

#include "probe/device/graph.hpp"
#include "probe/sections/memory.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

Row measure_pair(const Case& pair, Session& session) {
    const std::int64_t count = pair.integer("bytes") / 16 * 4;
    const std::int64_t between = std::max<std::int64_t>(pair.integer("between") / 2 / 16 * 4, 0);
    const Tensor source(Type::fp32, count, 1, 1);
    Tensor product(Type::fp32, count, 2, 1);
    Tensor consumed(Type::fp32, count, 3, 1);
    const Tensor other(Type::fp32, std::max<std::int64_t>(between, 4), 4, 1);
    Tensor other_out(Type::fp32, std::max<std::int64_t>(between, 4), 5, 1);
    const Gpu& gpu = session.gpu();
    const Enqueue produce = copy_launch(product, source, gpu);
    const Enqueue disturb = copy_launch(other_out, other, gpu);
    const Enqueue consume = copy_launch(consumed, product, gpu);
    Timer& timer = session.timer();
    // the consumer's time: the chain with it less the chain without
    const auto chain = [&](bool with_consumer) {
        return [&, with_consumer](cudaStream_t stream) {
            for (int i = 0; i < 8; ++i) {
                produce(stream);
                if (between > 0) disturb(stream);
                if (with_consumer) consume(stream);
            }
        };
    };
    const Graph with_consumer(chain(true));
    const Graph without_consumer(chain(false));
    Timing all = timer.whole([&](cudaStream_t stream) { with_consumer.launch(stream); }, 8, "graph");
    const Timing rest = timer.whole([&](cudaStream_t stream) { without_consumer.launch(stream); }, 8, "graph");
    Row row = session.row_of(pair);
    row.set("provider", "own");
    row.set("variant", "chain with the consumer less the chain without");
    all.seconds.median = std::max(all.seconds.median - rest.seconds.median, 1e-9);
    all.seconds.minimum = std::max(all.seconds.minimum - rest.seconds.minimum, 1e-9);
    all.seconds.p90 = std::max(all.seconds.p90 - rest.seconds.p90, 1e-9);
    add_timing(row, all, 2.0 * static_cast<double>(product.bytes()), 0);
    return row;
}

Row measure_sequence(const Case& sequence, Session& session) {
    const auto chain = static_cast<int>(sequence.integer("chain"));
    const std::int64_t count = sequence.integer("bytes") / 16 * 4;
    Tensor first(Type::fp32, count, 1, 1);
    Tensor second(Type::fp32, count, 2, 1);
    const Enqueue there = copy_launch(second, first, session.gpu());
    const Enqueue back = copy_launch(first, second, session.gpu());
    const Enqueue all = [&](cudaStream_t stream) {
        for (int i = 0; i < chain; ++i) (i % 2 == 0 ? there : back)(stream);
    };
    Row row = session.row_of(sequence);
    row.set("provider", "own");
    const double bytes = 2.0 * static_cast<double>(first.bytes());
    if (sequence.word("mode") == "graph") {
        const Graph graph(all);
        add_timing(row, session.timer().whole([&](cudaStream_t stream) { graph.launch(stream); }, chain, "graph"),
                   bytes, 0);
    } else {
        add_timing(row, session.timer().whole(all, chain, "event"), bytes, 0);
    }
    return row;
}

}  // namespace cupola::probe
