#include "cupola/fit/write.hpp"

#include "cupola/units/input_error.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace cupola::fit {
namespace {

/// A text in double quotes as YAML reads it back.
std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + "\"";
}

std::string seconds(Seconds time) { return fmt::format("{:g} s", time.value()); }

/// "kind: memory, variant: streaming"; without a variant where the kind has none.
template <typename T>
std::string kind_yaml(const T& entry) {
    const std::string kind = fmt::format("kind: {}", name_of(entry.kind));
    return entry.variant.empty() ? kind : kind + ", variant: " + entry.variant;
}

std::string parameters_yaml(const LibraryCalibration& library) {
    if (library.parameters.empty()) return "    parameters: {}\n";
    std::string text = "    parameters:\n";
    for (const FittedParameter& parameter : library.parameters) {
        text += fmt::format("      {}: {{value: {:.6g}, standard_error: {:.2g}, pinned_by: {}}}\n", parameter.name,
                            parameter.value, parameter.standard_error, quoted(parameter.pinned_by));
    }
    return text;
}

std::string errors_yaml(const LibraryCalibration& library) {
    std::string text = library.errors.empty() ? "    errors: []\n" : "    errors:\n";
    for (const ErrorClass& error : library.errors) {
        text += fmt::format(
            "      - {{{}, type: {}, from: {}, to: {}, rows: {}, low: {:.4f}, high: {:.4f}, shared: {:.3f}}}\n",
            kind_yaml(error), name_of(error.type), seconds(error.from), seconds(error.to), error.rows, error.low,
            error.high, error.shared);
    }
    return text;
}

std::string ranges_yaml(const LibraryCalibration& library) {
    std::string text = library.ranges.empty() ? "    ranges: []\n" : "    ranges:\n";
    for (const SizeRange& range : library.ranges) {
        text += fmt::format("      - {{{}, type: {}", kind_yaml(range), name_of(range.type));
        for (std::size_t i = 0; i < range.low.size(); ++i) {
            text += fmt::format(", {}: [{}, {}]", size_names(range.kind)[i], range.low[i], range.high[i]);
        }
        text += "}\n";
    }
    return text;
}

std::string data_yaml(const LibraryCalibration& library) {
    std::string text = library.data.empty() ? "    data: []\n" : "    data:\n";
    for (const UsedData& data : library.data) {
        text += fmt::format("      - {{name: {}, file: {}, fnv1a: \"{}\", train_rows: {}, test_rows: {}}}\n",
                            quoted(data.name), quoted(data.file), data.fnv1a, data.train_rows, data.test_rows);
    }
    return text;
}

[[noreturn]] void refuse(const std::string& path) {
    throw InputError({{}, "", path + ": " + std::strerror(errno), "a file that can be written", ""});
}

}  // namespace

std::string calibration_yaml(const Calibration& calibration) {
    std::string text =
        "# Parameters of the cost model fitted to measurements of this GPU, by library. Written by the command below;\n"
        "# calibration/README.md explains every key.\n";
    text +=
        fmt::format("gpu: {}\ndate: {}\ncommand: {}\n", calibration.gpu, calibration.date, quoted(calibration.command));
    text += calibration.libraries.empty() ? "libraries: {}\n" : "libraries:\n";
    for (const LibraryCalibration& library : calibration.libraries) {
        text += fmt::format("  {}:\n", library.name) + parameters_yaml(library) + errors_yaml(library) +
                ranges_yaml(library) + data_yaml(library);
    }
    return text;
}

void write_atomically(const std::string& path, const std::string& text) {
    const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
    errno = 0;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(temporary.c_str(), "wb"), std::fclose);
    if (file == nullptr) refuse(temporary);
    const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                         std::fflush(file.get()) == 0 && fsync(fileno(file.get())) == 0;
    file.reset();
    if (written && std::rename(temporary.c_str(), path.c_str()) == 0) return;
    const int error = errno;
    std::remove(temporary.c_str());
    errno = error;
    refuse(path);
}

}  // namespace cupola::fit
