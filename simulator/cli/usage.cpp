#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <memory>

namespace cupola::cli {
namespace {

/// CLI11's layout, after the examples.
class ExampleFormatter : public CLI::Formatter {
public:
    explicit ExampleFormatter(std::vector<std::string> examples) : examples_(std::move(examples)) {
        column_width(34);
        label("REQUIRED", "");
    }
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        std::string text = examples_.size() == 1 ? "Example:\n" : "Examples:\n";
        for (const std::string& example : examples_) text += "  " + example + "\n";
        return text + "\n" + CLI::Formatter::make_help(app, std::move(name), mode);
    }

private:
    std::vector<std::string> examples_;
};

std::vector<std::string> subcommand_names(const CLI::App& root) {
    std::vector<std::string> names;
    for (const CLI::App* app : root.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(app->get_name());
    }
    return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

bool is_option(const std::string& argument) { return argument.size() > 1 && argument.front() == '-'; }

std::string with_hint(std::string message, const std::string& hint) {
    return hint.empty() ? message : std::move(message) + "; " + hint;
}

}  // namespace

void open_help_with(CLI::App& app, const std::vector<std::string>& examples) {
    app.formatter(std::make_shared<ExampleFormatter>(examples));
    app.get_help_ptr()->description("print this help");
}

CLI::App* add_subcommand(CLI::App& parent, const std::string& name, const std::string& description,
                         const std::vector<std::string>& examples) {
    CLI::App* app = parent.add_subcommand(name, description);
    open_help_with(*app, examples);
    return app;
}

void check_subcommand(const CLI::App& root, const std::vector<std::string>& arguments) {
    const std::vector<std::string> names = subcommand_names(root);
    if (arguments.empty()) throw InputError({{}, "", "no command", "one", suggestion("", names)});
    const std::string& first = arguments.front();
    if (is_option(first)) {
        if (first == "-h" || first == "--help" || first == "--version") return;
        throw InputError({{}, "", "\"" + first + "\" before a command", "a command first", suggestion("", names)});
    }
    if (std::find(names.begin(), names.end(), first) != names.end()) return;
    throw InputError({{}, "", "\"" + first + "\"", "a command", suggestion(first, names)});
}

std::string usage_message(const CLI::App& root, const CLI::ParseError& error) {
    const std::vector<CLI::App*> chosen = const_cast<CLI::App&>(root).get_subcommands();
    if (chosen.empty()) return error.what();
    const CLI::App& app = *chosen.front();
    const std::string see = "see cupola " + app.get_name() + " --help";
    if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return with_hint(error.what(), see);
    const std::vector<std::string> extras = app.remaining();
    const auto option = std::find_if(extras.begin(), extras.end(), is_option);
    if (option == extras.end()) {
        return with_hint("unexpected argument \"" + (extras.empty() ? "" : extras.front()) + "\"", see);
    }
    const std::string name = option->substr(0, option->find('='));
    const auto close = closest_name(name, option_names(app));
    return with_hint("unknown option " + name, close ? "did you mean " + *close + "?" : see);
}

}  // namespace cupola::cli
