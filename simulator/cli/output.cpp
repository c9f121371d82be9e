#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace cupola::cli {
namespace {

bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

}  // namespace

TextStyle terminal_style() {
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal != nullptr && std::strcmp(terminal, "dumb") == 0;
    TextStyle style;
    style.colour = isatty(STDOUT_FILENO) == 1 && !is_set("NO_COLOR") && !dumb;
    return style;
}

void write_output(const std::string& text) {
    errno = 0;
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written || errno == EPIPE) return;
    throw InputError({{}, "standard output", std::strerror(errno), "a place to write to", ""});
}

void write_file(const std::string& path, const std::string& text, const std::string& option) {
    errno = 0;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
    const bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                         std::fflush(file.get()) == 0;
    if (written) return;
    throw InputError({{}, option, path + ": " + std::strerror(errno), "a file that can be written", ""});
}

Progress::Progress(std::size_t parts) : parts_(parts), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::begin(const std::string& part) {
    ++begun_;
    if (!terminal_ || parts_ < 2) return;
    clear();
    std::fprintf(stderr, "%zu of %zu: %s", begun_, parts_, part.c_str());
    std::fflush(stderr);
    shown_ = true;
}

void Progress::clear() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
    shown_ = false;
}

}  // namespace cupola::cli
