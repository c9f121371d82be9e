#include "cupola/stack/lowering.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cupola {

namespace {

/// Below this run a permuting copy falls into sectors that it does not use in full, and PyTorch's index arithmetic
/// rather than the traffic sets the pace.
constexpr double coalesced_run_bytes = 128;

bool is_number(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool has_tf32(Architecture architecture) {
    switch (architecture) {
        case Architecture::volta:
        case Architecture::turing: return false;
        case Architecture::ampere:
        case Architecture::ampere_consumer:
        case Architecture::ada:
        case Architecture::hopper:
        case Architecture::blackwell: return true;
    }
    return false;
}

}  // namespace

Lowering::Lowering(const Graph& graph_, const Stack& stack_, Architecture architecture_)
    : graph(graph_),
      stack(stack_),
      architecture(architecture_),
      recorder(3 * graph_.operators.size()),
      host_factor_(stack_.host_factor(architecture_)),
      states_(graph_.values.size()),
      weights_(graph_.weights.size(), no_id) {
    for (std::size_t i = 0; i < states_.size(); ++i) {
        const Value& value = graph.values[i];
        ValueState& state = states_[i];
        state.elements = static_cast<double>(value.shape.elements());
        state.bytes = bytes_of(state.elements, value.type);
        if (value.producer != no_id) continue;
        state.layout = contiguous_layout(value.shape);
        state.storage =
            recorder.add_storage(state.bytes, value.persistent ? Lifetime::persistent : Lifetime::pass_input);
    }
}

void Lowering::set_operator(std::uint32_t index) {
    operator_index_ = index;
    operator_ = &graph.operators[index];
    const Seconds module_call = mode().dispatch.module_call;
    if (module_call > Seconds(0)) charge(module_call * modules_entered());
}

/// Scopes stand for modules, but for indices of lists ("0"), the lists themselves, and the operator's own scope where
/// it is a function: without parameters and no activation.
int Lowering::modules_entered() {
    std::vector<std::uint32_t> path;
    for (std::uint32_t scope = operator_->scope; scope != no_id; scope = graph.scopes[scope].parent) {
        path.push_back(scope);
    }
    std::reverse(path.begin(), path.end());
    const auto is_index = [&](std::uint32_t scope) { return is_number(graph.scopes[scope].name); };
    const bool function = operator_->weight == no_id && !std::holds_alternative<Activation>(operator_->kind);
    int entered = 0;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (i < open_scopes_.size() && open_scopes_[i] == path[i]) continue;
        const bool leaf = i + 1 == path.size();
        const bool list = !leaf && is_index(path[i + 1]);
        if (!is_index(path[i]) && !list && !(leaf && function)) ++entered;
    }
    open_scopes_ = std::move(path);
    return entered;
}

Tensor Lowering::create(ValueId value, const Layout& layout) {
    ValueState& state = states_[value];
    state.layout = layout;
    state.storage =
        recorder.add_storage(state.bytes, graph.values[value].persistent ? Lifetime::persistent : Lifetime::activation);
    return {state.storage, state.bytes};
}

void Lowering::alias(ValueId value, ValueId source, const Layout& layout) {
    states_[value].layout = layout;
    states_[value].storage = states_[source].storage;
}

Tensor Lowering::weight(double elements) {
    if (operator_->weight == no_id) {
        const double bytes = bytes_of(elements, type(operator_->output));
        return {recorder.add_storage(bytes, Lifetime::weight), bytes};
    }
    const Weight& parameters = graph.weights[operator_->weight];
    StorageId& storage = weights_[operator_->weight];
    if (storage == no_id) {
        storage = recorder.add_storage(memory_bytes(parameters), Lifetime::weight);
    }
    return {storage, bytes_of(elements, parameters.type)};
}

std::optional<Tensor> Lowering::narrow(StorageId source) const {
    const auto found = narrow_.find(source);
    return found == narrow_.end() ? std::nullopt : std::optional(found->second);
}

DataType Lowering::math_type(DataType type, bool tf32) const {
    return type == DataType::fp32 && tf32 && has_tf32(architecture) ? DataType::tf32 : type;
}

void Lowering::begin_memory(std::string_view label, Category category, DataType type, Pattern pattern, double elements,
                            PointwiseWork work, std::int64_t rows) {
    recorder.begin(label, category, type,
                   MemoryWork{pattern, static_cast<std::int64_t>(elements), rows, work.flops, work.mufu, work.clocks,
                              work.row_clocks, work.row_threads});
}

void Lowering::launch(Seconds host, std::uint32_t operator_index) {
    recorder.launch(operator_index, host_factor_ * (pending_ + host_cost(host)), captured(), waits_);
    pending_ = Seconds{};
    waits_ = false;
}

Seconds Lowering::plan_time(const Convolution& convolution) {
    if (!graph.new_shapes || std::find(planned_.begin(), planned_.end(), convolution) != planned_.end()) return {};
    planned_.push_back(convolution);
    return mode().dispatch.convolution_plan;
}

void Lowering::read_in_order(ValueId value, const Layout& order) {
    const Layout& own = layout(value);
    const bool same = own.order == order.order && own.count == order.count;
    const double run = same ? 0 : bytes_of(static_cast<double>(common_run(shape(value), own, order)), type(value));
    read(tensor(value), run);
}

Tensor Lowering::contiguous(ValueId value, std::string_view label) {
    if (is_contiguous(layout(value))) return tensor(value);
    const Tensor target = temporary(states_[value].bytes);
    copy(value, target, contiguous_layout(shape(value)), label);
    return target;
}

void Lowering::copy(ValueId value, Tensor target, const Layout& to, std::string_view label) {
    const double run = bytes_of(static_cast<double>(common_run(shape(value), layout(value), to)), type(value));
    const bool dense = run >= tensor(value).bytes;
    const Pattern pattern = run >= coalesced_run_bytes || dense ? Pattern::streaming : Pattern::strided_copy;
    begin_memory(label, Category::data_movement, type(value), pattern, elements(value), indexed({0, 0}));
    read(tensor(value), dense ? 0 : run);
    write(target);
    launch(mode().dispatch.copy);
}

}  // namespace cupola
