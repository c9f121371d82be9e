#pragma once

#include "cupola/predict/explain.hpp"
#include "cupola/report/style.hpp"

#include <cstddef>
#include <string>

namespace cupola {

/// The selection's sums, what twice of each resource would bring, and every term of the `top` kernels that take
/// longest.
[[nodiscard]] std::string explanation_text(const Explanation& explanation, const TextStyle& style, std::size_t top);
/// Keys: workload gpu stack selection launches gpu_busy_s run_busy_s host_s roofline_s flops dram_bytes by_bound
/// with_twice kernels.
[[nodiscard]] std::string explanation_json(const Explanation& explanation);

}  // namespace cupola
