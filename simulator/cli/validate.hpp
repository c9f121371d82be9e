#pragma once

#include "cupola/cli/command.hpp"
#include "cupola/validation/dataset.hpp"

#include <string>
#include <vector>

namespace cupola::cli {

/// What `cupola validate` takes.
struct ValidateOptions {
    std::vector<std::string> operators, cases;
    std::string measurements, tolerance, rows_file;
    std::string gpu;  ///< of results of cupola-probe that do not say it
    bool defaults = false, json = false;
};

/// "0.07", "0.07,0.03" or "mape=0.07,bias=0.03"; nothing is no tolerance. InputError for anything else.
[[nodiscard]] validation::Tolerance parse_tolerance(const std::string& given);

/// Each directory replaced by the files in it with that extension, by name; InputError where it has none.
[[nodiscard]] std::vector<std::string> files_of(const std::vector<std::string>& given, const std::string& option,
                                                const std::string& extension, const std::string& what);

/// `validate --cases`: whole models.
[[nodiscard]] Result validate_cases(const ValidateOptions& options, const TextStyle& style);

}  // namespace cupola::cli
