#pragma once

#include "cupola/cost/calibration.hpp"

#include <string>

namespace cupola::fit {

/// The text of hwmodels/calibrated/<gpu>.yaml; the loader reads the same calibration from it.
[[nodiscard]] std::string calibration_yaml(const Calibration& calibration);

/// Replaces a file whole or not at all: writes beside it, then renames. InputError where that fails.
void write_atomically(const std::string& path, const std::string& text);

}  // namespace cupola::fit
