#pragma once

#include <string>

namespace cupola::probe {

/// The plan that is run where none is given, as text: sections 1 to 8, with priorities. What no public data covers
/// comes first: half-precision memory-bound kernels and convolutions, then attention at small sizes, then the rest.
std::string builtin_plan();

}  // namespace cupola::probe
