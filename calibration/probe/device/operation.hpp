#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

namespace cupola::probe {

/// Something to be timed: what a framework would launch for one operator.
struct Operation {
    std::string provider = "own";  ///< own, cublaslt, cudnn
    std::string variant;
    std::string library_version;
    double traffic_bytes = 0;  ///< every operand once
    double flops = 0;
    double tolerance = 0;  ///< of `error`
    /// Enqueues it once. It may be captured into a graph. Owns what it needs.
    std::function<void(cudaStream_t)> launch;
    /// Relative distance of the last result to double precision; empty where none is defined.
    std::function<double()> error;
};

}  // namespace cupola::probe
