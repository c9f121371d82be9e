#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"

#include <csignal>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace cupola::cli {
namespace {

constexpr int success = 0;
constexpr int outside_tolerance = 1;
constexpr int failure = 2;

int run(const std::vector<std::string>& arguments) {
    CLI::App root("Predicts how long text-to-image and text-to-video models take on a GPU, and where the time goes.",
                  "cupola");
    open_help_with(root, {"cupola predict sdxl --gpu a100-sxm4-80gb --set steps=30"});
    root.set_version_flag("--version", "cupola " CUPOLA_VERSION, "print the version");
    root.require_subcommand(1);
    const TextStyle style = terminal_style();
    const std::vector<Command> commands{
        add_predict(root, style), add_ladder(root, style),   add_explain(root, style), add_count(root, style),
        add_seqlen(root, style),  add_graph(root),           add_plan(root),           add_validate(root, style),
        add_fit(root, style),     add_numerics(root, style), add_show(root, style),    add_list(root, style)};
    try {
        check_subcommand(root, arguments);
        root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them backwards
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0) throw InputError({{}, "", "", "", usage_message(root, error)});
        std::ostringstream text;  // help or version was asked for
        root.exit(error, text, text);
        write_output(text.str());
        return success;
    }
    bool within_tolerance = true;
    for (const Command& command : commands) {
        if (!command.app->parsed()) continue;
        const Result result = command.run();
        write_output(result.text);
        within_tolerance = result.within_tolerance;
    }
    return within_tolerance ? success : outside_tolerance;
}

}  // namespace
}  // namespace cupola::cli

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe shows as EPIPE where it is written to
    try {
        return cupola::cli::run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const cupola::InputError& error) {
        std::cerr << "cupola: " << error.what() << '\n';
    } catch (const std::exception& error) {
        std::cerr << "cupola: internal error: " << error.what() << '\n';
    }
    return cupola::cli::failure;
}
