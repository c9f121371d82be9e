#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/lever/lever.hpp"
#include "cupola/report/report.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/workload/graph.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace cupola::cli {

/// What a sub-command prints on standard output, and whether what it compared, if anything, is within its tolerance.
struct Result {
    std::string text;
    bool within_tolerance = true;
    Result(std::string printed, bool within = true) : text(std::move(printed)), within_tolerance(within) {}
};

/// A sub-command: what CLI11 fills, and what it does when run.
struct Command {
    CLI::App* app = nullptr;
    std::function<Result()> run;
};

// One file each. `style` is how text for a person is laid out.
[[nodiscard]] Command add_list(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_show(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_count(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_graph(CLI::App& root);
[[nodiscard]] Command add_seqlen(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_predict(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_ladder(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_explain(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_plan(CLI::App& root);
[[nodiscard]] Command add_fit(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_numerics(CLI::App& root, const TextStyle& style);
[[nodiscard]] Command add_validate(CLI::App& root, const TextStyle& style);

/// What most sub-commands take: which model, with which parameters, on what, from where, in which format.
struct Selection {
    std::string workload, positional_workload, gpu, stack, data;
    std::vector<std::string> settings;  ///< "name=value"
    std::vector<std::string> levers;    ///< "name" or "name=value"
    bool json = false;

    void add_workload_options(CLI::App& app);
    void add_machine_options(CLI::App& app);
    void add_lever_option(CLI::App& app);
    void add_output_options(CLI::App& app);

    /// With a parameter of the model set, whatever it was set to.
    [[nodiscard]] Selection with_setting(const std::string& parameter, const std::string& value) const;

    // The chosen data files; throw InputError.
    [[nodiscard]] std::string data_directory() const;
    [[nodiscard]] std::string workload_name() const;
    [[nodiscard]] Workload load_workload() const;
    [[nodiscard]] Gpu load_gpu() const;
    [[nodiscard]] Stack load_stack() const;
    /// Workload and stack with the levers applied. Which kernels a stack picks may depend on the GPU.
    [[nodiscard]] Scenario load_scenario(const Gpu& gpu) const;
    /// The same with other levers than those given as options.
    [[nodiscard]] Scenario load_scenario(const Gpu& gpu, const std::vector<LeverSetting>& chosen) const;
    /// Parameters fitted on the GPU by the stack's libraries; `of` must outlive the model.
    [[nodiscard]] CostModel load_cost_model(const Gpu& of, const Stack& stack) const;
};

/// "name=value" pairs taken apart; InputError where there is no '='.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_settings(const std::vector<std::string>& texts);

/// An error for a count below 0, which CLI11 would read as a very large one.
[[nodiscard]] std::string not_negative(const std::string& count);

/// Refuses the name of a stage that the workload does not have, with a suggestion.
void check_stage(const Workload& workload, const std::string& stage);

/// A sub-command whose help opens with an example.
[[nodiscard]] CLI::App* add_subcommand(CLI::App& parent, const std::string& name, const std::string& description,
                                       const std::vector<std::string>& examples);
void open_help_with(CLI::App& app, const std::vector<std::string>& examples);

/// Refuses a first argument that is no sub-command, with a suggestion; CLI11 only says that one is missing.
void check_subcommand(const CLI::App& root, const std::vector<std::string>& arguments);
/// The message for a command line that CLI11 refused, with a suggestion for a mistyped option.
[[nodiscard]] std::string usage_message(const CLI::App& root, const CLI::ParseError& error);

/// Colours only on a terminal that has them and unless NO_COLOR is set.
[[nodiscard]] TextStyle terminal_style();
/// Writes to standard output. A reader that has gone away is no error; any other failure is an InputError.
void write_output(const std::string& text);
/// Writes a file that an option names; InputError where it cannot be written.
void write_file(const std::string& path, const std::string& text, const std::string& option);

/// Says on standard error, if that is a terminal, which of several parts of a long work is at hand.
class Progress {
public:
    explicit Progress(std::size_t parts);
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    void begin(const std::string& part);
    /// Takes the line away again.
    void clear();

private:
    std::size_t parts_, begun_ = 0;
    bool shown_ = false;
    bool terminal_;
};

}  // namespace cupola::cli
