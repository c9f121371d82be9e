#include "cupola/config/node.hpp"
#include "cupola/config/node_data.hpp"
#include "cupola/config/tree_builder.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cupola::config {
namespace {

[[noreturn]] void refuse(SourcePosition where, std::string found, std::string expected, std::string hint = {}) {
    throw InputError({std::move(where), "", std::move(found), std::move(expected), std::move(hint)});
}

SourcePosition position_of(const std::shared_ptr<const std::string>& file, const std::string& text,
                           std::size_t offset) {
    SourcePosition where{file, 1, 1};
    for (std::size_t i = 0; i < offset; ++i) {
        ++where.column;
        if (text[i] == '\n') {
            ++where.line;
            where.column = 1;
        }
    }
    return where;
}

/// Bytes of the UTF-8 character that starts with `lead`; 0 if none does.
std::size_t character_length(unsigned char lead) {
    if (lead < 0x80U) return 1;
    if (lead >= 0xC2U && lead <= 0xDFU) return 2;
    if (lead >= 0xE0U && lead <= 0xEFU) return 3;
    if (lead >= 0xF0U && lead <= 0xF4U) return 4;
    return 0;
}

/// yaml-cpp replaces or misreads what is not text; such a file is most likely the wrong one.
void refuse_binary(const std::shared_ptr<const std::string>& file, const std::string& text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = character_length(lead);
        bool valid = length != 0 && i + length <= text.size();
        for (std::size_t k = 1; valid && k < length; ++k) {
            valid = (static_cast<unsigned char>(text[i + k]) & 0xC0U) == 0x80U;
        }
        if (!valid || (lead < 0x20U && lead != '\t' && lead != '\n' && lead != '\r') || lead == 0x7FU) {
            refuse(position_of(file, text, i), fmt::format("the byte 0x{:02x}", lead), "a text file in UTF-8");
        }
        i += length;
    }
}

bool indented_with_tab(const std::string& text, int line) {
    std::size_t start = 0;
    for (int i = 1; i < line && start != std::string::npos; ++i) {
        start = text.find('\n', start);
        if (start != std::string::npos) ++start;
    }
    if (start == std::string::npos) return false;
    const std::size_t first = text.find_first_not_of(" \t", start);
    return text.substr(start, first == std::string::npos ? first : first - start).find('\t') != std::string::npos;
}

/// JSON is YAML; whoever gave such a file is told of JSON.
std::string format_of(const std::string& file) { return file.ends_with(".json") ? "JSON" : "YAML"; }

std::string read_bytes(const std::shared_ptr<const std::string>& file, std::size_t limit) {
    const SourcePosition where{file, 0, 0};
    const std::string wanted = "a " + format_of(*file) + " file";
    std::error_code error;
    if (std::filesystem::is_directory(*file, error)) refuse(where, "a directory", wanted);
    errno = 0;
    std::ifstream stream(*file, std::ios::binary);
    if (!stream) {
        refuse(where, fmt::format("no readable file ({})", errno != 0 ? std::strerror(errno) : "cannot be opened"),
               wanted);
    }
    std::string text(limit + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad()) refuse(where, "an error while reading", wanted);
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return text;
}

}  // namespace

Node read_yaml_text(const std::string& text, std::string file_name, const ReadLimits& limits) {
    const auto file = std::make_shared<const std::string>(std::move(file_name));
    if (text.size() > limits.bytes) {
        refuse({file, 0, 0}, fmt::format("more than {} bytes", limits.bytes), "a smaller file", "split it");
    }
    refuse_binary(file, text);
    TreeBuilder builder(file, limits);
    try {
        // yaml-cpp takes an open quote for closed where only blanks follow, so something must: a comment elsewhere.
        std::istringstream stream(text + "\n#");
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::Exception& error) {
        const SourcePosition where{file, error.mark.line + 1, error.mark.column + 1};
        const std::string hint = indented_with_tab(text, where.line)          ? "indent with spaces, not with tabs"
                                 : error.msg == YAML::ErrorMsg::EOF_IN_SCALAR ? "close the quote"
                                                                              : "";
        const std::string format = format_of(*file);
        refuse(where, fmt::format("broken {} ({})", format, error.msg), "well-formed " + format, hint);
    }
    return builder.finish();
}

Node read_yaml_file(const std::string& path, const ReadLimits& limits) {
    return read_yaml_text(read_bytes(std::make_shared<const std::string>(path), limits.bytes), path, limits);
}

}  // namespace cupola::config
