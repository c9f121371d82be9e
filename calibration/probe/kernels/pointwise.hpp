#pragma once

#include "probe/kernels/norm.hpp"

namespace cupola::probe {

enum class Pointwise { gelu, silu, geglu, add, bias, modulate, rope, cat };

inline constexpr int rope_dim = 128;  // of a head

#if !defined(__CUDACC__)
using std::erff;
#endif

PROBE_DEVICE float gelu_of(float x) { return 0.5f * x * (1 + erff(x * 0.70710678f)); }

/// What a pointwise kernel reads and writes. Rows x columns elements of output each have:
///   gelu, silu      a
///   add             a, b
///   bias            a, b[column]
///   modulate        a (1 + b[column]) + c[column]
///   geglu           a and gelu of the element `columns` behind it: a has rows of 2 columns
///   rope            a, in neighbouring pairs turned by `angles`: (cosine, sine) for each row and pair of a head
///   cat             a row of a, then a row of b: rows of 2 columns are written
template <class T>
struct PointwiseArguments {
    T* out;
    const T* a;
    const T* b;
    const T* c;
    const float* angles;
    std::int64_t rows;
    std::int64_t columns;
};

template <class T>
PROBE_DEVICE Pack<T> turned(const Pack<T>& pack, const float* angles) {
    Pack<T> result;
#pragma unroll
    for (int j = 0; j < Pack<T>::size; j += 2) {
        const float cosine = angles[j];
        const float sine = angles[j + 1];
        const float x = to_float(pack.values[j]);
        const float y = to_float(pack.values[j + 1]);
        result.values[j] = from_float<T>(x * cosine - y * sine);
        result.values[j + 1] = from_float<T>(x * sine + y * cosine);
    }
    return result;
}

/// One 16-byte pack of output; columns are a multiple of a pack.
template <class T, Pointwise op>
PROBE_DEVICE Pack<T> pointwise_pack(const PointwiseArguments<T>& arguments, std::int64_t row, std::int64_t column) {
    constexpr int size = Pack<T>::size;
    const std::int64_t columns = arguments.columns;
    const std::int64_t in_columns = op == Pointwise::geglu ? 2 * columns : columns;
    const Pack<T> a = load_pack(arguments.a + row * in_columns + column);
    if (op == Pointwise::rope) return turned(a, arguments.angles + row * rope_dim + column % rope_dim);
    Pack<T> b = a;
    Pack<T> c = a;
    if (op == Pointwise::add) b = load_pack(arguments.b + row * columns + column);
    if (op == Pointwise::geglu) b = load_pack(arguments.a + row * in_columns + columns + column);
    if (op == Pointwise::bias || op == Pointwise::modulate) b = load_pack(arguments.b + column);
    if (op == Pointwise::modulate) c = load_pack(arguments.c + column);
    Pack<T> result;
#pragma unroll
    for (int j = 0; j < size; ++j) {
        const float x = to_float(a.values[j]);
        const float y = to_float(b.values[j]);
        float value = 0;
        if (op == Pointwise::gelu) value = gelu_of(x);
        if (op == Pointwise::silu) value = silu_of(x);
        if (op == Pointwise::geglu) value = x * gelu_of(y);
        if (op == Pointwise::add || op == Pointwise::bias) value = x + y;
        if (op == Pointwise::modulate) value = x * (1 + y) + to_float(c.values[j]);
        result.values[j] = from_float<T>(value);
    }
    return result;
}

template <class T, Pointwise op>
PROBE_KERNEL pointwise_kernel(PointwiseArguments<T> arguments) {
    constexpr int size = Pack<T>::size;
    const std::int64_t columns = op == Pointwise::cat ? 2 * arguments.columns : arguments.columns;
    const std::int64_t packs = arguments.rows * columns / size;
    for (std::int64_t i = thread_index(); i < packs; i += thread_count()) {
        const std::int64_t row = i * size / columns;
        const std::int64_t column = i * size % columns;
        Pack<T> result;
        if (op == Pointwise::cat) {
            const bool is_second = column >= arguments.columns;
            const T* const source = is_second ? arguments.b : arguments.a;
            result = load_pack(source + row * arguments.columns + (is_second ? column - arguments.columns : column));
        } else {
            result = pointwise_pack<T, op>(arguments, row, column);
        }
        store_pack(arguments.out + i * size, result);
    }
}

/// Nearest-neighbour upsampling to twice the height and width. Width (NCHW) or channels (NHWC) are a multiple of a
/// pack.
template <class T, bool is_nhwc>
PROBE_KERNEL upsample_kernel(T* out, const T* in, std::int64_t batch, std::int64_t channels, std::int64_t height,
                             std::int64_t width) {
    constexpr int size = Pack<T>::size;
    const std::int64_t packs = batch * channels * height * width * 4 / size;
    for (std::int64_t i = thread_index(); i < packs; i += thread_count()) {
        Pack<T> result;
        if (is_nhwc) {
            const std::int64_t channel = i * size % channels;
            const std::int64_t x = i * size / channels % (2 * width);
            const std::int64_t y = i * size / channels / (2 * width) % (2 * height);
            const std::int64_t image = i * size / channels / (4 * width * height);
            result = load_pack(in + ((image * height + y / 2) * width + x / 2) * channels + channel);
        } else {
            const std::int64_t x = i * size % (2 * width);
            const std::int64_t y = i * size / (2 * width) % (2 * height);
            const std::int64_t plane = i * size / (4 * width * height);
            const T* const source = in + (plane * height + y / 2) * width + x / 2;
#pragma unroll
            for (int j = 0; j < size / 2; ++j) {
                result.values[2 * j] = source[j];
                result.values[2 * j + 1] = source[j];
            }
        }
        store_pack(out + i * size, result);
    }
}

}  // namespace cupola::probe
