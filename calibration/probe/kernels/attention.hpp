#pragma once

#include "probe/kernels/attention_strides.hpp"
#include "probe/kernels/device.hpp"

namespace cupola::probe {

#if defined(__CUDACC__)

/// d += a b for fragments of 16 x 16 and 16 x 8 elements, on the tensor cores.
template <class T>
PROBE_DEVICE void mma_16x8x16(float* d, const std::uint32_t* a, const std::uint32_t* b);
template <>
PROBE_DEVICE void mma_16x8x16<Fp16>(float* d, const std::uint32_t* a, const std::uint32_t* b) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
template <>
PROBE_DEVICE void mma_16x8x16<Bf16>(float* d, const std::uint32_t* a, const std::uint32_t* b) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

PROBE_DEVICE void load_matrix_x4(std::uint32_t* words, const void* row, bool is_transposed) {
    const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
    if (is_transposed) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                     : "r"(address)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                     : "r"(address)
                     : "memory");
    }
}

/// Copies 16 bytes to shared memory while the thread goes on; zeros where `is_valid` is false.
PROBE_DEVICE void copy_async_16(void* shared, const void* global, bool is_valid) {
    const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(is_valid ? 16 : 0)
                 : "memory");
}
PROBE_DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int pending>
PROBE_DEVICE void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

#endif

template <class T>
struct AttentionArguments {
    T* out;
    const T* query;
    const T* key;
    const T* value;
    AttentionStrides query_strides;  ///< of the output too
    AttentionStrides key_strides;    ///< of the values too
    int heads, queries, keys, dim;   ///< dim is a multiple of 8
    float scale_log2;                ///< scale x log2(e)
    bool causal;                     ///< query i sees keys up to i + keys - queries
};

inline constexpr int attention_threads = 128;
inline constexpr int attention_queries = 64;  // rows of a block: 16 a warp
inline constexpr int attention_keys = 32;     // of a step

/// Elements of a row of shared memory: 16 bytes more than the data, so that 8 rows fall into different banks.
PROBE_HOST_DEVICE constexpr int attention_pitch(int padded_dim) { return padded_dim + 8; }
/// Shared memory: the block's queries, and two steps' keys and values.
PROBE_HOST_DEVICE constexpr int attention_shared_bytes(int padded_dim) {
    return (attention_queries + 4 * attention_keys) * attention_pitch(padded_dim) * 2;
}

/// Begins to copy `count` rows of a tensor to shared memory; rows from `valid` on and columns from `dim` on are zeros.
template <class T, int padded_dim>
PROBE_DEVICE void begin_rows(T* shared, const T* global, std::int64_t stride, int count, int valid, int dim) {
    constexpr int chunks = padded_dim / 8;
    for (int i = static_cast<int>(threadIdx.x); i < count * chunks; i += attention_threads) {
        const int row = i / chunks;
        const int column = i % chunks * 8;
        const bool is_valid = row < valid && column < dim;
        copy_async_16(shared + row * attention_pitch(padded_dim) + column,
                      is_valid ? global + row * stride + column : global, is_valid);
    }
}

template <class T>
PROBE_DEVICE std::uint32_t packed(float low, float high) {
    const T halves[2] = {from_float<T>(low), from_float<T>(high)};
    std::uint32_t word;
    memcpy(&word, halves, sizeof word);
    return word;
}

PROBE_DEVICE float quad_maximum(float value) {
    for (int step = 1; step < 4; step *= 2) value = Maximum::of(value, __shfl_xor_sync(0xffffffffu, value, step));
    return value;
}

