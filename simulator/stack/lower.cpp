#include "cupola/stack/fusion.hpp"
#include "cupola/stack/lower_kind.hpp"
#include "cupola/stack/stack.hpp"

namespace cupola {

KernelSequence lower(const Graph& graph, const Stack& stack, Architecture architecture) {
    Lowering lowering(graph, stack, architecture);
    const auto count = static_cast<std::uint32_t>(graph.operators.size());
    if (stack.compiled) {
        Fusion fusion(lowering);
        for (std::uint32_t i = 0; i < count; ++i) {
            if (i > 0 && graph.operators[i].limit != lowering.op().limit) fusion.finish();
            lowering.set_operator(i);
            fusion.lower_current();
        }
        fusion.finish();
    } else {
        for (std::uint32_t i = 0; i < count; ++i) {
            lowering.set_operator(i);
            std::visit([&lowering](const auto& kind) { lower_kind(lowering, kind); }, lowering.op().kind);
        }
    }
    for (const ValueId output : graph.outputs) {
        const StorageId storage = lowering.tensor(output).storage;
        if (storage != no_id) lowering.recorder.keep(storage);
    }
    KernelSequence sequence = lowering.recorder.finish();
    sequence.trailing_host = lowering.trailing_host();
    return sequence;
}

}  // namespace cupola
