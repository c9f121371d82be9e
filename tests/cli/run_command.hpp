#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>

/// What a shell command left behind.
struct Outcome {
    int status = 0;
    std::string output;  ///< standard output, and standard error where the command line joins them
};

/// Runs a shell command line to its end.
inline Outcome run_shell(const std::string& line) {
    FILE* pipe = popen(line.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot start " + line);
    Outcome outcome;
    std::array<char, 4096> buffer{};
    for (std::size_t size; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        outcome.output.append(buffer.data(), size);
    }
    const int status = pclose(pipe);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

/// `cupola <arguments>` on the data of this source tree, both streams joined.
inline Outcome cupola(const std::string& arguments) {
    return run_shell("CUPOLA_DATA='" CUPOLA_SOURCE_DIR "' '" CUPOLA_COMMAND "' " + arguments + " 2>&1");
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
