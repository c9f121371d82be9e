#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cupola::probe {

/// What the command line asks for.
struct Options {
    enum class Action { measure, print_plan, compare, help, worker };
    Action action = Action::measure;
    std::string plan;               ///< path; empty: the built-in plan
    std::string out = "probe.csv";  ///< results; continued where it exists
    double budget = 1e9;            ///< seconds
    double timeout = 60;            ///< seconds one case may take before its process is killed
    std::optional<int> section;     ///< only this one
    int device = 0;
    bool retry = false;       ///< measure again what has a row but no time
    bool in_process = false;  ///< no worker process: for sanitizers and debuggers
    bool counters = false;    ///< read hardware counters too
    bool use_cupti = true;    ///< for kernel times
    std::string compare[2];   ///< two results files
};

/// Throws FatalError for an unknown option or a bad value.
Options parse_options(const std::vector<std::string>& arguments);

/// What --help prints.
std::string help_text();

}  // namespace cupola::probe
