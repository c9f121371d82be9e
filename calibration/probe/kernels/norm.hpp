#pragma once

#include "probe/kernels/device.hpp"

namespace cupola::probe {

enum class RowNorm { layer_norm, rms_norm, softmax };

inline constexpr float log2_e = 1.4426950408889634f;
inline constexpr float kernel_epsilon = 1e-5f;

/// The row of a block: read from memory once and kept in shared memory (`one` pass), or read anew by each pass.
template <class T>
struct RowView {
    const T* global;
    T* kept;  ///< nothing where each pass reads anew
    std::int64_t columns;

    /// Calls `use(value)` for this thread's elements, in its first pass over the row.
    template <class Use>
    PROBE_DEVICE void first(Use use) const {
        each_pack(global, [&](std::int64_t i, const Pack<T>& pack) {
            if (kept != nullptr) store_pack(kept + i, pack);
            for (int j = 0; j < Pack<T>::size; ++j) use(to_float(pack.values[j]));
        });
    }
    template <class Use>
    PROBE_DEVICE void again(Use use) const {
        each_pack(source(), [&](std::int64_t, const Pack<T>& pack) {
            for (int j = 0; j < Pack<T>::size; ++j) use(to_float(pack.values[j]));
        });
    }
    /// out[i] = map(value, i).
    template <class Map>
    PROBE_DEVICE void write(T* out, Map map) const {
        each_pack(source(), [&](std::int64_t i, const Pack<T>& pack) {
            Pack<T> result;
            for (int j = 0; j < Pack<T>::size; ++j) {
                result.values[j] = from_float<T>(map(to_float(pack.values[j]), i + j));
            }
            store_pack(out + i, result);
        });
    }

private:
    PROBE_DEVICE const T* source() const { return kept != nullptr ? kept : global; }
    template <class Use>
    PROBE_DEVICE void each_pack(const T* from, Use use) const {
        const std::int64_t step = static_cast<std::int64_t>(blockDim.x) * Pack<T>::size;
        for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * Pack<T>::size; i < columns; i += step) {
            use(i, load_pack(from + i));
        }
    }
};

struct Moments {
    float mean;
    float scale;  ///< 1 / standard deviation
};

/// Mean, then the mean of squared distances to it: a second pass over the row, which fp32 sums need.
template <class T>
PROBE_DEVICE Moments moments_of(const RowView<T>& row, float* partial) {
    float sum = 0;
    row.first([&](float x) { sum += x; });
    const float mean = block_reduce<Sum>(sum, partial) / static_cast<float>(row.columns);
    float square = 0;
    row.again([&](float x) { square += (x - mean) * (x - mean); });
    const float variance = block_reduce<Sum>(square, partial) / static_cast<float>(row.columns);
    return {mean, rsqrtf(variance + kernel_epsilon)};
}

/// Softmax, LayerNorm or RMSNorm of rows with weights; one block a row. `kept` rows need columns x sizeof(T) bytes of
/// dynamic shared memory; columns are a multiple of a pack.
template <class T, RowNorm op>
PROBE_KERNEL row_norm_kernel(T* out, const T* in, const T* weight, const T* bias, std::int64_t columns, bool keep) {
    PROBE_DYNAMIC_SHARED(storage);
    __shared__ float partial[33];
    const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * columns;
    const RowView<T> row{in + offset, keep ? reinterpret_cast<T*>(storage) : nullptr, columns};
    if (op == RowNorm::layer_norm) {
        const Moments moments = moments_of(row, partial);
        row.write(out + offset, [&](float x, std::int64_t i) {
            return (x - moments.mean) * moments.scale * to_float(weight[i]) + to_float(bias[i]);
        });
    } else if (op == RowNorm::rms_norm) {
        float square = 0;
        row.first([&](float x) { square += x * x; });
        const float mean = block_reduce<Sum>(square, partial) / static_cast<float>(columns);
        const float scale = rsqrtf(mean + kernel_epsilon);
        row.write(out + offset, [&](float x, std::int64_t i) { return x * scale * to_float(weight[i]); });
    } else {
        float maximum = Maximum::neutral();
        row.first([&](float x) { maximum = Maximum::of(maximum, x); });
        maximum = block_reduce<Maximum>(maximum, partial);
        float sum = 0;
        row.again([&](float x) { sum += fast_exp2((x - maximum) * log2_e); });
        sum = block_reduce<Sum>(sum, partial);
        row.write(out + offset, [&](float x, std::int64_t) { return fast_exp2((x - maximum) * log2_e) / sum; });
    }
}

PROBE_DEVICE float silu_of(float x) { return __fdividef(x, 1 + fast_exp2(-x * log2_e)); }

