#include "probe/sections/fused_attention.hpp"

#include "probe/host/error.hpp"
#include "probe/kernels/attention.hpp"

namespace cupola::probe {

namespace {

template <class T, int padded_dim>
Enqueue launch_of(const Attention& a, const AttentionArguments<T>& arguments) {
    constexpr int shared = attention_shared_bytes(padded_dim);
    check(cudaFuncSetAttribute(attention_kernel<T, padded_dim>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared),
          "cudaFuncSetAttribute");
    const std::int64_t tiles = (a.queries + attention_queries - 1) / attention_queries;
    const auto blocks = static_cast<unsigned>(tiles * a.heads * a.batch);
    return [=](cudaStream_t stream) {
        attention_kernel<T, padded_dim><<<blocks, attention_threads, shared, stream>>>(arguments);
        check(cudaGetLastError(), "attention_kernel");
    };
}

/// The smallest padded head dim that holds the case's.
template <class T>
Enqueue launch_of(const Attention& a, const Tensor& out, const Tensor& query, const Tensor& key, const Tensor& value) {
    const AttentionArguments<T> arguments{out.as<T>(),
                                          query.as<T>(),
                                          key.as<T>(),
                                          value.as<T>(),
                                          a.query_strides,
                                          a.key_strides,
                                          static_cast<int>(a.heads),
                                          static_cast<int>(a.queries),
                                          static_cast<int>(a.keys),
                                          static_cast<int>(a.dim),
                                          a.scale * 1.4426950408889634f,
                                          a.causal};
    if (a.dim <= 48) return launch_of<T, 48>(a, arguments);
    if (a.dim <= 64) return launch_of<T, 64>(a, arguments);
    if (a.dim <= 80) return launch_of<T, 80>(a, arguments);
    if (a.dim <= 128) return launch_of<T, 128>(a, arguments);
    if (a.dim <= 160) return launch_of<T, 160>(a, arguments);
    return launch_of<T, 256>(a, arguments);
}

}  // namespace

Enqueue own_attention_launch(const Attention& attention, const Tensor& out, const Tensor& query, const Tensor& key,
                             const Tensor& value, const Gpu& gpu) {
    if (attention.dim % 8 != 0) throw SkippedCase("head dims are a multiple of 8");
    if (static_cast<std::size_t>(attention_shared_bytes(attention.dim > 160 ? 256 : 160)) > gpu.shared_bytes_block) {
        throw SkippedCase("the GPU's blocks have too little shared memory");
    }
    return attention.type == Type::fp16 ? launch_of<Fp16>(attention, out, query, key, value)
                                        : launch_of<Bf16>(attention, out, query, key, value);
}

}  // namespace cupola::probe
