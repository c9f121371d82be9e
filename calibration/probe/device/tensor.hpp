#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "probe/device/cuda.hpp"

namespace cupola::probe {

enum class Type { fp16, bf16, tf32, fp32, int8, fp8, int32 };

/// The type that a plan calls by this name.
Type type_of(const std::string& name);
std::size_t bytes_of(Type type);

/// What a kernel's output may differ from double precision, relative, for a type of operands.
double tolerance_of(Type type);

/// A tensor on the device whose initial elements the host can tell without reading them back.
class Tensor {
public:
    Tensor() = default;
    /// `count` random elements of `seed`, of standard deviation 1.15 `scale`; zeros where scale is 0.
    Tensor(Type type, std::int64_t count, std::uint32_t seed, float scale);
    /// `count` elements that are all NaN (of integers, -1), to be written.
    static Tensor poisoned(Type type, std::int64_t count);

    template <class T>
    T* as() const {
        return buffer_.as<T>();
    }
    void* address() const { return buffer_.address(); }
    std::int64_t count() const { return count_; }
    std::size_t bytes() const { return static_cast<std::size_t>(count_) * bytes_of(type_); }
    void poison();

    /// Element `i` as it was filled, by the host's own arithmetic.
    double filled(std::int64_t i) const;
    /// Elements `first` to `first + count` as they are on the device now.
    std::vector<double> fetched(std::int64_t first, std::int64_t count) const;

private:
    Type type_ = Type::fp32;
    std::int64_t count_ = 0;
    std::uint32_t seed_ = 0;
    float scale_ = 0;
    Buffer buffer_;
};

/// Fills device memory with what Tensor::filled tells.
void fill(void* address, Type type, std::int64_t count, std::uint32_t seed, float scale);

}  // namespace cupola::probe
