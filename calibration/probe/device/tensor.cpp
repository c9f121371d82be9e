#include "probe/device/tensor.hpp"

#include <cmath>
#include <cstring>

#include "probe/host/error.hpp"
#include "probe/host/half.hpp"
#include "probe/host/random.hpp"

namespace cupola::probe {

namespace {

/// An 8-bit float of 4 exponent and 3 mantissa bits; no NaN is among those that `fill` makes.
double from_e4m3(unsigned bits) {
    const double sign = (bits & 0x80u) != 0 ? -1 : 1;
    const int exponent = static_cast<int>((bits >> 3) & 15u);
    const double mantissa = (bits & 7u) / 8.0;
    return exponent == 0 ? sign * std::ldexp(mantissa, -6) : sign * std::ldexp(1 + mantissa, exponent - 7);
}

double decoded(Type type, const unsigned char* element) {
    std::uint16_t half;
    float single;
    std::int32_t integer;
    switch (type) {
        case Type::fp16: std::memcpy(&half, element, sizeof half); return static_cast<double>(from_fp16_bits(half));
        case Type::bf16: std::memcpy(&half, element, sizeof half); return static_cast<double>(from_bf16_bits(half));
        case Type::tf32:
        case Type::fp32: std::memcpy(&single, element, sizeof single); return static_cast<double>(single);
        case Type::int32: std::memcpy(&integer, element, sizeof integer); return integer;
        case Type::int8: return static_cast<double>(static_cast<signed char>(*element));
        case Type::fp8: return from_e4m3(*element);
    }
    return 0;
}

}  // namespace

Type type_of(const std::string& name) {
    if (name == "fp16") return Type::fp16;
    if (name == "bf16") return Type::bf16;
    if (name == "tf32") return Type::tf32;
    if (name == "fp32") return Type::fp32;
    if (name == "int8") return Type::int8;
    if (name == "fp8") return Type::fp8;
    throw FailedCase("unknown type " + name);
}

std::size_t bytes_of(Type type) {
    switch (type) {
        case Type::int8:
        case Type::fp8: return 1;
        case Type::fp16:
        case Type::bf16: return 2;
        default: return 4;
    }
}

double tolerance_of(Type type) {
    switch (type) {
        case Type::fp16: return 2e-3;
        case Type::bf16: return 1e-2;
        case Type::tf32: return 2e-3;
        case Type::fp8: return 1e-2;  // exact operands, a bf16 result
        case Type::int8:
        case Type::int32: return 1e-12;
        case Type::fp32: return 1e-4;
    }
    return 0;
}

Tensor::Tensor(Type type, std::int64_t count, std::uint32_t seed, float scale)
    : type_(type),
      count_(count),
      seed_(seed),
      scale_(scale),
      buffer_(static_cast<std::size_t>(count) * bytes_of(type)) {
    fill(buffer_.address(), type, count, seed, scale);
}

Tensor Tensor::poisoned(Type type, std::int64_t count) {
    Tensor tensor;
    tensor.type_ = type;
    tensor.count_ = count;
    tensor.buffer_ = Buffer(static_cast<std::size_t>(count) * bytes_of(type));
    tensor.poison();
    return tensor;
}

void Tensor::poison() { check(cudaMemset(buffer_.address(), 0xff, bytes()), "cudaMemset"); }

double Tensor::filled(std::int64_t i) const {
    const auto index = static_cast<std::uint64_t>(i);
    if (scale_ == 0) return 0;
    switch (type_) {
        case Type::fp8: return from_e4m3(random_bits(seed_, index) & 0xbfu);
        case Type::int8: return static_cast<double>(static_cast<signed char>(random_bits(seed_, index) & 0xffu));
        case Type::bf16: return static_cast<double>(from_bf16_bits(to_bf16_bits(random_value(seed_, index, scale_))));
        case Type::fp16: return static_cast<double>(from_fp16_bits(to_fp16_bits(random_value(seed_, index, scale_))));
        default: return static_cast<double>(random_value(seed_, index, scale_));
    }
}

std::vector<double> Tensor::fetched(std::int64_t first, std::int64_t count) const {
    const std::size_t size = bytes_of(type_);
    std::vector<unsigned char> raw(static_cast<std::size_t>(count) * size);
    const unsigned char* source = buffer_.as<unsigned char>() + static_cast<std::size_t>(first) * size;
    check(cudaMemcpy(raw.data(), source, raw.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < raw.size(); i += size) values.push_back(decoded(type_, &raw[i]));
    return values;
}

}  // namespace cupola::probe
