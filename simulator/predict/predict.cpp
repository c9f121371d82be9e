#include "cupola/predict/kernel_table.hpp"
#include "cupola/predict/prediction.hpp"
#include "cupola/predict/transfer.hpp"

#include <algorithm>
#include <variant>

namespace cupola {
namespace {

/// Half of the 80 % interval of host time: what published launch averages of one framework differ between hosts
/// (13.5, 18.9 and 45 us; see launch.host_of in hwmodels/stacks).
constexpr double host_uncertainty = 0.35;

std::size_t index(Category category) { return static_cast<std::size_t>(category); }
std::size_t index(Bound bound) { return static_cast<std::size_t>(bound); }

void add(Span& sum, const Span& part) {
    sum.latency += part.latency;
    sum.busy += part.busy;
    sum.idle += part.idle;
    sum.host += part.host;
    sum.host_bound += part.host_bound;
}

LaunchPath launch_path(const Stack& stack, Architecture architecture) {
    const double host = stack.host_factor(architecture);
    LaunchPath path;
    path.start_latency = stack.start_latency;
    path.gap = stack.kernel_gap;
    path.sync = stack.sync * host;
    path.graph = stack.cuda_graphs;
    path.graph_launch = stack.graph_launch * host;
    path.syncs_per_pass = stack.syncs_per_pass;
    path.host_per_pass = stack.mode().host_per_pass * host;
    return path;
}

/// An operator that launches a kernel; its module path is built only for the kernels that are reported.
struct Place {
    const Stage* stage = nullptr;
    const Graph* graph = nullptr;
    std::uint32_t operator_index = 0;
};

/// How often one distinct kernel runs, and where most.
struct Use {
    double launches = 0;           ///< over the run
    double stage_launches = 0;     ///< over the stage at hand
    double most_in_one_stage = 0;  ///< over the stage of `place`
    Place stage_place, place;
};

/// The stages of one prediction in order; scratch space is kept from pass to pass.
class Predictor {
public:
    Predictor(const CostModel& model, const Stack& stack)
        : model_(model),
          gpu_(model.gpu()),
          stack_(stack),
          path_(launch_path(stack, gpu_.architecture)),
          table_(model) {}

    void run(const Stage& stage);
    [[nodiscard]] Prediction finish(const Workload& workload);

private:
    void run(const Stage& stage, const Pass& pass, LaunchQueue& queue, PredictedStage& result);
    void add_transfers(const Stage& stage, const Pass& pass, const Span& span, PredictedStage& result) const;
    void book(const KernelCost& cost, Category category, double launches, PredictedStage& stage);
    void close_stage(const PredictedStage& stage);
    [[nodiscard]] DataType matrix_type() const;
    [[nodiscard]] std::vector<PredictedKernel> kernels_by_time() const;

    const CostModel& model_;
    const Gpu& gpu_;
    const Stack& stack_;
    LaunchPath path_;
    KernelTable table_;
    std::vector<Use> uses_;  ///< by index in `table_`
    std::vector<PredictedStage> stages_;
    DataType type_ = DataType::fp16;  ///< of the longest stage so far
    Seconds longest_;

