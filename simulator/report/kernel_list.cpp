#include "cupola/report/describe.hpp"
#include "cupola/report/json.hpp"
#include "cupola/report/report.hpp"

#include <fmt/format.h>

#include <iterator>

namespace cupola {
namespace {

/// Calls `visit(pass, index, instance, kernel, op)` for every launch of every pass in order.
template <typename Visit>
void each_launch(const std::vector<LoweredPass>& passes, const Visit& visit) {
    for (const LoweredPass& lowered : passes) {
        const Graph& graph = lowered.pass.graph();
        for (std::size_t i = 0; i < lowered.sequence.launches.size(); ++i) {
            const KernelInstance& instance = lowered.sequence.launches[i];
            visit(lowered.pass, i, instance, lowered.sequence.kernels[instance.kernel],
                  graph.operators[instance.operator_index]);
        }
    }
}

}  // namespace

std::string kernels_text(const std::vector<LoweredPass>& passes) {
    std::string text =
        "stage\tpass\tindex\tmodule\toperator\toperator_index\tkernel\tcategory\ttype\tsizes\tbytes\thost_us\n";
    each_launch(passes, [&](const PassReference& pass, std::size_t i, const KernelInstance& instance,
                            const Kernel& kernel, const Operator& op) {
        fmt::format_to(std::back_inserter(text), "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:.0f}\t{:.2f}\n",
                       pass.stage->name, pass.pass, i, pass.graph().path(op.scope), name_of(op.kind),
                       instance.operator_index, kernel.label, name_of(kernel.category), name_of(kernel.type),
                       sizes_text(kernel.work), compulsory_bytes(kernel).value(), instance.host.value() * 1e6);
    });
    return text;
}

std::string kernels_json(const std::vector<LoweredPass>& passes) {
    json list = json::array();
    each_launch(passes, [&](const PassReference& pass, std::size_t i, const KernelInstance& instance,
                            const Kernel& kernel, const Operator& op) {
        list.push_back({{"stage", pass.stage->name},
                        {"pass", pass.pass},
                        {"index", i},
                        {"module", pass.graph().path(op.scope)},
                        {"operator", name_of(op.kind)},
                        {"operator_index", instance.operator_index},
                        {"kernel", kernel.label},
                        {"category", name_of(kernel.category)},
                        {"type", name_of(kernel.type)},
                        {"work", work_json(kernel.work)},
                        {"bytes", whole_json(compulsory_bytes(kernel).value())},
                        {"host_s", instance.host.value()}});
    });
    return list.dump(2) + "\n";
}

}  // namespace cupola
