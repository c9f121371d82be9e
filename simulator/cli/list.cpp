#include "cupola/cli/command.hpp"
#include "cupola/config/load_dataset.hpp"
#include "cupola/report/levers.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <memory>

namespace cupola::cli {
namespace {

std::vector<NamedItem> listed(const std::string& what, const std::string& data) {
    const std::vector<config::Listing> listings = what == "gpus"       ? config::list_gpus(data)
                                                  : what == "stacks"   ? config::list_stacks(data)
                                                  : what == "datasets" ? config::list_datasets(data)
                                                                       : config::list_workloads(data);
    std::vector<NamedItem> items;
    for (const config::Listing& listing : listings) items.push_back({listing.name, listing.title});
    return items;
}

void check_kind(const std::string& what) {
    const std::vector<std::string> kinds{"workloads", "gpus", "stacks", "levers", "datasets"};
    for (const std::string& kind : kinds) {
        if (what == kind) return;
    }
    const std::string found = what.empty() ? "nothing" : "\"" + what + "\"";
    throw InputError({{},
                      "list",
                      found,
                      "workloads, gpus, stacks, levers or datasets",
                      what.empty() ? "for example cupola list gpus" : suggestion(what, kinds)});
}

struct Options {
    Selection selection;
    std::string what;
};

}  // namespace

Command add_list(CLI::App& root, const TextStyle& style) {
    CLI::App* app =
        add_subcommand(root, "list", "List the models, GPUs, software stacks, levers or data sets there are",
                       {"cupola list workloads", "cupola list gpus"});
    auto options = std::make_shared<Options>();
    app->add_option("what", options->what, "workloads, gpus, stacks, levers or datasets")->type_name("KIND");
    options->selection.add_output_options(*app);
    return {app, [options, style] {
                check_kind(options->what);
                const bool json = options->selection.json;
                if (options->what == "levers")
                    return json ? levers_json(all_levers()) : levers_text(all_levers(), style);
                const auto items = listed(options->what, options->selection.data_directory());
                return json ? list_json(items) : list_text(items, style);
            }};
}

}  // namespace cupola::cli
