#include "cupola/cli/command.hpp"

#include <memory>

namespace cupola::cli {

Command add_count(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(root, "count", "Count parameters, MACs and FLOPs by component and kind",
                                   {"cupola count sdxl --set height=512 --set width=512"});
    auto selection = std::make_shared<Selection>();
    selection->add_workload_options(*app);
    selection->add_output_options(*app);
    return {app, [selection, style] {
                const Workload workload = selection->load_workload();
                return selection->json ? count_json(workload) : count_text(workload, style);
            }};
}

}  // namespace cupola::cli
