#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define PROBE_HOST_DEVICE __host__ __device__
#else
#define PROBE_HOST_DEVICE
#endif

namespace cupola::probe {

/// 32 well-mixed bits of an element's index (the finaliser of MurmurHash3).
PROBE_HOST_DEVICE inline std::uint32_t random_bits(std::uint32_t seed, std::uint64_t index) {
    auto h = static_cast<std::uint32_t>(index) ^ (static_cast<std::uint32_t>(index >> 32) * 0x9e3779b9u) ^
             (seed * 0x85ebca6bu + 0x27d4eb2fu);
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

/// Element `index` of random data, the same on host and device: the sum of four uniform bytes, close to a normal
/// distribution of mean 0 and standard deviation 1.15 `scale`; times a power of two exact in fp16.
PROBE_HOST_DEVICE inline float random_value(std::uint32_t seed, std::uint64_t index, float scale) {
    const std::uint32_t bits = random_bits(seed, index);
    const std::uint32_t sum = (bits & 255u) + ((bits >> 8) & 255u) + ((bits >> 16) & 255u) + (bits >> 24);
    return (static_cast<float>(sum) - 510.0f) * (0.0078125f * scale);
}

}  // namespace cupola::probe
