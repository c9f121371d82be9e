#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "probe/device/tensor.hpp"

namespace cupola::probe {

/// A convolution forward in 2 or 3 dimensions: Y = X * W, without bias. Extents are depth, height, width; a 2-D one
/// has depth 1 and is described in 2 dimensions.
struct Convolution {
    Type type = Type::fp16;
    bool is_nhwc = true;
    std::int64_t batch = 1, in_channels = 1, out_channels = 1;
    std::vector<std::int64_t> extent, kernel, stride, padding;  ///< 2 or 3 each

    std::vector<std::int64_t> out_extent() const;
};

/// Fused attention: dims are batch, heads, tokens, dim; strides of queries (and output) and of keys (and values).
struct FusedAttention {
    Type type = Type::bf16;
    std::int64_t batch = 1, heads = 1, queries = 1, keys = 1, dim = 64;
    std::vector<std::int64_t> query_strides, key_strides;
    float scale = 1;
    bool causal = false;
};

/// An execution plan of cuDNN's graph API, the first of its heuristic's suggestions that can be built.
class CudnnPlan {
public:
    /// Operands of the convolution in the order x, w, y. Throws SkippedCase where cuDNN is missing or has no engine.
    explicit CudnnPlan(const Convolution& convolution);
    /// Operands in the order q, k, v, o.
    explicit CudnnPlan(const FusedAttention& attention);
    ~CudnnPlan();
    CudnnPlan(const CudnnPlan&) = delete;
    CudnnPlan& operator=(const CudnnPlan&) = delete;

    /// The operands' addresses, once before the first launch.
    void bind(const std::vector<void*>& operands);
    void enqueue(cudaStream_t stream) const;
    const std::string& variant() const;
    std::string version() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace cupola::probe
