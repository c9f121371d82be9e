#include "cupola/predict/explain.hpp"

#include "cupola/predict/kernel_table.hpp"

#include <algorithm>
#include <cmath>

namespace cupola {
namespace {

constexpr double largest_factor = 64;
constexpr double factor_tolerance = 1.01;

/// What serves the bound; kernel starts for `launch`.
Resource resource_of(Bound bound) {
    switch (bound) {
        case Bound::tensor: return Resource::matrix_units;
        case Bound::simt: return Resource::fp32_lanes;
        case Bound::mufu: return Resource::special_functions;
        case Bound::l2: return Resource::l2_bandwidth;
        case Bound::dram: return Resource::dram_bandwidth;
        case Bound::launch: return Resource::kernel_start;
    }
    return Resource::clock;
}

KernelCost price_with(const CostModel& model, const Kernel& kernel, Resource resource, double factor) {
    return model.price_on(with_more(model.gpu(), resource, factor), kernel);
}

/// By bisection of the factor's logarithm: more of the bounding resource only shortens its own term.
std::optional<BoundMove> bound_move(const CostModel& model, const Kernel& kernel, const KernelCost& cost) {
    const Resource resource = resource_of(cost.bound);
    const auto bound_at = [&](double factor) { return price_with(model, kernel, resource, factor).bound; };
    if (bound_at(largest_factor) == cost.bound) return std::nullopt;
    double low = 1, high = largest_factor;
    while (high / low > factor_tolerance) {
        const double middle = std::sqrt(low * high);
        (bound_at(middle) == cost.bound ? low : high) = middle;
    }
    const KernelCost there = price_with(model, kernel, resource, high);
    return BoundMove{resource, high, there.bound, there.time};
}

/// Collects the selected launches of one run.
class Explainer {
public:
    Explainer(const CostModel& model, const Stack& stack, const LaunchSelection& selection)
        : model_(model), stack_(stack), selection_(selection), table_(model) {}

    void run(const Stage& stage, const Pass& pass);
    [[nodiscard]] Explanation finish(const Workload& workload);

private:
    [[nodiscard]] bool selected(const Stage& stage, const Graph& graph, const Operator& op, const Kernel& kernel) const;
    void book(const Stage& stage, const Graph& graph, const Operator& op, std::uint32_t id, double count, Seconds host);
    void sum_up(Explanation& result) const;

    const CostModel& model_;
    const Stack& stack_;
    const LaunchSelection& selection_;
    KernelTable table_;
    std::vector<ExplainedKernel> kernels_;  ///< by index in `table_`
    Seconds run_busy_;
};

bool Explainer::selected(const Stage& stage, const Graph& graph, const Operator& op, const Kernel& kernel) const {
    if (!selection_.stage.empty() && stage.name != selection_.stage) return false;
    if (!selection_.kernel.empty() && kernel.label != selection_.kernel) return false;
    return selection_.module.empty() || is_within(graph.path(op.scope), selection_.module);
}

void Explainer::book(const Stage& stage, const Graph& graph, const Operator& op, std::uint32_t id, double count,
                     Seconds host) {
    ExplainedKernel& entry = kernels_[id];
    if (entry.launches == 0) {
        entry.stage = stage.name;
        entry.module = graph.path(op.scope);
        entry.operator_name = name_of(op.kind);
    }
    entry.launches += count;
    entry.host += host * count;
}

void Explainer::run(const Stage& stage, const Pass& pass) {
    if (pass.count <= 0) return;
    const KernelSequence sequence = lower(pass.graph, stack_, model_.gpu().architecture);
    std::vector<std::uint32_t> ids;
    for (const Kernel& kernel : sequence.kernels) ids.push_back(table_.index_of(kernel));
    kernels_.resize(table_.size());
    for (const KernelInstance& launch : sequence.launches) {
        const std::uint32_t id = ids[launch.kernel];
        const Operator& op = pass.graph.operators[launch.operator_index];
        run_busy_ += table_[id].cost.time * pass.count;
        if (selected(stage, pass.graph, op, table_[id].kernel)) {
            book(stage, pass.graph, op, id, pass.count, launch.host);
        }
    }
}

void Explainer::sum_up(Explanation& result) const {
    for (const ExplainedKernel& entry : result.kernels) {
        result.launches += entry.launches;
        result.busy += entry.total();
        result.host += entry.host;
        result.floor += entry.floor * entry.launches;
        result.flops += entry.cost.flops * entry.launches;
        result.dram_bytes += entry.cost.dram_bytes * entry.launches;
        result.busy_by_bound[static_cast<std::size_t>(entry.cost.bound)] += entry.total();
    }
    for (std::size_t i = 0; i < all_resources.size(); ++i) {
        const Gpu more = with_more(model_.gpu(), all_resources[i], 2);
        result.sensitivities[i].resource = all_resources[i];
        for (const ExplainedKernel& entry : result.kernels) {
            result.sensitivities[i].busy += model_.price_on(more, entry.kernel).time * entry.launches;
        }
    }
}

Explanation Explainer::finish(const Workload& workload) {
    Explanation result;
    result.workload = workload.name;
    result.gpu = model_.gpu().name;
    result.stack = stack_.name;
    result.selection = selection_;
    result.run_busy = run_busy_;
    for (std::uint32_t id = 0; id < kernels_.size(); ++id) {
        if (kernels_[id].launches <= 0) continue;
        ExplainedKernel& entry = result.kernels.emplace_back(std::move(kernels_[id]));
        entry.kernel = table_[id].kernel;
        entry.cost = table_[id].cost;
        entry.uncertainty = model_.uncertainty(entry.kernel, entry.cost.time);
        entry.floor = roofline_time(entry.kernel, entry.cost, model_.gpu());
        entry.move = bound_move(model_, entry.kernel, entry.cost);
    }
    std::stable_sort(result.kernels.begin(), result.kernels.end(),
                     [](const ExplainedKernel& a, const ExplainedKernel& b) { return a.total() > b.total(); });
    sum_up(result);
    return result;
}

}  // namespace

bool is_within(const std::string& path, const std::string& part) {
    for (std::size_t at = path.find(part); at != std::string::npos; at = path.find(part, at + 1)) {
        const std::size_t end = at + part.size();
        if ((at == 0 || path[at - 1] == '.') && (end == path.size() || path[end] == '.')) return true;
    }
    return false;
}

Seconds roofline_time(const Kernel& kernel, const KernelCost& cost, const Gpu& gpu) {
    const bool matrix = !std::holds_alternative<MemoryWork>(kernel.work);
    const FlopsPerSecond peak = peak_matrix_throughput(gpu, matrix ? kernel.type : DataType::fp32);
    return std::max(cost.flops / peak, cost.dram_bytes / achieved_dram_bandwidth(gpu));
}

Explanation explain(const Workload& workload, const CostModel& model, const Stack& stack,
                    const LaunchSelection& selection) {
    Explainer explainer(model, stack, selection);
    for (const Stage& stage : workload.stages) {
        for (const Pass& pass : stage.passes) explainer.run(stage, pass);
    }
    return explainer.finish(workload);
}

}  // namespace cupola