PROBE_DEVICE float quad_sum(float value) {
    for (int step = 1; step < 4; step *= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

/// A warp's 16 rows of the running softmax: each thread holds rows lane / 4 and lane / 4 + 8, and of each 8 columns of
/// a fragment those at lane % 4 x 2.
template <class T, int padded_dim>
struct AttentionState {
    float out[padded_dim / 8][4];
    float maximum[2];
    float sum[2];

    PROBE_DEVICE void clear() {
#pragma unroll
        for (int n = 0; n < padded_dim / 8; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) out[n][i] = 0;
        }
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            maximum[r] = -INFINITY;
            sum[r] = 0;
        }
    }

    /// scores = queries x keys^T for `attention_keys` keys.
    PROBE_DEVICE void scores_of(float (*scores)[4], const T* queries, const T* keys, int lane) const {
        constexpr int pitch = attention_pitch(padded_dim);
#pragma unroll
        for (int n = 0; n < attention_keys / 8; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) scores[n][i] = 0;
        }
#pragma unroll
        for (int k = 0; k < padded_dim; k += 16) {
            std::uint32_t a[4];
            load_matrix_x4(a, queries + lane % 16 * pitch + k + lane / 16 * 8, false);
#pragma unroll
            for (int n = 0; n < attention_keys; n += 16) {
                // matrices: keys n..n+7 at k and k + 8, then keys n+8..n+15 at k and k + 8
                std::uint32_t b[4];
                load_matrix_x4(b, keys + (n + lane / 16 * 8 + lane % 8) * pitch + k + lane / 8 % 2 * 8, false);
                mma_16x8x16<T>(scores[n / 8], a, b);
                mma_16x8x16<T>(scores[n / 8 + 1], a, b + 2);
            }
        }
    }

    /// Replaces scores by weights relative to the new maximum, and rescales what was summed so far.
    PROBE_DEVICE void soften(float (*scores)[4], float scale_log2, int first_row, int first_key, int last_key,
                             int shift, bool causal, int lane) {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const int row = first_row + lane / 4 + r * 8;
            float highest = maximum[r];
#pragma unroll
            for (int n = 0; n < attention_keys / 8; ++n) {
#pragma unroll
                for (int i = 2 * r; i < 2 * r + 2; ++i) {
                    const int key = first_key + n * 8 + lane % 4 * 2 + i % 2;
                    const bool is_seen = key < last_key && (!causal || key <= row + shift);
                    scores[n][i] = is_seen ? scores[n][i] * scale_log2 : -INFINITY;
                    highest = Maximum::of(highest, scores[n][i]);
                }
            }
            highest = quad_maximum(highest);
            const float base = highest == -INFINITY ? 0 : highest;  // a row that sees nothing yet
            const float fading = fast_exp2(maximum[r] - base);
            maximum[r] = highest;
            sum[r] *= fading;
#pragma unroll
            for (int n = 0; n < padded_dim / 8; ++n) {
                out[n][2 * r] *= fading;
                out[n][2 * r + 1] *= fading;
            }
#pragma unroll
            for (int n = 0; n < attention_keys / 8; ++n) {
#pragma unroll
                for (int i = 2 * r; i < 2 * r + 2; ++i) {
                    scores[n][i] = fast_exp2(scores[n][i] - base);
                    sum[r] += scores[n][i];
                }
            }
        }
    }

    /// out += weights x values.
    PROBE_DEVICE void add_values(const float (*weights)[4], const T* values, int lane) {
        constexpr int pitch = attention_pitch(padded_dim);
#pragma unroll
        for (int k = 0; k < attention_keys; k += 16) {
            const float* const left = weights[k / 8];
            const float* const right = weights[k / 8 + 1];
            const std::uint32_t a[4] = {packed<T>(left[0], left[1]), packed<T>(left[2], left[3]),
                                        packed<T>(right[0], right[1]), packed<T>(right[2], right[3])};
#pragma unroll
            for (int n = 0; n < padded_dim; n += 16) {
                // matrices: keys k..k+7 and k+8..k+15 of columns n, then of columns n + 8
                std::uint32_t b[4];
                load_matrix_x4(b, values + (k + lane % 16) * pitch + n + lane / 16 * 8, true);
                mma_16x8x16<T>(out[n / 8], a, b);
                mma_16x8x16<T>(out[n / 8 + 1], a, b + 2);
            }
        }
    }

    PROBE_DEVICE void store(T* rows, std::int64_t stride, int valid, int dim, int lane) const {
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const float total = quad_sum(sum[r]);
            const float inverse = total > 0 ? 1 / total : 0;
            const int row = lane / 4 + r * 8;
#pragma unroll
            for (int n = 0; n < padded_dim / 8; ++n) {
                const int column = n * 8 + lane % 4 * 2;
                if (row >= valid || column >= dim) continue;
                const std::uint32_t word = packed<T>(out[n][2 * r] * inverse, out[n][2 * r + 1] * inverse);
                store_word(rows + row * stride + column, word);
            }
        }
    }
};

