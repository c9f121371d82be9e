#pragma once

#include "probe/kernels/device.hpp"

namespace cupola::probe {

inline constexpr int stream_threads = 512;
inline constexpr int stream_unroll = 4;  // independent 16-byte accesses in flight a thread

/// Random elements of `seed`, or zeros where `scale` is 0.
template <class T>
PROBE_KERNEL fill_kernel(T* out, std::int64_t count, std::uint32_t seed, float scale) {
    for (std::int64_t i = thread_index(); i < count; i += thread_count()) {
        out[i] = from_float<T>(scale == 0 ? 0.0f : random_value(seed, static_cast<std::uint64_t>(i), scale));
    }
}

/// Random bytes, for types of 8 bits; `mask` clears the bits that must not be set.
template <class T>
PROBE_KERNEL fill_bytes_kernel(T* out, std::int64_t count, std::uint32_t seed, unsigned mask) {
    for (std::int64_t i = thread_index(); i < count; i += thread_count()) {
        out[i] = static_cast<T>(random_bits(seed, static_cast<std::uint64_t>(i)) & mask);
    }
}

/// What a stream kernel does with 16-byte words.
enum class Stream { copy, read, write, triad, reduce };

/// out[i] = f(a[i], b[i]) over `count` packs; every thread has `stream_unroll` accesses in flight. `read` stores only
/// what random data never comes to; `reduce` leaves one float a block in `out`.
template <class T, Stream op>
PROBE_KERNEL stream_kernel(T* out, const T* a, const T* b, std::int64_t count) {
    constexpr int size = Pack<T>::size;
    float sum = 0;
    std::uint32_t seen = 0;
    const std::int64_t chunk = static_cast<std::int64_t>(blockDim.x) * stream_unroll;
    for (std::int64_t base = blockIdx.x * chunk; base < count; base += gridDim.x * chunk) {
        Pack<T> first[stream_unroll];
        Pack<T> second[stream_unroll];
#pragma unroll
        for (int u = 0; u < stream_unroll; ++u) {
            const std::int64_t i = base + u * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
            const std::int64_t safe = i < count ? i : 0;
            if (op != Stream::write) first[u] = load_pack(a + safe * size);
            if (op == Stream::triad) second[u] = load_pack(b + safe * size);
        }
#pragma unroll
        for (int u = 0; u < stream_unroll; ++u) {
            const std::int64_t i = base + u * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
            if (i >= count) continue;
            Pack<T> result = first[u];
#pragma unroll
            for (int j = 0; j < size; ++j) {
                if (op == Stream::write) result.values[j] = from_float<T>(1.5f);
                if (op == Stream::triad) {
                    result.values[j] = from_float<T>(to_float(first[u].values[j]) + 2 * to_float(second[u].values[j]));
                }
                if (op == Stream::reduce) sum += to_float(first[u].values[j]);
            }
            if (op == Stream::read) {
                uint4 raw;
                memcpy(&raw, &first[u], sizeof raw);
                seen |= raw.x & raw.y & raw.z & raw.w;
            }
            if (op == Stream::copy || op == Stream::write || op == Stream::triad) store_pack(out + i * size, result);
        }
    }
    if (op == Stream::read && seen == 0xfeedf00du) out[0] = from_float<T>(1);
    if (op == Stream::reduce) {
        __shared__ float partial[33];
        const float total = block_reduce<Sum>(sum, partial);
        if (threadIdx.x == 0) reinterpret_cast<float*>(out)[blockIdx.x] = total;
    }
}

/// What a kernel of several operands moves, in packs of 16 bytes; none where `packs` is 0.
struct TrafficArguments {
    static constexpr int most_reads = 4;
    static constexpr int most_writes = 2;
    struct Read {
        const float* data;
        std::int64_t packs;
    };
    struct Write {
        float* data;
        std::int64_t packs;
    };
    Read reads[most_reads];
    Write writes[most_writes];
    float* sink;         ///< never written; what the compiler must believe in where nothing is written
    std::int64_t packs;  ///< of the largest operand
};

/// Touches every byte of every operand once: element i of what is written is the sum of the elements i of what is read.
inline PROBE_KERNEL traffic_kernel(TrafficArguments a) {
    constexpr int size = Pack<float>::size;
    const std::int64_t chunk = static_cast<std::int64_t>(blockDim.x) * stream_unroll;
    for (std::int64_t base = blockIdx.x * chunk; base < a.packs; base += gridDim.x * chunk) {
        Pack<float> sums[stream_unroll] = {};
#pragma unroll
        for (int r = 0; r < TrafficArguments::most_reads; ++r) {
            Pack<float> packs[stream_unroll] = {};
#pragma unroll
            for (int u = 0; u < stream_unroll; ++u) {
                const std::int64_t i = base + u * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
                if (i < a.reads[r].packs) packs[u] = load_pack(a.reads[r].data + i * size);
            }
#pragma unroll
            for (int u = 0; u < stream_unroll; ++u) {
                for (int j = 0; j < size; ++j) sums[u].values[j] += packs[u].values[j];
            }
        }
#pragma unroll
        for (int u = 0; u < stream_unroll; ++u) {
            const std::int64_t i = base + u * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
            for (int w = 0; w < TrafficArguments::most_writes; ++w) {
                if (i < a.writes[w].packs) store_pack(a.writes[w].data + i * size, sums[u]);
            }
            if (sums[u].values[0] == 1e30f) a.sink[0] = 1;
        }
    }
}

/// Reads a word of type `Word` every `stride` bytes; neighbouring threads take neighbouring words.
template <class Word>
PROBE_KERNEL gather_kernel(float* out, const unsigned char* in, std::int64_t words, std::int64_t stride) {
    std::uint32_t seen = 0;
    const std::int64_t step = thread_count();
    for (std::int64_t i = thread_index(); i < words; i += 4 * step) {
#pragma unroll
        for (int u = 0; u < 4; ++u) {
            if (i + u * step >= words) continue;
            const Word word = *reinterpret_cast<const Word*>(in + (i + u * step) * stride);
            std::uint32_t low;
            memcpy(&low, &word, sizeof low);
            seen += low;
        }
    }
    if (seen == 0xfeedf00du) out[0] = 1;  // keeps the loads
}

inline constexpr int transpose_tile = 32;
inline constexpr int transpose_rows = 8;  // the block is 32 x 8 threads, as one dimension of 256

/// (batch, rows, columns) -> (batch, columns, rows), through tiles of 32 x 32 in shared memory. Grid: tiles of columns,
/// tiles of rows, batch.
template <class T>
PROBE_KERNEL transpose_kernel(T* out, const T* in, std::int64_t rows, std::int64_t columns) {
    __shared__ T tile[transpose_tile][transpose_tile + 2];
    const int lane = static_cast<int>(threadIdx.x) % transpose_tile;
    const int line = static_cast<int>(threadIdx.x) / transpose_tile;
    const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * transpose_tile;
    const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.y) * transpose_tile;
    const std::int64_t matrix = static_cast<std::int64_t>(blockIdx.z) * rows * columns;
    for (int r = line; r < transpose_tile; r += transpose_rows) {
        if (first_row + r < rows && first_column + lane < columns) {
            tile[r][lane] = in[matrix + (first_row + r) * columns + first_column + lane];
        }
    }
    __syncthreads();
    for (int c = line; c < transpose_tile; c += transpose_rows) {
        if (first_column + c < columns && first_row + lane < rows) {
            out[matrix + (first_column + c) * rows + first_row + lane] = tile[lane][c];
        }
    }
}

/// (batch, rows, columns, inner) -> (batch, columns, rows, inner); `inner` counts words of type `Word`.
template <class Word>
PROBE_KERNEL permute_kernel(Word* out, const Word* in, std::int64_t batch, std::int64_t rows, std::int64_t columns,
                            std::int64_t inner) {
    const std::int64_t count = batch * rows * columns * inner;
    for (std::int64_t i = thread_index(); i < count; i += thread_count()) {
        const std::int64_t word = i % inner;
        const std::int64_t row = i / inner % rows;
        const std::int64_t column = i / inner / rows % columns;
        const std::int64_t b = i / inner / rows / columns;
        out[i] = in[((b * rows + row) * columns + column) * inner + word];
    }
}

}  // namespace cupola::probe
