#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/quantise.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

namespace cupola {
namespace {

const std::vector<std::string> type_names{"int8", "fp8"};
constexpr std::array<DataType, 2> types{DataType::int8, DataType::fp8};

/// A component and the type its convolutions multiply.
using Types = std::map<std::string, DataType>;

std::map<std::string, double> convolution_macs(const Workload& workload) {
    std::map<std::string, double> macs;
    for (const Stage& stage : workload.stages) {
        for (const Pass& pass : stage.passes) {
            macs[stage.component] += pass.count * count_macs(pass.graph).conv;
        }
    }
    return macs;
}

Types chosen_types(const LeverContext& context, std::string_view lever, const LeverValue& value) {
    const std::map<std::string, double> macs = convolution_macs(context.workload);
    const auto most =
        std::max_element(macs.begin(), macs.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == macs.end() || most->second <= 0) {
        does_not_apply(lever, "no convolutions in " + context.workload_name, "a model that has some");
    }
    if (value.text().find(':') == std::string::npos) return {{most->first, types[value.one_of(type_names)]}};
    std::vector<std::string> names;
    for (const auto& [name, work] : macs) names.push_back(name);
    value.allow_only(names);
    Types chosen;
    for (const std::string& name : names) {
        if (const auto type = value.field(name)) chosen[name] = types[type->one_of(type_names)];
    }
    return chosen;
}

/// Where TensorRT has kernels: 16 one-byte channels are a vector load, and groups and transposed ones have none (its
/// support matrix; NVIDIA/TensorRT#4560).
bool has_kernel(const Convolution& convolution) {
    constexpr std::int64_t vector = 16;
    return convolution.groups == 1 && !convolution.transposed && convolution.in_channels % vector == 0 &&
           convolution.out_channels % vector == 0;
}

/// What NVIDIA's calibration of diffusion models leaves at the tensors' type, by the name of the module: the first and
/// the last convolution and the shortcuts of ResNet blocks (TensorRT-Model-Optimizer, diffusers' filter_func; the same
/// in MLPerf Inference's submissions).
bool is_left_out(const Graph& graph, const Operator& op) {
    static const std::set<std::string, std::less<>> modules{"conv_in", "conv_out", "conv_shortcut"};
    return op.scope != no_id && modules.contains(graph.scopes[op.scope].name);
}

/// Quantises one pass; bytes of parameters that it saves, by key.
void quantise_graph(Graph& graph, DataType product, std::unordered_map<std::uint64_t, double>& saved) {
    for (Operator& op : graph.operators) {
        auto* convolution = std::get_if<Convolution>(&op.kind);
        if (convolution == nullptr || op.weight == no_id || !has_kernel(*convolution)) continue;
        if (is_left_out(graph, op)) continue;
        convolution->product = product;
        Weight& weight = graph.weights[op.weight];
        const double before = memory_bytes(weight);
        weight.quantised_bytes = parameter_bytes(*convolution, graph.output(op).type);
        saved.try_emplace(weight.key, before - weight.quantised_bytes);
    }
}

}  // namespace

void quantise_convolutions(LeverContext& context, std::string_view lever, const LeverValue& value) {
    for (const auto& [part, type] : chosen_types(context, lever, value)) {
        const std::vector<DataType>& known = context.stack.convolution_products;
        const std::string name(name_of(type));
        if (std::find(known.begin(), known.end(), type) == known.end()) {
            does_not_apply(lever, "stack " + context.stack.name + ", whose convolutions do not multiply " + name,
                           "a stack with such kernels (convolution_products in its file)", "for example tensorrt");
        }
        require_products(context, lever, type);
        std::unordered_map<std::uint64_t, double> saved;
        for (Stage& stage : context.workload.stages) {
            if (stage.component != part) continue;
            for (Pass& pass : stage.passes) quantise_graph(pass.graph, type, saved);
        }
        if (saved.empty()) {
            does_not_apply(lever, "no convolution of 16 channels or more to quantise in " + part,
                           "a component that has some");
        }
        for (Component& component : context.workload.components) {
            if (component.name != part) continue;
            for (const auto& [key, bytes] : saved) component.weight_bytes -= bytes;
        }
    }
}

}  // namespace cupola
