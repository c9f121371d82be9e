#pragma once

#include "probe/device/session.hpp"
#include "probe/device/tensor.hpp"

namespace cupola::probe {

/// Enqueues a copy of fp32 tensors, which must outlive it.
Enqueue copy_launch(Tensor& out, const Tensor& in, const Gpu& gpu);

}  // namespace cupola::probe
