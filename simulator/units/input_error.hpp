#pragma once

#include <memory>
#include <stdexcept>
#include <string>

namespace cupola {

/// A place in a user's file. Line and column count from 1; 0 means "not known" (a value made by the program).
struct SourcePosition {
    std::shared_ptr<const std::string> file;  ///< shared by all positions of one file; null if not from a file
    int line = 0;
    int column = 0;

    /// "file:line:column", "file", or "" as far as known.
    [[nodiscard]] std::string text() const;
};

/// What was wrong with an input and how to mend it; the parts of `InputError::what()`.
struct InputFault {
    SourcePosition where;
    std::string key_path;  ///< "stages.denoiser.repeat"; may be empty
    std::string found;     ///< what stands there
    std::string expected;  ///< what should
    std::string hint;      ///< how to mend it; may be empty
};

/// Any mistake in what a user gave: a file, a value, a name on the command line.
/// `what()` reads "file:line:column: key.path: found …, expected …; hint".
class InputError : public std::runtime_error {
public:
    explicit InputError(InputFault fault);
    [[nodiscard]] const InputFault& fault() const { return fault_; }

private:
    InputFault fault_;
};

}  // namespace cupola
