#include "cupola/cli/validate.hpp"
#include "cupola/units/input_error.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace cupola::cli {
namespace {

namespace fs = std::filesystem;

/// A fraction from the front of a text, which then begins behind it.
std::optional<double> take_fraction(std::string_view& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !(value >= 0 && value <= 100)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// Takes "name=" from the front of a text, if it is there.
bool take_name(std::string_view& text, std::string_view name) {
    if (!text.starts_with(name)) return false;
    text.remove_prefix(name.size());
    return true;
}

/// The part of a tolerance at the front of a text; false where there is none.
bool take_part(std::string_view& text, validation::Tolerance& tolerance, bool first) {
    const bool is_bias = take_name(text, "bias=") || (!take_name(text, "mape=") && !first);
    std::optional<double>& limit = is_bias ? tolerance.bias : tolerance.mape;
    if (limit) return false;
    limit = take_fraction(text);
    return limit.has_value();
}

}  // namespace

validation::Tolerance parse_tolerance(const std::string& given) {
    validation::Tolerance tolerance;
    if (given.empty()) return tolerance;
    std::string_view text = given;
    bool valid = take_part(text, tolerance, true);
    if (valid && take_name(text, ",")) valid = take_part(text, tolerance, false);
    if (valid && text.empty()) return tolerance;
    throw InputError({{},
                      "--tolerance",
                      "\"" + given + "\"",
                      "the greatest MAPE, or it and the greatest |bias|, as fractions",
                      "for example --tolerance 0.07,0.03 or --tolerance mape=0.07,bias=0.03"});
}

std::vector<std::string> files_of(const std::vector<std::string>& given, const std::string& option,
                                  const std::string& extension, const std::string& what) {
    std::vector<std::string> files;
    for (const std::string& name : given) {
        std::error_code ignored;
        if (!fs::is_directory(name, ignored)) {
            files.push_back(name);
            continue;
        }
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(name, ignored)) {
            if (entry.path().extension() == extension) found.push_back(entry.path().string());
        }
        if (found.empty()) {
            throw InputError({{}, option, name + " without a " + extension + " file", "a directory of " + what, ""});
        }
        std::sort(found.begin(), found.end());
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

}  // namespace cupola::cli
