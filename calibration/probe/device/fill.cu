#include <algorithm>

#include "probe/device/tensor.hpp"
#include "probe/kernels/memory.hpp"

namespace cupola::probe {

void fill(void* address, Type type, std::int64_t count, std::uint32_t seed, float scale) {
    constexpr int threads = 256;
    const auto blocks = static_cast<unsigned>(std::min<std::int64_t>((count + threads - 1) / threads, 8192));
    if (count == 0) return;
    if (scale == 0) {
        check(cudaMemset(address, 0, static_cast<std::size_t>(count) * bytes_of(type)), "cudaMemset");
    } else if (type == Type::fp16) {
        fill_kernel<<<blocks, threads>>>(static_cast<Fp16*>(address), count, seed, scale);
    } else if (type == Type::bf16) {
        fill_kernel<<<blocks, threads>>>(static_cast<Bf16*>(address), count, seed, scale);
    } else if (type == Type::int8 || type == Type::fp8) {
        const unsigned mask = type == Type::fp8 ? 0xbfu : 0xffu;  // fp8 below 2: no NaN, no overflow
        fill_bytes_kernel<<<blocks, threads>>>(static_cast<unsigned char*>(address), count, seed, mask);
    } else {
        fill_kernel<<<blocks, threads>>>(static_cast<float*>(address), count, seed, scale);
    }
    check(cudaGetLastError(), "fill");
    check(cudaDeviceSynchronize(), "fill");
}

}  // namespace cupola::probe
