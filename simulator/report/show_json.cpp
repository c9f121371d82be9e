#include "cupola/report/json.hpp"
#include "cupola/report/report.hpp"

namespace cupola {
namespace {

json facts_json(const std::vector<Fact>& facts) {
    json list = json::array();
    for (const Fact& fact : facts) {
        list.push_back(
            {{"field", fact.field}, {"value", fact.value}, {"source", fact.source}, {"recalled", fact.recalled}});
    }
    return list;
}

json settings_json(const std::vector<ParameterSetting>& parameters) {
    json list = json::array();
    for (const ParameterSetting& parameter : parameters) {
        list.push_back({{"name", parameter.name},
                        {"value", parameter.value},
                        {"default", parameter.fallback},
                        {"unit", parameter.unit},
                        {"range", parameter.range},
                        {"about", parameter.about},
                        {"is_default", parameter.is_default}});
    }
    return list;
}

}  // namespace

std::string gpu_json(const Gpu& gpu) {
    json peaks = json::object();
    for (const DataType type :
         {DataType::fp32, DataType::tf32, DataType::fp16, DataType::bf16, DataType::fp8, DataType::int8}) {
        if (type != DataType::fp32 && tensor_rate(gpu, type) <= 0) continue;
        peaks[std::string(name_of(type))] = {{"flops_per_s", peak_matrix_throughput(gpu, type).value()},
                                             {"ridge_point", ridge_point(gpu, type).value()}};
    }
    const json document{{"kind", "gpu"},
                        {"name", gpu.name},
                        {"product", gpu.product},
                        {"architecture", name_of(gpu.architecture)},
                        {"facts", facts_json(gpu.facts)},
                        {"peaks", std::move(peaks)}};
    return document.dump(2) + "\n";
}

std::string stack_json(const Stack& stack) {
    const json document{
        {"kind", "stack"}, {"name", stack.name}, {"title", stack.title}, {"facts", facts_json(stack.facts)}};
    return document.dump(2) + "\n";
}

std::string workload_json(const Workload& workload) {
    json components = json::array(), stages = json::array();
    for (const Component& component : workload.components) {
        components.push_back({{"name", component.name},
                              {"params", component.parameters},
                              {"weight_bytes", whole_json(component.weight_bytes)}});
    }
    for (const Stage& stage : workload.stages) {
        stages.push_back({{"name", stage.name},
                          {"component", stage.component},
                          {"steps", number_json(stage.steps())},
                          {"passes", stage.passes.size()}});
    }
    const json document{{"kind", "workload"},
                        {"name", workload.name},
                        {"title", workload.title},
                        {"status", workload.status},
                        {"parameters", settings_json(workload.parameters)},
                        {"components", std::move(components)},
                        {"stages", std::move(stages)},
                        {"sources", workload.sources}};
    return document.dump(2) + "\n";
}

std::string list_json(const std::vector<NamedItem>& items) {
    json list = json::array();
    for (const NamedItem& item : items) list.push_back({{"name", item.name}, {"title", item.title}});
    return list.dump(2) + "\n";
}

}  // namespace cupola
