#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

#include "probe/device/cuda.hpp"
#include "probe/device/tensor.hpp"

namespace cupola::probe {

enum class Epilogue { none, bias, gelu_bias, residual };

/// C[m, n] = alpha A[m, k] B + epilogue, for each of a batch, rows contiguous. B is [n, k] (a weight, or keys), or
/// [k, n] where `is_b_plain`.
struct Matmul {
    Type type = Type::bf16;
    std::int64_t batch = 1, m = 1, n = 1, k = 1;
    bool is_b_plain = false;
    Epilogue epilogue = Epilogue::none;
    float alpha = 1;
};

/// The type of C: that of the operands, bf16 for fp8, int32 for int8.
Type output_type(Type operand);

/// A product that cuBLASLt's heuristic has chosen an algorithm for.
class MatmulPlan {
public:
    /// Throws SkippedCase where cuBLASLt is not installed or has no algorithm.
    explicit MatmulPlan(const Matmul& matmul);
    ~MatmulPlan();
    MatmulPlan(const MatmulPlan&) = delete;
    MatmulPlan& operator=(const MatmulPlan&) = delete;

    /// `bias` has n elements; `residual` is added to C where the epilogue says so.
    void enqueue(void* c, const void* a, const void* b, const void* bias, const void* residual,
                 cudaStream_t stream) const;
    const std::string& variant() const { return variant_; }
    std::string version() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    std::string variant_;
};

}  // namespace cupola::probe
