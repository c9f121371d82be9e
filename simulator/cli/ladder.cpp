#include "cupola/report/ladder.hpp"
#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"

#include <algorithm>
#include <memory>

namespace cupola::cli {
namespace {

struct Options {
    Selection selection;
    std::size_t top = 4;  // as its help says
};

/// Puts a rung's levers into `in_force`; what they replace goes. Returns its name.
std::string climb(std::vector<LeverSetting>& in_force, const std::vector<LeverSetting>& rung) {
    std::string replaced;
    const std::size_t kept_from = in_force.size();
    for (const LeverSetting& setting : rung) {
        const std::string_view decides = find_lever(setting.name).decides;
        for (std::size_t i = 0; i < std::min(kept_from, in_force.size()); ++i) {
            if (find_lever(in_force[i].name).decides != decides) continue;
            replaced += (replaced.empty() ? "" : ";") + in_force[i].text();
            in_force.erase(in_force.begin() + static_cast<std::ptrdiff_t>(i));
            break;
        }
    }
    in_force.insert(in_force.end(), rung.begin(), rung.end());
    return replaced;
}

Rung rung_of(const Selection& selection, const Gpu& gpu, const std::vector<LeverSetting>& levers,
             const std::string& name) {
    const auto [workload, stack] = selection.load_scenario(gpu, levers);
    Rung rung;
    rung.levers = name;
    rung.prediction = predict(workload, selection.load_cost_model(gpu, stack), stack);
    return rung;
}

/// Takes out of `settings` the parameters that are levers too (dtype, steps …): at the foot they count as levers, which
/// a rung may replace.
std::vector<LeverSetting> levers_among(std::vector<std::string>& settings) {
    std::vector<LeverSetting> levers;
    std::erase_if(settings, [&](const std::string& text) {
        const std::string name = text.substr(0, text.find('='));
        const bool is_lever = std::any_of(all_levers().begin(), all_levers().end(), [&](const Lever& lever) {
            return lever.name == name && lever.phase == LeverPhase::settings;
        });
        if (is_lever) levers.push_back(parse_lever(text));
        return is_lever;
    });
    return levers;
}

std::vector<Rung> rungs_of(Selection selection) {
    const Gpu gpu = selection.load_gpu();
    std::vector<LeverSetting> in_force = levers_among(selection.settings);
    std::vector<Rung> rungs{rung_of(selection, gpu, in_force, "")};
    for (const std::string& text : selection.levers) {
        const std::vector<LeverSetting> levers = text.empty() ? std::vector{parse_lever(text)} : parse_levers(text);
        const std::string replaced = climb(in_force, levers);
        rungs.push_back(rung_of(selection, gpu, in_force, text));
        rungs.back().replaces = replaced;
        rungs.back().changes = kernel_changes(rungs[rungs.size() - 2].prediction, rungs.back().prediction);
    }
    return rungs;
}

}  // namespace

Command add_ladder(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(
        root, "ladder",
        "Apply levers one after another and show what each brings and why.\n"
        "Each --lever is a rung; levers joined by ';' act together; a later one replaces what it contradicts",
        {"cupola ladder sdxl --set dtype=fp32 --lever dtype=bf16 --lever steps=20"});
    auto options = std::make_shared<Options>();
    options->selection.add_workload_options(*app);
    options->selection.add_machine_options(*app);
    options->selection.add_lever_option(*app);
    app->add_option("--top", options->top, "kernels to print for each rung (default 4)")
        ->type_name("COUNT")
        ->check(not_negative);
    options->selection.add_output_options(*app);
    return {app, [options, style] {
                const std::vector<Rung> rungs = rungs_of(options->selection);
                return options->selection.json ? ladder_json(rungs) : ladder_text(rungs, style, options->top);
            }};
}

}  // namespace cupola::cli
