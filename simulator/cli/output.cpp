#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

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

}  // namespace cupola::cli
