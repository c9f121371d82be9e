#include "cupola/lever/quantise.hpp"

#include "cupola/lever/lever_value.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace cupola {
namespace {

/// Linear layers that stay as they are: by [in, out], and by the name of their module.
struct Excepted {
    std::set<std::pair<std::int64_t, std::int64_t>> sizes;
    std::set<std::string, std::less<>> modules;
};

double linear_macs(const Stage& stage) {
    double macs = 0;
    for (const Pass& pass : stage.passes) macs += pass.count * count_macs(pass.graph).linear;
    return macs;
}

/// The component that the value names, or the one whose linear layers work most.
std::string chosen_part(const LeverContext& context, std::string_view lever, const LeverValue& value) {
    std::map<std::string, double> macs;
    for (const Stage& stage : context.workload.stages) macs[stage.component] += linear_macs(stage);
    if (const auto part = value.field("part")) {
        std::vector<std::string> names;
        for (const auto& [name, work] : macs) names.push_back(name);
        (void)part->one_of(names);
        return part->text();
    }
    const auto most =
        std::max_element(macs.begin(), macs.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == macs.end() || most->second <= 0) {
        does_not_apply(lever, "no linear layers in " + context.workload_name, "a model that has some");
    }
    return most->first;
}

/// Names of the modules that linear layers of a component stand for.
std::vector<std::string> linear_modules(const LeverContext& context, const std::string& part) {
    std::set<std::string, std::less<>> names;
    for (const Stage& stage : context.workload.stages) {
        if (stage.component != part) continue;
        for (const Pass& pass : stage.passes) {
            for (const Operator& op : pass.graph.operators) {
                if (!std::holds_alternative<Linear>(op.kind) || op.scope == no_id) continue;
                names.insert(pass.graph.scopes[op.scope].name);
            }
        }
    }
    return {names.begin(), names.end()};
}

std::pair<std::int64_t, std::int64_t> parse_size(const LeverValue& list, const std::string& item) {
    const std::size_t times = std::min(item.find('x'), item.size());
    const auto side = [&](const std::string& number) -> std::int64_t {
        const bool digits = number.find_first_not_of("0123456789") == std::string::npos;
        if (!digits || number.empty() || number.size() > 9) {
            list.fail("sizes INxOUT and names of modules separated by /");
        }
        return std::stoll(number);
    };
    return {side(item.substr(0, times)), side(times < item.size() ? item.substr(times + 1) : "")};
}

/// `except:INxOUT/MODULE/…`; what begins with a digit is a size.
Excepted excepted_layers(const LeverContext& context, const std::string& part, const LeverValue& value) {
    Excepted excepted;
    const auto list = value.field("except");
    if (!list) return excepted;
    const std::vector<std::string> modules = linear_modules(context, part);
    const std::string& text = list->text();
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('/', begin), text.size());
        const std::string item = text.substr(begin, end - begin);
        if (item.empty() || (item.front() >= '0' && item.front() <= '9')) {
            excepted.sizes.insert(parse_size(*list, item));
        } else if (std::find(modules.begin(), modules.end(), item) != modules.end()) {
            excepted.modules.insert(item);
        } else {
            list->fail("modules with a linear layer in " + part, suggestion(item, modules));
        }
        begin = end + 1;
    }
    return excepted;
}

/// Parameters that something other than a linear layer reads too, as tied embeddings are: libraries leave these alone.
std::set<std::uint32_t> shared_weights(const Graph& graph) {
    std::set<std::uint32_t> shared;
    for (const Operator& op : graph.operators) {
        if (op.weight != no_id && !std::holds_alternative<Linear>(op.kind)) shared.insert(op.weight);
    }
    return shared;
}

/// Quantises one pass; bytes of parameters after and before, by key.
void quantise_graph(Graph& graph, const LinearPrecision& precision, const Excepted& except,
                    std::unordered_map<std::uint64_t, double>& saved) {
    const std::set<std::uint32_t> shared = shared_weights(graph);
    for (Operator& op : graph.operators) {
        auto* linear = std::get_if<Linear>(&op.kind);
        if (linear == nullptr || op.weight == no_id || shared.contains(op.weight)) continue;
        if (except.sizes.contains({linear->in, linear->out})) continue;
        if (op.scope != no_id && except.modules.contains(graph.scopes[op.scope].name)) continue;
        const DataType type = graph.output(op).type;
        if (type != DataType::fp16 && type != DataType::bf16) continue;
        linear->precision = precision;
        Weight& weight = graph.weights[op.weight];
        const double before = memory_bytes(weight);
        weight.quantised_bytes = parameter_bytes(*linear, type);
        saved.try_emplace(weight.key, before - weight.quantised_bytes);
    }
}

}  // namespace

bool multiplies(Architecture architecture, DataType type) {
    switch (type) {
        case DataType::int8: return architecture != Architecture::volta;
        case DataType::fp8:
            return architecture == Architecture::ada || architecture == Architecture::hopper ||
                   architecture == Architecture::blackwell;
        case DataType::fp4: return architecture == Architecture::blackwell;
        case DataType::tf32:
        case DataType::bf16: return architecture != Architecture::volta && architecture != Architecture::turing;
        default: return true;
    }
}

void require_products(const LeverContext& context, std::string_view lever, DataType type) {
    if (multiplies(context.architecture, type)) return;
    does_not_apply(lever, "a GPU of the " + std::string(name_of(context.architecture)) + " architecture",
                   "one whose matrix units multiply " + std::string(name_of(type)));
}

void quantise_linears(LeverContext& context, std::string_view lever, const LeverValue& value,
                      const LinearPrecision& precision, const std::vector<std::string>& more) {
    std::vector<std::string> keys{"part", "except"};
    keys.insert(keys.end(), more.begin(), more.end());
    value.allow_only(keys);
    if (precision.activation) require_products(context, lever, *precision.activation);
    const std::string part = chosen_part(context, lever, value);
    const Excepted except = excepted_layers(context, part, value);
    std::unordered_map<std::uint64_t, double> saved;
    for (Stage& stage : context.workload.stages) {
        if (stage.component != part) continue;
        for (Pass& pass : stage.passes) quantise_graph(pass.graph, precision, except, saved);
    }
    if (saved.empty()) {
        does_not_apply(lever, "no linear layer of fp16 or bf16 tensors to quantise in " + part,
                       "a component that has some", "set dtype, or leave fewer sizes out");
    }
    for (Component& component : context.workload.components) {
        if (component.name != part) continue;
        for (const auto& [key, bytes] : saved) component.weight_bytes -= bytes;
    }
}

}  // namespace cupola
