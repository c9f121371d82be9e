#include "reference_list.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace fs = std::filesystem;

namespace cupola::accuracy {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == separator) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

Sizes parse_sizes(const std::string& text) {
    Sizes sizes;
    if (text.empty() || text == "()" || text == "mask") return sizes;  // a scalar; a mask is named without its sizes
    for (const std::string& part : split(text, 'x')) sizes.push_back(std::stoll(part));
    return sizes;
}

/// What `gzip -dc` makes of the file.
std::string unzipped(const std::string& path) {
    const auto close = [](std::FILE* file) { pclose(file); };
    const std::unique_ptr<std::FILE, decltype(close)> pipe(popen(("gzip -dc '" + path + "'").c_str(), "r"), close);
    std::string text;
    std::array<char, 65536> buffer{};
    while (pipe) {
        const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
        if (count == 0) break;
        text.append(buffer.data(), count);
    }
    return text;
}

}  // namespace

std::optional<std::string> reference_directory() {
    const char* set = std::getenv("CUPOLA_REFERENCE_DATA");
    const fs::path directory = set != nullptr ? fs::path(set) : fs::path(CUPOLA_SOURCE_DIR) / ".." / "shared";
    if (!fs::is_directory(directory / "graphs")) return std::nullopt;
    return directory.string();
}

std::vector<ListRow> read_list(const std::string& directory, const std::string& name) {
    const std::string path = directory + "/graphs/" + name + ".tsv.gz";
    std::istringstream lines(unzipped(path));
    std::vector<ListRow> rows;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        const std::vector<std::string> fields = split(line, '\t');
        if (fields.size() < 4) throw std::runtime_error(path + ": a line of fewer than 4 fields: " + line);
        ListRow row{fields[0],
                    fields[1],
                    {},
                    parse_sizes(fields[3]),
                    fields.size() > 4 ? std::stod(fields[4]) : 0,
                    fields.size() > 5 ? fields[5] : ""};
        for (const std::string& input : split(fields[2], ';')) row.inputs.push_back(parse_sizes(input));
        rows.push_back(row);
    }
    if (rows.empty()) throw std::runtime_error(path + ": no operators read");
    return rows;
}

std::string text_of(const Sizes& sizes) {
    std::string text;
    for (const std::int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
    return text;
}

std::int64_t elements_of(const Sizes& sizes) {
    std::int64_t elements = 1;
    for (const std::int64_t size : sizes) elements *= size;
    return elements;
}

}  // namespace cupola::accuracy
