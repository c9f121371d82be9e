#include "cupola/report/numerics.hpp"
#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <memory>

namespace cupola::cli {
namespace {

using namespace numerics;

struct Options {
    Study study;
    std::vector<std::string> formats, presets, outer, steps;
    bool json = false;
};

/// The one of `all` that is called so.
template <typename T, typename All>
T parse_name(const std::string& option, const std::string& given, const All& all, const std::string& what) {
    std::vector<std::string> names;
    for (const auto& candidate : all) {
        if (name_of(candidate) == given) return candidate;
        names.emplace_back(name_of(candidate));
    }
    throw InputError({{}, option, "\"" + given + "\"", what, suggestion(given, names)});
}

/// What replaces a list of defaults, where something was given.
template <typename T, typename All>
void replace(std::vector<T>& list, const std::string& option, const std::vector<std::string>& given, const All& all,
             const std::string& what) {
    if (given.empty()) return;
    list.clear();
    for (const std::string& name : given) list.push_back(parse_name<T>(option, name, all, what));
}

/// "sum=bf16"
std::pair<NumberFormat Precision::*, NumberFormat> parse_step(const std::string& given) {
    const std::size_t equals = given.find('=');
    if (equals == std::string::npos) {
        throw InputError({{}, "--step", "\"" + given + "\"", "STEP=FORMAT", "for example --step sum=fp32"});
    }
    return {parse_name<Step>("--step", given.substr(0, equals), all_steps, "a step of attention").format,
            parse_name<NumberFormat>("--step", given.substr(equals + 1), all_formats, "a number format")};
}

Result study(Options options, const TextStyle& style) {
    replace(options.study.formats, "--format", options.formats, all_formats, "a number format");
    replace(options.study.presets, "--preset", options.presets, all_presets, "a preset");
    replace(options.study.outer, "--outer", options.outer, all_loop_orders, "the outer loop");
    for (const std::string& step : options.steps) options.study.steps.push_back(parse_step(step));
    check(options.study);
    Progress progress(options.study.parts());
    const std::vector<StudyRow> rows = run(options.study, [&](const std::string& part) { progress.begin(part); });
    progress.clear();
    return options.json ? numerics_json(options.study, rows) : numerics_text(options.study, rows, style);
}

std::string steps_help() {
    std::string text = "one step in another format than the preset's; may be repeated:";
    for (const Step& step : all_steps) text += "\n" + std::string(step.name) + ": " + std::string(step.about);
    return text;
}

/// An option that takes a list with commas, or is repeated.
template <typename T>
void add_list_option(CLI::App& app, const std::string& name, std::vector<T>& list, const std::string& type,
                     const std::string& help) {
    app.add_option(name, list, help)
        ->type_name(type + ",...")
        ->delimiter(',')
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
}

void add_sizes(CLI::App& app, Study& study) {
    add_list_option(app, "--sequence", study.sequences, "COUNT", "keys (default 256,1024,4096)");
    add_list_option(app, "--key-tile", study.key_tiles, "COUNT", "keys a tile (default 32,128)");
    add_list_option(app, "--query-tile", study.query_tiles, "COUNT", "queries a tile (default 64)");
    app.add_option("--head-dim", study.head_dim, "elements of a query (default 64)")->type_name("COUNT");
    app.add_option("--queries", study.queries, "rows of Q (default 16)")->type_name("COUNT");
    app.add_option("--trials", study.trials, "average over so many random inputs (default 3)")->type_name("COUNT");
    app.add_option("--seed", study.seed, "of the first (default 1)")->type_name("NUMBER");
    app.add_option("--value-mean", study.value_mean, "mean of V's elements (default 1)")->type_name("NUMBER");
}

}  // namespace

Command add_numerics(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(
        root, "numerics", "Show how far fused attention deviates from exact attention in narrow formats",
        {"cupola numerics --format bf16 --sequence 1024,8192", "cupola numerics --preset paper --step sum=fp32"});
    auto options = std::make_shared<Options>();
    add_list_option(*app, "--format", options->formats, "FORMAT",
                    "fp64, fp32, fp16, bf16 or fp8 (e4m3); default bf16,fp16");
    add_list_option(*app, "--preset", options->presets, "NAME",
                    "which steps take the format: paper (every one) or flash\n(state in fp32, as kernels have it); "
                    "default both");
    app->add_option("--step", options->steps, steps_help())
        ->type_name("STEP=FORMAT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    add_list_option(*app, "--outer", options->outer, "LOOP",
                    "query (FlashAttention-2, normalised once) or key\n(FlashAttention, normalised after every tile); "
                    "default query");
    add_sizes(*app, options->study);
    app->add_flag("--json", options->json, "print JSON");
    return {app, [options, style] { return study(*options, style); }};
}

}  // namespace cupola::cli