/// GroupNorm over NCHW, a row of channels/groups x spatial elements a block: all of it in one kernel.
template <class T>
PROBE_KERNEL group_norm_kernel(T* out, const T* in, const T* weight, const T* bias, std::int64_t columns,
                               std::int64_t spatial, int groups, bool keep, bool apply_silu) {
    PROBE_DYNAMIC_SHARED(storage);
    __shared__ float partial[33];
    const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * columns;
    const RowView<T> row{in + offset, keep ? reinterpret_cast<T*>(storage) : nullptr, columns};
    const Moments moments = moments_of(row, partial);
    const std::int64_t first_channel = blockIdx.x % groups * (columns / spatial);
    row.write(out + offset, [&](float x, std::int64_t i) {
        const std::int64_t channel = first_channel + i / spatial;
        const float y = (x - moments.mean) * moments.scale * to_float(weight[channel]) + to_float(bias[channel]);
        return apply_silu ? silu_of(y) : y;
    });
}

/// Mean and scale of each (batch, group) of NCHW, one block each: the first of two kernels, as eager frameworks do.
template <class T>
PROBE_KERNEL group_moments_kernel(float* moments, const T* in, std::int64_t columns) {
    __shared__ float partial[33];
    const RowView<T> row{in + static_cast<std::int64_t>(blockIdx.x) * columns, nullptr, columns};
    // both sums in one pass, about the row's first element lest squares cancel
    const float pivot = to_float(row.global[0]);
    float sum = 0;
    float square = 0;
    row.first([&](float x) {
        sum += x - pivot;
        square += (x - pivot) * (x - pivot);
    });
    sum = block_reduce<Sum>(sum, partial) / static_cast<float>(columns);
    square = block_reduce<Sum>(square, partial) / static_cast<float>(columns);
    if (threadIdx.x == 0) {
        moments[2 * blockIdx.x] = sum + pivot;
        moments[2 * blockIdx.x + 1] = rsqrtf(square - sum * sum + kernel_epsilon);
    }
}

/// Sums and sums of squares of each (batch, group) of NHWC, added to `sums`, which begins as zeros. A block takes
/// positions blockIdx.x, blockIdx.x + gridDim.x, … of batch blockIdx.y; `sums` of the block are shared memory.
template <class T>
PROBE_KERNEL group_sums_nhwc_kernel(float* sums, const T* in, std::int64_t spatial, int channels, int groups) {
    PROBE_DYNAMIC_SHARED(storage);
    float* const own = reinterpret_cast<float*>(storage);  // 2 x groups
    for (int i = static_cast<int>(threadIdx.x); i < 2 * groups; i += static_cast<int>(blockDim.x)) own[i] = 0;
    __syncthreads();
    constexpr int size = Pack<T>::size;
    const int packs = channels / size;
    const int lines = static_cast<int>(blockDim.x) / packs;  // positions that the block takes at a time
    const int pack = static_cast<int>(threadIdx.x) % packs;
    const int line = static_cast<int>(threadIdx.x) / packs;
    float sum[size] = {};
    float square[size] = {};
    const T* const image = in + static_cast<std::int64_t>(blockIdx.y) * spatial * channels;
    if (line < lines) {
        for (std::int64_t p = static_cast<std::int64_t>(blockIdx.x) * lines + line; p < spatial;
             p += static_cast<std::int64_t>(gridDim.x) * lines) {
            const Pack<T> values = load_pack(image + p * channels + pack * size);
#pragma unroll
            for (int j = 0; j < size; ++j) {
                const float x = to_float(values.values[j]);
                sum[j] += x;
                square[j] += x * x;
            }
        }
#pragma unroll
        for (int j = 0; j < size; ++j) {
            const int group = (pack * size + j) / (channels / groups);
            atomicAdd(&own[2 * group], sum[j]);
            atomicAdd(&own[2 * group + 1], square[j]);
        }
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < 2 * groups; i += static_cast<int>(blockDim.x)) {
        atomicAdd(&sums[static_cast<int>(blockIdx.y) * 2 * groups + i], own[i]);
    }
}

/// The second kernel: normalises by `moments`. For NCHW they are mean and scale, for NHWC sums and sums of squares of
/// channels/groups x spatial elements.
template <class T, bool is_nhwc>
PROBE_KERNEL group_apply_kernel(T* out, const T* in, const float* moments, const T* weight, const T* bias,
                                std::int64_t count, std::int64_t spatial, int channels, int groups, bool apply_silu) {
    constexpr int size = Pack<T>::size;
    const int group_channels = channels / groups;
    const float inverse = 1.0f / (static_cast<float>(group_channels) * static_cast<float>(spatial));
    for (std::int64_t i = thread_index() * size; i < count; i += thread_count() * size) {
        const Pack<T> pack = load_pack(in + i);
        const std::int64_t image = i / (spatial * channels);
        Pack<T> result;
#pragma unroll
        for (int j = 0; j < size; ++j) {
            const auto channel = static_cast<int>(is_nhwc ? (i + j) % channels : i / spatial % channels);
            const std::int64_t group = image * groups + channel / group_channels;
            float mean = moments[2 * group];
            float scale = moments[2 * group + 1];
            if (is_nhwc) {
                mean *= inverse;
                scale = rsqrtf(scale * inverse - mean * mean + kernel_epsilon);
            }
            const float y =
                (to_float(pack.values[j]) - mean) * scale * to_float(weight[channel]) + to_float(bias[channel]);
            result.values[j] = from_float<T>(apply_silu ? silu_of(y) : y);
        }
        store_pack(out + i, result);
    }
}

}  // namespace cupola::probe
