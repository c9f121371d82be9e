#include "cupola/lever/lever.hpp"

#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>

namespace cupola {
namespace {

std::string option(std::string_view lever) { return "--lever " + std::string(lever); }

/// A lever of the table with its value as given.
struct Chosen {
    const Lever* lever;
    const LeverSetting* setting;
};

void refuse_contradiction(const Chosen& first, const Chosen& second) {
    if (first.lever->decides != second.lever->decides) return;
    throw InputError({{},
                      option(second.setting->text()),
                      option(first.setting->text()) + " beside it",
                      "one of them: both decide the " + std::string(first.lever->decides),
                      "leave one out"});
}

std::vector<Chosen> chosen_levers(std::span<const LeverSetting> settings) {
    std::vector<Chosen> chosen;
    for (const LeverSetting& setting : settings) {
        const Chosen next{&find_lever(setting.name), &setting};
        for (const Chosen& before : chosen) refuse_contradiction(before, next);
        chosen.push_back(next);
    }
    // All pointers are into one table.
    std::sort(chosen.begin(), chosen.end(), [](const Chosen& a, const Chosen& b) { return a.lever < b.lever; });
    return chosen;
}

void apply_phase(LeverContext& context, const std::vector<Chosen>& chosen, LeverPhase phase) {
    for (const Chosen& choice : chosen) {
        if (choice.lever->phase != phase) continue;
        choice.lever->apply(context, LeverValue(option(choice.lever->name), choice.setting->value));
    }
}

}  // namespace

void LeverContext::set(const std::string& lever, const std::string& parameter, const std::string& value) {
    for (const auto& [name, before] : settings) {
        if (name != parameter || before == value) continue;
        throw InputError({{},
                          option(lever),
                          parameter + "=" + before + " beside it",
                          parameter + "=" + value,
                          "leave out --set " + parameter + " or the lever"});
    }
    settings.emplace_back(parameter, value);
}

Workload LeverContext::expand_with(const WorkloadSettings& changes) const {
    WorkloadSettings merged;
    for (const auto& setting : settings) {
        const bool changed = std::any_of(changes.begin(), changes.end(),
                                         [&](const auto& change) { return change.first == setting.first; });
        if (!changed) merged.push_back(setting);
    }
    merged.insert(merged.end(), changes.begin(), changes.end());
    return expand(workload_name, merged);
}

const std::vector<Lever>& all_levers() {
    static const std::vector<Lever> levers = [] {
        std::vector<Lever> all;
        for (const auto& table : {setting_levers(), guidance_levers(), vae_levers(), decoding_levers(),
                                  step_cache_levers(), token_merging_levers(), head_clustering_levers(), layer_levers(),
                                  precision_levers(), stack_levers(), attention_levers()})
            all.insert(all.end(), table.begin(), table.end());
        return all;
    }();
    return levers;
}

LeverSetting parse_lever(const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const bool empty_value = equals + 1 == text.size();
    if (equals == 0 || empty_value) {
        throw InputError({{}, "--lever", "\"" + text + "\"", "NAME or NAME=VALUE", "for example --lever cuda-graphs"});
    }
    return {text.substr(0, equals), equals < text.size() ? text.substr(equals + 1) : ""};
}

std::vector<LeverSetting> parse_levers(const std::string& list) {
    std::vector<LeverSetting> settings;
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t end = std::min(list.find(';', begin), list.size());
        settings.push_back(parse_lever(list.substr(begin, end - begin)));
        begin = end + 1;
    }
    return settings;
}

const Lever& find_lever(const std::string& name) {
    const std::vector<Lever>& levers = all_levers();
    const auto found =
        std::find_if(levers.begin(), levers.end(), [&](const Lever& lever) { return lever.name == name; });
    if (found != levers.end()) return *found;
    std::vector<std::string> names;
    for (const Lever& lever : levers) names.emplace_back(lever.name);
    throw InputError({{}, "--lever", "\"" + name + "\"", "a lever (cupola list levers)", suggestion(name, names)});
}

Scenario apply_levers(LeverContext context, std::span<const LeverSetting> settings) {
    const std::vector<Chosen> chosen = chosen_levers(settings);
    apply_phase(context, chosen, LeverPhase::settings);
    context.workload = context.expand(context.workload_name, context.settings);
    for (const LeverPhase phase : {LeverPhase::stages, LeverPhase::graph, LeverPhase::stack}) {
        apply_phase(context, chosen, phase);
    }
    return {std::move(context.workload), std::move(context.stack)};
}

void does_not_apply(std::string_view lever, const std::string& found, const std::string& expected,
                    const std::string& hint) {
    throw InputError({{}, option(lever), found, expected, hint});
}

}  // namespace cupola
