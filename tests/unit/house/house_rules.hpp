#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::house {

/// The rooms that a room may include besides itself: the table "who may include whom" of the project's plan.
[[nodiscard]] inline const std::map<std::string, std::set<std::string>>& allowed_rooms() {
    static const std::map<std::string, std::set<std::string>> table{
        {"units", {}},
        {"workload", {"units"}},
        {"numerics", {"units"}},
        {"hardware", {"units"}},
        {"kernel", {"units"}},
        {"stack", {"units", "workload", "kernel", "hardware"}},
        {"lever", {"units", "workload", "kernel", "hardware", "stack"}},
        {"cost", {"units", "kernel", "hardware"}},
        {"timeline", {"units", "kernel"}},
        {"predict", {"units", "workload", "kernel", "hardware", "stack", "cost", "timeline"}},
        // rows become kernels by way of expressions, operators and stacks, and are priced
        {"validation", {"units", "workload", "kernel", "hardware", "stack", "cost", "timeline", "predict"}},
        // the cost model's parameters from a data set's rows
        {"fit", {"units", "kernel", "hardware", "cost", "validation"}},
        // the value types that it reads, among them a data set's adapter
        {"config", {"units", "workload", "kernel", "hardware", "stack", "cost", "validation", "fit"}},
        // the results that it formats, among them comparisons with measurements
        {"report",
         {"units", "workload", "kernel", "hardware", "stack", "lever", "cost", "timeline", "predict", "validation",
          "fit", "numerics"}},
        {"cli",
         {"units", "workload", "kernel", "hardware", "stack", "lever", "cost", "timeline", "predict", "config",
          "report", "validation", "fit", "numerics"}},
    };
    return table;
}

/// The target of every #include line, with its quotes or angle brackets: `"cupola/units/text.hpp"`, `<vector>`.
[[nodiscard]] std::vector<std::string> includes_of(const std::string& source);

/// The source with comments, string and character literals blanked out; line breaks stay.
[[nodiscard]] std::string code_only(std::string_view source);

/// What is wrong with the includes of a file in a room, one sentence each; empty if all is well.
[[nodiscard]] std::vector<std::string> include_violations(const std::string& room, const std::string& source);

/// A public header must compile for a user who has only the installed files: it includes other public headers and the
/// standard library. `public_headers` holds "units/text.hpp" and the like.
[[nodiscard]] std::vector<std::string> public_header_violations(const std::set<std::string>& public_headers,
                                                                const std::string& source);

/// Output and process ends in library code: each offending call as written.
[[nodiscard]] std::vector<std::string> output_violations(const std::string& source);

}  // namespace cupola::house
