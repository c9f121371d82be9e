#pragma once

#include <stdexcept>

namespace cupola::probe {

/// The program cannot go on: a bad option, a file that cannot be read or written, no GPU.
struct FatalError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The case cannot run here, which is no fault: too little memory, a library that is not installed.
struct SkippedCase : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The case went wrong. `broken` tells that the process can use the GPU no more.
struct FailedCase : std::runtime_error {
    explicit FailedCase(const std::string& message, bool is_broken = false)
        : std::runtime_error(message), broken(is_broken) {}
    bool broken;
};

}  // namespace cupola::probe
