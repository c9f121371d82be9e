#pragma once

#include "cupola/cost/cost.hpp"
#include "cupola/kernel/kernel.hpp"
#include "cupola/workload/graph.hpp"

#include <string>

namespace cupola::validation {

/// How cupola-probe measures a kernel: a line of its plan, or why it cannot.
struct ProbeCase {
    std::string line;    ///< "gemm type=bf16 m=2048 n=1280 k=1280 cache=hot"; empty: none
    std::string reason;  ///< why there is none
};

/// The case of a kernel that an operator of `graph` launches. Matrix kernels go to the libraries; of memory-bound ones
/// those that the probe has a kernel for keep it, the others become `traffic`: as many operands of as many bytes.
/// Operands count as resident (`cache=hot`) where by `cost` less than half of their bytes come from DRAM.
[[nodiscard]] ProbeCase probe_case(const Kernel& kernel, const KernelCost& cost, const Graph& graph,
                                   const Operator& op);

}  // namespace cupola::validation