    std::vector<Launch> launches_;
    std::vector<std::uint32_t> ids_, counts_, examples_;  ///< by index in the pass's sequence
};

void Predictor::run(const Stage& stage) {
    PredictedStage result;
    result.name = stage.name;
    result.steps = stage.steps();
    LaunchPath path = path_;
    path.syncs_per_pass += stage.syncs;
    LaunchQueue queue(path);  // the host keeps its lead from pass to pass; each stage starts without one
    for (const Pass& pass : stage.passes) run(stage, pass, queue, result);
    if (result.steps > 0) result.launches_per_step /= result.steps;
    result.dispatch = result.span.host;
    close_stage(result);
    stages_.push_back(std::move(result));
}

void Predictor::run(const Stage& stage, const Pass& pass, LaunchQueue& queue, PredictedStage& result) {
    const KernelSequence sequence = lower(pass.graph, stack_, gpu_.architecture);
    ids_.clear();
    for (const Kernel& kernel : sequence.kernels) ids_.push_back(table_.index_of(kernel));
    uses_.resize(table_.size());
    counts_.assign(ids_.size(), 0);
    examples_.resize(ids_.size());

    launches_.clear();
    launches_.reserve(sequence.launches.size());
    for (const KernelInstance& instance : sequence.launches) {
        if (counts_[instance.kernel]++ == 0) examples_[instance.kernel] = instance.operator_index;
        launches_.push_back(
            {instance.host, table_[ids_[instance.kernel]].cost.time, !instance.captured, instance.waits});
    }
    const Span span = queue.run(launches_, pass.count, sequence.trailing_host);
    add(result.span, span);
    add_transfers(stage, pass, span, result);
    result.launches_per_step += static_cast<double>(launches_.size()) * pass.count;
    result.peak_activation_bytes = std::max(result.peak_activation_bytes, sequence.peak_activation_bytes);

    for (std::size_t i = 0; i < ids_.size(); ++i) {
        const double launches = counts_[i] * pass.count;
        const KernelTable::Entry& entry = table_[ids_[i]];
        book(entry.cost, entry.kernel.category, launches, result);
        Use& use = uses_[ids_[i]];
        if (use.stage_place.stage == nullptr) use.stage_place = {&stage, &pass.graph, examples_[i]};
        use.launches += launches;
        use.stage_launches += launches;
    }
}

/// The transfers of each step, and those of weights that the stack keeps outside.
void Predictor::add_transfers(const Stage& stage, const Pass& pass, const Span& span, PredictedStage& result) const {
    if (!(pass.count > 0)) return;
    const Seconds step = span.latency / pass.count;
    const auto wait = [&](std::span<const Transfer> transfers, double times) {
        const TransferTime time = transfer_time(transfers, gpu_, step);
        result.transfer += time.link * times;
        result.transfer_wait += time.waiting * times;
        result.span.idle += time.waiting * times;
        result.span.latency += time.waiting * times;
    };
    wait(pass.transfers, pass.count);
    const bool first = &pass == &stage.passes.front();
    wait(offloaded_weights(pass.graph, stack_, first), stack_.offload == WeightOffload::component ? 1 : pass.count);
}

void Predictor::book(const KernelCost& cost, Category category, double launches, PredictedStage& stage) {
    stage.busy_by_category[index(category)] += cost.time * launches;
    stage.busy_by_bound[index(cost.bound)] += cost.time * launches;
    stage.flops += cost.flops * launches;
    stage.dram_bytes += cost.dram_bytes * launches;
}

void Predictor::close_stage(const PredictedStage& stage) {
    if (stage.span.latency > longest_) {
        longest_ = stage.span.latency;
        type_ = matrix_type();
    }
    for (Use& use : uses_) {
        if (use.stage_launches > use.most_in_one_stage) {
            use.most_in_one_stage = use.stage_launches;
            use.place = use.stage_place;
        }
        use.stage_launches = 0;
        use.stage_place = {};
    }
}

/// The type of the matrix kernel that does most of the work of the stage at hand.
DataType Predictor::matrix_type() const {
    DataType type = type_;
    Flops most;
    for (std::uint32_t i = 0; i < uses_.size(); ++i) {
        const KernelTable::Entry& entry = table_[i];
        if (std::holds_alternative<MemoryWork>(entry.kernel.work)) continue;
        const Flops flops = entry.cost.flops * uses_[i].stage_launches;
        if (flops > most) {
            most = flops;
            type = entry.kernel.type;
        }
    }
    return type;
}

std::vector<PredictedKernel> Predictor::kernels_by_time() const {
    const auto total = [this](std::uint32_t i) { return table_[i].cost.time * uses_[i].launches; };
    std::vector<std::uint32_t> order(uses_.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return total(a) > total(b); });

