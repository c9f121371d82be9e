#pragma once

#include "probe/device/session.hpp"
#include "probe/device/tensor.hpp"
#include "probe/kernels/attention_strides.hpp"

namespace cupola::probe {

/// An attention's shape and where its elements lie.
struct Attention {
    Type type = Type::bf16;
    std::int64_t batch = 1, heads = 1, queries = 1, keys = 1, dim = 64;
    bool causal = false;
    AttentionStrides query_strides{}, key_strides{};
    float scale = 1;  ///< 1 / sqrt(dim)
};

/// Our own fused kernel; the tensors must outlive it. Throws SkippedCase for head dims that it is not built for.
Enqueue own_attention_launch(const Attention& attention, const Tensor& out, const Tensor& query, const Tensor& key,
                             const Tensor& value, const Gpu& gpu);

}  // namespace cupola::probe
