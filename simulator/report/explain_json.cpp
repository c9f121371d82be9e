#include "cupola/report/explain.hpp"
#include "cupola/report/json.hpp"

namespace cupola {
namespace {

json move_json(const std::optional<BoundMove>& move) {
    if (!move) return nullptr;
    return {{"resource", name_of(move->resource)},
            {"factor", move->factor},
            {"bound", name_of(move->next)},
            {"time_s", move->time.value()}};
}

json kernel_json(const ExplainedKernel& kernel) {
    const KernelCost& cost = kernel.cost;
    json terms = json::object();
    for (const Bound bound : all_bounds) terms[std::string(name_of(bound))] = cost.of(bound).value();
    return {
        {"label", kernel.kernel.label},
        {"type", name_of(kernel.kernel.type)},
        {"work", work_json(kernel.kernel.work)},
        {"stage", kernel.stage},
        {"module", kernel.module},
        {"operator", kernel.operator_name},
        {"launches", number_json(kernel.launches)},
        {"time_s", cost.time.value()},
        {"interval_s", {(cost.time * kernel.uncertainty.low).value(), (cost.time * kernel.uncertainty.high).value()}},
        {"total_s", kernel.total().value()},
        {"host_s", kernel.host.value()},
        {"roofline_s", kernel.floor.value()},
        {"bound", name_of(cost.bound)},
        {"terms_s", std::move(terms)},
        {"bytes",
         {{"compulsory", whole_json(compulsory_bytes(kernel.kernel).value())},
          {"l2", whole_json(cost.l2_bytes.value())},
          {"dram", whole_json(cost.dram_bytes.value())}}},
        {"flops", whole_json(cost.flops.value())},
        {"bound_moves", move_json(kernel.move)}};
}

}  // namespace

std::string explanation_json(const Explanation& e) {
    json kernels = json::array(), by_bound = json::object(), twice = json::object();
    for (const ExplainedKernel& kernel : e.kernels) kernels.push_back(kernel_json(kernel));
    for (std::size_t i = 0; i < all_bounds.size(); ++i) {
        by_bound[std::string(name_of(all_bounds[i]))] = e.busy_by_bound[i].value();
    }
    for (const Sensitivity& row : e.sensitivities) twice[std::string(name_of(row.resource))] = row.busy.value();
    return json{{"workload", e.workload},
                {"gpu", e.gpu},
                {"stack", e.stack},
                {"selection",
                 {{"stage", e.selection.stage}, {"module", e.selection.module}, {"kernel", e.selection.kernel}}},
                {"launches", number_json(e.launches)},
                {"gpu_busy_s", e.busy.value()},
                {"run_busy_s", e.run_busy.value()},
                {"host_s", e.host.value()},
                {"roofline_s", e.floor.value()},
                {"flops", whole_json(e.flops.value())},
                {"dram_bytes", whole_json(e.dram_bytes.value())},
                {"by_bound", std::move(by_bound)},
                {"with_twice", std::move(twice)},
                {"kernels", std::move(kernels)}}
               .dump(2) +
           "\n";
}

}  // namespace cupola
