#pragma once

#include "cupola/predict/ladder.hpp"
#include "cupola/report/style.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cupola {

/// A line a rung with a bar of its GPU time and idle time, then the `top` kernels that each rung changed most.
/// REQUIRES: at least one rung.
[[nodiscard]] std::string ladder_text(const std::vector<Rung>& rungs, const TextStyle& style, std::size_t top);
/// Keys: workload gpu rungs[levers replaces stack parameters latency_s interval_s gpu_busy_s gpu_idle_s step_speedup
/// speedup launches dram_bytes flops weight_bytes peak_memory_bytes energy_j changes].
[[nodiscard]] std::string ladder_json(const std::vector<Rung>& rungs);

}  // namespace cupola
