#pragma once

#include "cupola/kernel/kernel.hpp"
#include "cupola/workload/graph.hpp"

#include <string>
#include <string_view>

namespace cupola {

// Short texts for operators and kernels, the same in every format.

/// The sizes of a kernel's work: "2x320x128x128 > 2x640x64x64 3x3 /2", "m8192 n1280 k640", "b2 h10 q4096 k4096 d64".
[[nodiscard]] std::string sizes_text(const Work& work);

/// What an operator's shapes do not say: "kernel=3x3 stride=1x1 pad=1x1 groups=1", "heads=10 causal=0".
[[nodiscard]] std::string attributes_text(const OperatorKind& kind);

/// FLOP per multiply-add, where only multiply-adds are counted.
inline constexpr double flops_per_mac = 2.0;

/// "a number as a person writes it": no fraction where there is none, else two digits after the point.
[[nodiscard]] std::string count_text(double value);

}  // namespace cupola
