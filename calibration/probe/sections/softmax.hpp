#pragma once

#include "probe/device/session.hpp"
#include "probe/device/tensor.hpp"

namespace cupola::probe {

/// Enqueues the softmax of each row of `in`; both tensors must outlive it.
Enqueue softmax_launch(Tensor& out, const Tensor& in, Type type, std::int64_t rows, std::int64_t columns,
                       const Gpu& gpu);

}  // namespace cupola::probe
