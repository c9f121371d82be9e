#include "cupola/report/columns.hpp"
#include "cupola/report/describe.hpp"
#include "cupola/report/json.hpp"
#include "cupola/report/report.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace cupola {
namespace {

struct ComponentCount {
    std::string name;
    std::int64_t parameters = 0;
    MacCounts macs;
};

std::vector<ComponentCount> component_counts(const Workload& workload) {
    std::vector<ComponentCount> counts;
    for (const Component& component : workload.components) {
        counts.push_back({component.name, component.parameters, component_macs(workload, component.name)});
    }
    return counts;
}

ComponentCount total_of(const std::vector<ComponentCount>& counts) {
    ComponentCount total{"total", 0, {}};
    for (const ComponentCount& count : counts) {
        total.parameters += count.parameters;
        total.macs += count.macs;
    }
    return total;
}

/// All steps of a stage.
MacCounts stage_macs(const Stage& stage) {
    MacCounts macs;
    for (const Pass& pass : stage.passes) macs += count_macs(pass.graph).scaled(pass.count);
    return macs;
}

using Row = std::vector<std::string>;

void append_macs(Row& row, const MacCounts& macs) {
    for (const double value : {macs.conv, macs.linear, macs.attention, macs.total()})
        row.push_back(count_text(std::round(value)));
}

void append_flops(Row& row, const MacCounts& macs) {
    for (const double value : {macs.conv, macs.linear, macs.attention, macs.total()}) {
        row.push_back(value > 0 ? format(Flops(flops_per_mac * value)) : "0");
    }
}

json macs_json(const MacCounts& macs) {
    return {{"conv", whole_json(macs.conv)},
            {"linear", whole_json(macs.linear)},
            {"attention", whole_json(macs.attention)}};
}

json component_json(const ComponentCount& count) {
    return {{"name", count.name}, {"params", count.parameters}, {"macs", macs_json(count.macs)}};
}

json stage_json(const Stage& stage) {
    json passes = json::array();
    for (const Pass& pass : stage.passes) {
        passes.push_back({{"first_step", pass.first_step},
                          {"steps", number_json(pass.count)},
                          {"macs", macs_json(count_macs(pass.graph))}});
    }
    return {{"name", stage.name},
            {"component", stage.component},
            {"steps", number_json(stage.steps())},
            {"macs", macs_json(stage_macs(stage))},
            {"passes", std::move(passes)}};
}

}  // namespace

std::string count_text(const Workload& workload, const TextStyle& style) {
    const std::vector<ComponentCount> counts = component_counts(workload);
    Columns macs({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
    Columns flops = macs;
    macs.add({"MACs", "parameters", "conv", "linear", "attention", "all"});
    flops.add({"FLOPs", "", "conv", "linear", "attention", "all"});
    const auto add = [&](const ComponentCount& count) {
        Row mac_row{count.name, format_count(count.parameters)}, flop_row{count.name, ""};
        append_macs(mac_row, count.macs);
        append_flops(flop_row, count.macs);
        macs.add(std::move(mac_row));
        flops.add(std::move(flop_row));
    };
    for (const ComponentCount& count : counts) add(count);
    if (counts.size() > 1) add(total_of(counts));

    Columns stages({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
    stages.add({"", "steps", "conv", "linear", "attention", "all"});
    for (const Stage& stage : workload.stages) {
        Row row{stage.name, count_text(stage.steps())};
        append_flops(row, stage_macs(stage));
        stages.add(std::move(row));
    }
    Row run{"run", ""};
    append_flops(run, run_macs(workload));
    stages.add(std::move(run));

    const auto title = [&](std::string_view text) { return painted(style, Paint::bold, text) + "\n"; };
    return title(workload.name + ": one pass of each stage") + macs.text(2) + "\n" + flops.text(2) + "\n" +
           title("FLOPs of the whole run") + stages.text(2) + "\n" +
           painted(style, Paint::faint, "FLOPs are 2 per multiply-add of convolutions, linear layers and attention.") +
           "\n";
}

std::string count_json(const Workload& workload) {
    const std::vector<ComponentCount> counts = component_counts(workload);
    json components = json::array(), stages = json::array();
    for (const ComponentCount& count : counts) components.push_back(component_json(count));
    for (const Stage& stage : workload.stages) stages.push_back(stage_json(stage));
    const json document{{"workload", workload.name},           {"parameters", parameters_json(workload.parameters)},
                        {"components", std::move(components)}, {"total", component_json(total_of(counts))},
                        {"stages", std::move(stages)},         {"run", {{"macs", macs_json(run_macs(workload))}}}};
    return document.dump(2) + "\n";
}

}  // namespace cupola
