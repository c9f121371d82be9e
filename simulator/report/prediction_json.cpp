#include "cupola/predict/idle.hpp"
#include "cupola/report/json.hpp"
#include "cupola/report/report.hpp"

namespace cupola {
namespace {

json seconds_json(Seconds time) { return time.value(); }
json bytes_json(Bytes bytes) { return whole_json(bytes.value()); }

template <typename Keys>
json times_json(const Keys& keys, const std::array<Seconds, std::tuple_size_v<Keys>>& times) {
    json result = json::object();
    for (std::size_t i = 0; i < times.size(); ++i) result[std::string(name_of(keys[i]))] = seconds_json(times[i]);
    return result;
}

/// FLOP per byte of DRAM traffic; null without any.
json intensity_json(Flops flops, Bytes dram_bytes) {
    if (dram_bytes <= Bytes(0)) return nullptr;
    return (flops / dram_bytes).value();
}

json stage_json(const PredictedStage& stage) {
    return {{"name", stage.name},
            {"steps", number_json(stage.steps)},
            {"latency_s", seconds_json(stage.span.latency)},
            {"gpu_busy_s", seconds_json(stage.span.busy)},
            {"gpu_idle_s", seconds_json(stage.span.idle)},
            {"host_s", seconds_json(stage.dispatch)},
            {"host_paced_s", seconds_json(stage.span.host_bound)},
            {"transfer_s", seconds_json(stage.transfer)},
            {"transfer_wait_s", seconds_json(stage.transfer_wait)},
            {"host_bound", stage.host_bound()},
            {"launches_per_step", number_json(stage.launches_per_step)},
            {"flops", whole_json(stage.flops.value())},
            {"dram_bytes", bytes_json(stage.dram_bytes)},
            {"peak_activation_bytes", bytes_json(stage.peak_activation_bytes)},
            {"by_category", times_json(all_categories, stage.busy_by_category)},
            {"by_bound", times_json(all_bounds, stage.busy_by_bound)}};
}

json kernel_json(const PredictedKernel& kernel) {
    const KernelCost& cost = kernel.cost;
    json bounds = json::object();
    for (const Bound bound : all_bounds) bounds[std::string(name_of(bound))] = seconds_json(cost.of(bound));
    return {{"label", kernel.kernel.label},
            {"category", name_of(kernel.kernel.category)},
            {"type", name_of(kernel.kernel.type)},
            {"work", work_json(kernel.kernel.work)},
            {"stage", kernel.stage},
            {"example", kernel.example},
            {"launches", number_json(kernel.launches)},
            {"total_s", seconds_json(kernel.total)},
            {"time_s", seconds_json(cost.time)},
            {"interval_s",
             {seconds_json(cost.time * kernel.uncertainty.low), seconds_json(cost.time * kernel.uncertainty.high)}},
            {"extrapolated", kernel.uncertainty.extrapolated},
            {"uncalibrated", kernel.uncertainty.uncalibrated},
            {"bound", name_of(cost.bound)},
            {"bounds_s", std::move(bounds)},
            {"bytes",
             {{"compulsory", bytes_json(compulsory_bytes(kernel.kernel))},
              {"l2", bytes_json(cost.l2_bytes)},
              {"dram", bytes_json(cost.dram_bytes)}}},
            {"flops", whole_json(cost.flops.value())},
            {"arithmetic_intensity", intensity_json(cost.flops, cost.dram_bytes)}};
}

/// The batch from which the GPU idles little; null where nobody asked, its `batch` null where none was found.
json idle_end_json(const Prediction& prediction) {
    if (!prediction.idle_end) return nullptr;
    const IdleEnd& end = *prediction.idle_end;
    return {{"share", small_idle_share},
            {"batch", end.found ? json(end.batch) : json(nullptr)},
            {"largest_tried", end.found ? json(nullptr) : json(end.batch)}};
}

json basis_json(const Basis& basis) {
    return {{"kind", name_of(basis.kind)},
            {"time_s", seconds_json(basis.time)},
            {"library", basis.library.empty() ? json(nullptr) : json(basis.library)},
            {"data", basis.data},
            {"uncalibrated", basis.library.empty()},
            {"extrapolated_s", seconds_json(basis.extrapolated)}};
}

}  // namespace

std::string prediction_json(const Prediction& prediction) {
    json stages = json::array(), kernels = json::array(), basis = json::array();
    for (const Basis& part : prediction.basis) basis.push_back(basis_json(part));
    for (const PredictedStage& stage : prediction.stages) stages.push_back(stage_json(stage));
    for (const PredictedKernel& kernel : prediction.kernels) kernels.push_back(kernel_json(kernel));
    const json document{
        {"workload", prediction.workload},
        {"gpu", prediction.gpu},
        {"stack", prediction.stack},
        {"parameters", parameters_json(prediction.parameters)},
        {"type", name_of(prediction.type)},
        {"latency_s", seconds_json(prediction.span.latency)},
        {"interval_s", {seconds_json(prediction.interval.low), seconds_json(prediction.interval.high)}},
        {"basis", std::move(basis)},
        {"calibrated_on", prediction.calibrated_on.empty() ? json(nullptr) : json(prediction.calibrated_on)},
        {"gpu_busy_s", seconds_json(prediction.span.busy)},
        {"gpu_idle_s", seconds_json(prediction.span.idle)},
        {"host_s", seconds_json(prediction.span.host)},
        {"host_paced_s", seconds_json(prediction.span.host_bound)},
        {"transfer_s", seconds_json(prediction.transfer)},
        {"transfer_wait_s", seconds_json(prediction.transfer_wait)},
        {"idle_end", idle_end_json(prediction)},
        {"flops", whole_json(prediction.flops.value())},
        {"dram_bytes", bytes_json(prediction.dram_bytes)},
        {"arithmetic_intensity", intensity_json(prediction.flops, prediction.dram_bytes)},
        {"ridge_point", number_json(prediction.ridge.value())},
        {"peak_memory_bytes", bytes_json(prediction.peak_memory_bytes)},
        {"weight_bytes", bytes_json(prediction.weight_bytes)},
        {"dram_capacity_bytes", bytes_json(prediction.dram_capacity)},
        {"fits_memory", prediction.fits_memory()},
        {"lacks_matrix_instructions", prediction.lacks_units},
        {"stages", std::move(stages)},
        {"by_category", times_json(all_categories, prediction.busy_by_category)},
        {"by_bound", times_json(all_bounds, prediction.busy_by_bound)},
        {"kernels", std::move(kernels)}};
    return document.dump(2) + "\n";
}

}  // namespace cupola