    std::vector<PredictedKernel> kernels;
    kernels.reserve(order.size());
    for (const std::uint32_t i : order) {
        const Use& use = uses_[i];
        if (use.place.stage == nullptr) continue;  // only in passes of count 0
        const Operator& op = use.place.graph->operators[use.place.operator_index];
        const KernelTable::Entry& entry = table_[i];
        kernels.push_back({entry.kernel, entry.cost, use.launches, total(i),
                           model_.uncertainty(entry.kernel, entry.cost.time), use.place.stage->name,
                           use.place.graph->path(op.scope)});
    }
    return kernels;
}

/// The interval of the latency: kernels by their calibration, the GPU's idle time by what hosts differ.
Interval latency_interval(const std::vector<PredictedKernel>& kernels, Seconds idle) {
    IntervalSum sum;
    for (const PredictedKernel& kernel : kernels)
        sum.add(kernel_kind(kernel.kernel.work), kernel.total, kernel.uncertainty);
    sum.add_independent(idle, idle * host_uncertainty);
    return sum.interval();
}

std::vector<Basis> basis_of(const std::vector<PredictedKernel>& kernels, const CostModel& model) {
    std::array<Basis, all_kernel_kinds.size()> by_kind;
    for (const PredictedKernel& kernel : kernels) {
        Basis& basis = by_kind[index_of(kernel_kind(kernel.kernel.work))];
        basis.time += kernel.total;
        if (kernel.uncertainty.extrapolated) basis.extrapolated += kernel.total;
    }
    std::vector<Basis> result;
    for (const KernelKind kind : all_kernel_kinds) {
        Basis& basis = by_kind[index_of(kind)];
        if (basis.time <= Seconds(0)) continue;
        basis.kind = kind;
        if (model.is_roofline(kind)) basis.library = roofline_library;
        if (const LibraryCalibration* library = model.library(kind)) {
            basis.library = library->name;
            for (const UsedData& data : library->data) basis.data.push_back(data.name);
        }
        result.push_back(std::move(basis));
    }
    return result;
}

/// Weights in the GPU's memory at a time: all, the largest network's, or the largest layer's.
Bytes resident_weights(const Workload& workload, WeightOffload offload) {
    double sum = 0, network = 0, layer = 0;
    for (const Component& component : workload.components) {
        sum += component.weight_bytes;
        network = std::max(network, component.weight_bytes);
    }
    for (const Stage& stage : workload.stages) {
        for (const Pass& pass : stage.passes) layer = std::max(layer, largest_weight(pass.graph).value());
    }
    switch (offload) {
        case WeightOffload::none: return Bytes(sum);
        case WeightOffload::component: return Bytes(network);
        case WeightOffload::sequential: return Bytes(layer);
    }
    return Bytes(sum);
}

Prediction Predictor::finish(const Workload& workload) {
    Prediction result;
    result.workload = workload.name;
    result.gpu = gpu_.name;
    result.stack = stack_.name;
    result.parameters = workload.parameters;
    result.type = type_;
    result.lacks_units =
        type_ == DataType::bf16 && tensor_rate(gpu_, type_) <= 0 && tensor_rate(gpu_, DataType::fp16) > 0;
    result.ridge = ridge_point(gpu_, type_);
    result.dram_capacity = gpu_.dram_capacity;
    for (const Component& component : workload.components) result.weight_bytes += Bytes(component.weight_bytes);
    Bytes activations;
    for (const PredictedStage& stage : stages_) {
        add(result.span, stage.span);
        for (std::size_t i = 0; i < result.busy_by_category.size(); ++i) {
            result.busy_by_category[i] += stage.busy_by_category[i];
        }
        for (std::size_t i = 0; i < result.busy_by_bound.size(); ++i) result.busy_by_bound[i] += stage.busy_by_bound[i];
        result.transfer += stage.transfer;
        result.transfer_wait += stage.transfer_wait;
        result.flops += stage.flops;
        result.dram_bytes += stage.dram_bytes;
        activations = std::max(activations, stage.peak_activation_bytes);
    }
    result.peak_memory_bytes = resident_weights(workload, stack_.offload) + activations + stack_.runtime_memory;
    result.kernels = kernels_by_time();
    result.interval = latency_interval(result.kernels, result.span.idle - result.transfer_wait);
    result.basis = basis_of(result.kernels, model_);
    result.calibrated_on = model_.calibration().date;
    result.stages = std::move(stages_);
    return result;
}

}  // namespace

Prediction predict(const Workload& workload, const Gpu& gpu, const Stack& stack) {
    return predict(workload, CostModel(gpu), stack);
}

Prediction predict(const Workload& workload, const CostModel& model, const Stack& stack) {
    Predictor predictor(model, stack);
    for (const Stage& stage : workload.stages) predictor.run(stage);
    return predictor.finish(workload);
}

}  // namespace cupola