/// Fused attention after FlashAttention: a block holds 64 queries of one head and goes over the keys 32 at a time, with
/// the next step's keys and values on their way. Grid: (tiles of queries, heads, batch) folded into x.
template <class T, int padded_dim>
PROBE_KERNEL
#if defined(__CUDACC__)
__launch_bounds__(attention_threads)
#endif
    attention_kernel(AttentionArguments<T> arguments) {
    PROBE_DYNAMIC_SHARED(storage);
    constexpr int pitch = attention_pitch(padded_dim);
    T* const queries = reinterpret_cast<T*>(storage);
    T* const keys = queries + attention_queries * pitch;  // two steps' keys
    T* const values = keys + 2 * attention_keys * pitch;  // two steps' values
    constexpr int step_size = attention_keys * pitch;
    const int tiles = (arguments.queries + attention_queries - 1) / attention_queries;
    const int first_row = static_cast<int>(blockIdx.x % tiles) * attention_queries;
    const int head = static_cast<int>(blockIdx.x / tiles) % arguments.heads;
    const int batch = static_cast<int>(blockIdx.x / tiles) / arguments.heads;
    const AttentionStrides& q = arguments.query_strides;
    const AttentionStrides& kv = arguments.key_strides;
    const std::int64_t query_offset = batch * q.batch + head * q.head + first_row * q.token;
    const std::int64_t key_offset = batch * kv.batch + head * kv.head;
    const int shift = arguments.keys - arguments.queries;
    const int seen = first_row + attention_queries + shift;  // keys that the block's last row sees
    const int last_key = arguments.causal && seen < arguments.keys ? (seen > 0 ? seen : 0) : arguments.keys;
    const int steps = (last_key + attention_keys - 1) / attention_keys;
    const auto begin_step = [&](int step) {
        const int first = step * attention_keys;
        const std::int64_t offset = key_offset + first * kv.token;
        const int valid = arguments.keys - first;
        begin_rows<T, padded_dim>(keys + step % 2 * step_size, arguments.key + offset, kv.token, attention_keys, valid,
                                  arguments.dim);
        begin_rows<T, padded_dim>(values + step % 2 * step_size, arguments.value + offset, kv.token, attention_keys,
                                  valid, arguments.dim);
        commit_copies();
    };
    begin_rows<T, padded_dim>(queries, arguments.query + query_offset, q.token, attention_queries,
                              arguments.queries - first_row, arguments.dim);
    if (steps > 0) begin_step(0);
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int warp_row = static_cast<int>(threadIdx.x) / 32 * 16;
    AttentionState<T, padded_dim> state;
    state.clear();
    for (int step = 0; step < steps; ++step) {
        if (step + 1 < steps) {
            begin_step(step + 1);
            wait_copies<1>();
        } else {
            wait_copies<0>();
        }
        __syncthreads();
        float scores[attention_keys / 8][4];
        state.scores_of(scores, queries + warp_row * pitch, keys + step % 2 * step_size, lane);
        state.soften(scores, arguments.scale_log2, first_row + warp_row, step * attention_keys, last_key, shift,
                     arguments.causal, lane);
        state.add_values(scores, values + step % 2 * step_size, lane);
        __syncthreads();  // before the buffers are filled again
    }
    state.store(arguments.out + query_offset + warp_row * q.token, q.token, arguments.queries - first_row - warp_row,
                arguments.dim, lane);
}

}  // namespace cupola::probe
