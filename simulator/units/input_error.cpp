#include "cupola/units/input_error.hpp"

#include <utility>

namespace cupola {
namespace {

void append_part(std::string& message, const std::string& separator, const std::string& part) {
    if (part.empty()) return;
    if (!message.empty()) message += separator;
    message += part;
}

std::string describe(const InputFault& fault) {
    std::string mismatch = fault.found.empty() ? "" : "found " + fault.found;
    if (!fault.expected.empty()) append_part(mismatch, ", ", "expected " + fault.expected);
    append_part(mismatch, "; ", fault.hint);

    std::string message = fault.where.text();
    append_part(message, ": ", fault.key_path);
    append_part(message, ": ", mismatch);
    return message;
}

}  // namespace

std::string SourcePosition::text() const {
    if (!file) return "";
    if (line <= 0) return *file;
    std::string text = *file + ":" + std::to_string(line);
    if (column > 0) text += ":" + std::to_string(column);
    return text;
}

InputError::InputError(InputFault fault) : std::runtime_error(describe(fault)), fault_(std::move(fault)) {}

}  // namespace cupola
