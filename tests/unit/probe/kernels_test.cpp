#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "probe/host/reference.hpp"
#include "probe/kernels/attention.hpp"
#include "probe/kernels/memory.hpp"
#include "probe/kernels/norm.hpp"
#include "probe/kernels/pointwise.hpp"

// The probe's kernels, run on the emulated GPU and compared with double precision.

using namespace cupola::probe;

namespace {

template <class T>
using Aligned = std::vector<T>;  // of whole packs: operator new aligns to 16 bytes

template <class T>
Aligned<T> random(std::size_t count, std::uint32_t seed) {
    Aligned<T> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = from_float<T>(random_value(seed, i, 1));
    return values;
}

template <class T>
Aligned<T> poisoned(std::size_t count) {
    return Aligned<T>(count, from_float<T>(std::numeric_limits<float>::quiet_NaN()));
}

template <class T>
double at(const Aligned<T>& values, std::int64_t i) {
    return static_cast<double>(to_float(values[static_cast<std::size_t>(i)]));
}

/// Distance of `found` to expected(i).
template <class T, class Expected>
double error_of(const Aligned<T>& found, Expected expected) {
    RelativeError error;
    for (std::size_t i = 0; i < found.size(); ++i)
        error.add(at(found, static_cast<std::int64_t>(i)), expected(static_cast<std::int64_t>(i)));
    return error.value();
}

template <class T>
constexpr double tolerance = sizeof(T) == 4            ? 1e-5
                             : std::is_same_v<T, Fp16> ? 1e-3
                                                       : 6e-3;

template <class T>
void check_rows(RowNorm op, bool keep) {
    const std::int64_t rows = 3;
    const std::int64_t columns = 328;
    const auto in = random<T>(static_cast<std::size_t>(rows * columns), 1);
    const auto weight = random<T>(static_cast<std::size_t>(columns), 2);
    const auto bias = random<T>(static_cast<std::size_t>(columns), 3);
    auto out = poisoned<T>(in.size());
    emulation::launch({3, 1, 1}, 64, static_cast<std::size_t>(columns) * sizeof(T), [&] {
        const auto run = [&](auto kernel) { kernel(out.data(), in.data(), weight.data(), bias.data(), columns, keep); };
        if (op == RowNorm::layer_norm) run(row_norm_kernel<T, RowNorm::layer_norm>);
        if (op == RowNorm::rms_norm) run(row_norm_kernel<T, RowNorm::rms_norm>);
        if (op == RowNorm::softmax) run(row_norm_kernel<T, RowNorm::softmax>);
    });
    std::vector<double> expected;
    for (std::int64_t row = 0; row < rows; ++row) {
        const Values x = [&](std::int64_t i) { return at(in, row * columns + i); };
        const auto values = op == RowNorm::softmax    ? softmax(x, columns)
                            : op == RowNorm::rms_norm ? rms_normalised(x, columns)
                                                      : normalised(x, columns);
        for (std::int64_t i = 0; i < columns; ++i) {
            const double scaled = values[static_cast<std::size_t>(i)] * (op == RowNorm::softmax ? 1 : at(weight, i));
            expected.push_back(scaled + (op == RowNorm::layer_norm ? at(bias, i) : 0));
        }
    }
    CHECK(error_of(out, [&](std::int64_t i) { return expected[static_cast<std::size_t>(i)]; }) < tolerance<T>);
}

struct GroupShape {
    std::int64_t batch, channels, spatial, groups;
    std::int64_t count() const { return batch * channels * spatial; }
};

/// Group norm of `in`, by index of the output.
template <class T>
std::vector<double> expected_group_norm(const GroupShape& s, const Aligned<T>& in, const Aligned<T>& weight,
                                        const Aligned<T>& bias, bool is_nhwc, bool apply_silu) {
    std::vector<double> expected(in.size());
    const std::int64_t width = s.channels / s.groups;
    const auto index = [&](std::int64_t b, std::int64_t c, std::int64_t p) {
        return is_nhwc ? (b * s.spatial + p) * s.channels + c : (b * s.channels + c) * s.spatial + p;
    };
    for (std::int64_t b = 0; b < s.batch; ++b) {
        for (std::int64_t g = 0; g < s.groups; ++g) {
            const auto values =
                normalised([&](std::int64_t i) { return at(in, index(b, g * width + i / s.spatial, i % s.spatial)); },
                           width * s.spatial);
            for (std::int64_t i = 0; i < width * s.spatial; ++i) {
                const std::int64_t c = g * width + i / s.spatial;
                const double y = values[static_cast<std::size_t>(i)] * at(weight, c) + at(bias, c);
                expected[static_cast<std::size_t>(index(b, c, i % s.spatial))] = apply_silu ? silu(y) : y;
            }
        }
    }
    return expected;
}

template <class T>
void check_group_norm(bool is_nhwc, bool in_one, bool apply_silu) {
    const GroupShape s{2, 48, 24, 3};
    const auto in = random<T>(static_cast<std::size_t>(s.count()), 1);
    const auto weight = random<T>(static_cast<std::size_t>(s.channels), 2);
    const auto bias = random<T>(static_cast<std::size_t>(s.channels), 3);
    auto out = poisoned<T>(in.size());
    const std::int64_t row = s.channels / s.groups * s.spatial;
    const auto blocks = static_cast<unsigned>(s.batch * s.groups);
    const auto channels = static_cast<int>(s.channels);
    const auto groups = static_cast<int>(s.groups);
    std::vector<float> moments(static_cast<std::size_t>(2 * s.batch * s.groups));
    if (in_one) {
        emulation::launch({blocks, 1, 1}, 64, static_cast<std::size_t>(row) * sizeof(T), [&] {
            group_norm_kernel<T>(out.data(), in.data(), weight.data(), bias.data(), row, s.spatial, groups, true,
                                 apply_silu);
        });
    } else if (is_nhwc) {
        emulation::launch({3, 2, 1}, 64, 2 * 3 * sizeof(float),
                          [&] { group_sums_nhwc_kernel<T>(moments.data(), in.data(), s.spatial, channels, groups); });
    } else {
        emulation::launch({blocks, 1, 1}, 64, 0, [&] { group_moments_kernel<T>(moments.data(), in.data(), row); });
    }
    if (!in_one) {
        emulation::launch({2, 1, 1}, 64, 0, [&] {
            const auto kernel = is_nhwc ? group_apply_kernel<T, true> : group_apply_kernel<T, false>;
            kernel(out.data(), in.data(), moments.data(), weight.data(), bias.data(), s.count(), s.spatial, channels,
                   groups, apply_silu);
        });
    }
    const auto expected = expected_group_norm(s, in, weight, bias, is_nhwc, apply_silu);
    CHECK(error_of(out, [&](std::int64_t i) { return expected[static_cast<std::size_t>(i)]; }) < tolerance<T>);
}

struct AttentionShape {
    int batch, heads, queries, keys, dim;
    bool causal;
    const char* layout;
};

/// Strides of (batch, heads, tokens, dim) in a layout called by its order.
AttentionStrides strides_of(const AttentionShape& s, std::int64_t tokens) {
    const std::int64_t dim = s.dim;
    if (std::string(s.layout) == "bhsd") return {s.heads * tokens * dim, tokens * dim, dim};
    if (std::string(s.layout) == "bshd") return {tokens * s.heads * dim, dim, s.heads * dim};
    return {s.heads * dim, dim, s.batch * s.heads * dim};
}

template <class T, int padded>
void check_attention(const AttentionShape& s) {
    CAPTURE(s.queries);
    CAPTURE(s.keys);
    CAPTURE(s.dim);
    const auto size = [&](int tokens) { return static_cast<std::size_t>(s.batch * s.heads * tokens * s.dim); };
    const auto query = random<T>(size(s.queries), 1);
    const auto key = random<T>(size(s.keys), 2);
    const auto value = random<T>(size(s.keys), 3);
    auto out = poisoned<T>(query.size());
    const double scale = 1 / std::sqrt(static_cast<double>(s.dim));
    const AttentionStrides q = strides_of(s, s.queries);
    const AttentionStrides kv = strides_of(s, s.keys);
    const AttentionArguments<T> arguments{out.data(),
                                          query.data(),
                                          key.data(),
                                          value.data(),
                                          q,
                                          kv,
                                          s.heads,
                                          s.queries,
                                          s.keys,
                                          s.dim,
                                          static_cast<float>(scale * std::log2(std::exp(1.0))),
                                          s.causal};
    const int tiles = (s.queries + attention_queries - 1) / attention_queries;
    emulation::launch({static_cast<unsigned>(tiles * s.heads * s.batch), 1, 1}, attention_threads,
                      attention_shared_bytes(padded), [&] { attention_kernel<T, padded>(arguments); });
    RelativeError error;
    for (int b = 0; b < s.batch; ++b) {
        for (int h = 0; h < s.heads; ++h) {
            for (int i = 0; i < s.queries; ++i) {
                const std::int64_t row = b * q.batch + h * q.head + i * q.token;
                const auto of = [&](const Aligned<T>& tensor) {
                    return [&tensor, &kv, b, h](std::int64_t j, std::int64_t d) {
                        return at(tensor, b * kv.batch + h * kv.head + j * kv.token + d);
                    };
                };
                const int keys = s.causal ? i + 1 + s.keys - s.queries : s.keys;
                const auto expected = attention_row([&](std::int64_t d) { return at(query, row + d); }, of(key),
                                                    of(value), keys, s.dim, scale);
                for (int d = 0; d < s.dim; ++d) error.add(at(out, row + d), expected[static_cast<std::size_t>(d)]);
            }
        }
    }
    CHECK(error.value() < 2 * tolerance<T>);
}

template <class T, Pointwise op>
Aligned<T> pointwise_result(std::int64_t rows, std::int64_t columns) {
    const auto count = static_cast<std::size_t>(rows * columns);
    const auto a = random<T>(2 * count, 1);
    const auto b = random<T>(count, 2);
    const auto c = random<T>(count, 3);
    std::vector<float> angles(static_cast<std::size_t>(rows * rope_dim));
    for (std::size_t i = 0; i < angles.size(); i += 2) {
        angles[i] = std::cos(static_cast<float>(i));
        angles[i + 1] = std::sin(static_cast<float>(i));
    }
    auto out = poisoned<T>(op == Pointwise::cat ? 2 * count : count);
    const PointwiseArguments<T> arguments{out.data(), a.data(), b.data(), c.data(), angles.data(), rows, columns};
    emulation::launch({3, 1, 1}, 32, 0, [&] { pointwise_kernel<T, op>(arguments); });
    return out;
}

}  // namespace

TEST_CASE("stream kernels touch every element") {
    const std::int64_t count = 5000;
    const auto a = random<Fp16>(8 * count, 1);
    const auto b = random<Fp16>(8 * count, 2);
    auto out = poisoned<Fp16>(8 * count);
    const auto run = [&](auto kernel) {
        emulation::launch({3, 1, 1}, 64, 0, [&] { kernel(out.data(), a.data(), b.data(), count); });
    };
    run(stream_kernel<Fp16, Stream::copy>);
    CHECK(error_of(out, [&](std::int64_t i) { return at(a, i); }) == 0);
    run(stream_kernel<Fp16, Stream::triad>);
    CHECK(error_of(out, [&](std::int64_t i) { return at(a, i) + 2 * at(b, i); }) < 1e-3);
    run(stream_kernel<Fp16, Stream::write>);
    CHECK(error_of(out, [&](std::int64_t) { return 1.5; }) == 0);
    std::vector<float> sums(8);
    emulation::launch({3, 1, 1}, 64, 0, [&] {
        stream_kernel<float, Stream::reduce>(sums.data(), reinterpret_cast<const float*>(a.data()), nullptr, 0);
    });
    CHECK(sums[2] == 0);
    const auto numbers = random<float>(4000, 5);
    emulation::launch({3, 1, 1}, 64, 0,
                      [&] { stream_kernel<float, Stream::reduce>(sums.data(), numbers.data(), nullptr, 1000); });
    double total = 0;
    for (const float number : numbers) total += static_cast<double>(number);
    CHECK(static_cast<double>(sums[0] + sums[1] + sums[2]) == doctest::Approx(total).epsilon(1e-4));
}

TEST_CASE("traffic reads every operand once and writes the sums, each as far as it goes") {
    const std::int64_t packs = 3000;
    const auto a = random<float>(4 * packs, 1);
    const auto b = random<float>(4 * 70, 2);
    const auto c = random<float>(4 * 500, 3);
    auto out = poisoned<float>(4 * packs);
    auto narrow = poisoned<float>(4 * 600);
    float sink[4] = {};
    TrafficArguments arguments{};
    arguments.reads[0] = {a.data(), packs};
    arguments.reads[1] = {b.data(), 70};
    arguments.reads[3] = {c.data(), 500};
    arguments.writes[0] = {out.data(), packs};
    arguments.writes[1] = {narrow.data(), 600};
    arguments.sink = sink;
    arguments.packs = packs;
    emulation::launch({3, 1, 1}, 64, 0, [&] { traffic_kernel(arguments); });
    const auto sum = [&](std::int64_t i) { return at(a, i) + (i < 280 ? at(b, i) : 0) + (i < 2000 ? at(c, i) : 0); };
    CHECK(error_of(out, sum) < 1e-6);
    CHECK(error_of(narrow, sum) < 1e-6);
    CHECK(sink[0] == 0);
}

TEST_CASE("the random data of the device is that of the host") {
    auto out = poisoned<Bf16>(1000);
    emulation::launch({2, 1, 1}, 32, 0, [&] { fill_kernel<Bf16>(out.data(), 1000, 7, 0.5f); });
    CHECK(error_of(out, [&](std::int64_t i) {
              return static_cast<double>(
                  to_float(from_float<Bf16>(random_value(7, static_cast<std::uint64_t>(i), 0.5f))));
          }) == 0);
}

TEST_CASE("transpose and permute move every element to its place") {
    const std::int64_t rows = 45;
    const std::int64_t columns = 70;
    const auto in = random<float>(2 * 45 * 70, 1);
    auto out = poisoned<float>(in.size());
    emulation::launch({3, 2, 2}, 256, 0, [&] { transpose_kernel<float>(out.data(), in.data(), rows, columns); });
    CHECK(error_of(out, [&](std::int64_t i) {
              const std::int64_t matrix = i / (rows * columns) * rows * columns;
              return at(in, matrix + i % rows * columns + i / rows % columns);
          }) == 0);
    const auto words = random<float>(2 * 5 * 7 * 3, 1);
    auto permuted = poisoned<float>(words.size());
    emulation::launch({2, 1, 1}, 32, 0, [&] { permute_kernel<float>(permuted.data(), words.data(), 2, 5, 7, 3); });
    std::int64_t i = 0;
    for (int b = 0; b < 2; ++b) {
        for (int c = 0; c < 7; ++c) {
            for (int r = 0; r < 5; ++r) {
                for (int w = 0; w < 3; ++w) CHECK(at(permuted, i++) == at(words, ((b * 5 + r) * 7 + c) * 3 + w));
            }
        }
    }
}

TEST_CASE("row norms") {
    for (const RowNorm op : {RowNorm::layer_norm, RowNorm::rms_norm, RowNorm::softmax}) {
        for (const bool keep : {false, true}) {
            CAPTURE(keep);
            check_rows<Fp16>(op, keep);
            check_rows<Bf16>(op, keep);
            check_rows<float>(op, keep);
        }
    }
}

TEST_CASE("group norms") {
    for (const bool apply_silu : {false, true}) {
        check_group_norm<Fp16>(false, true, apply_silu);
        check_group_norm<Fp16>(false, false, apply_silu);
        check_group_norm<Bf16>(true, false, apply_silu);
        check_group_norm<float>(true, false, apply_silu);
        check_group_norm<float>(false, false, apply_silu);
    }
}

TEST_CASE("pointwise kernels") {
    const std::int64_t rows = 5;
    const std::int64_t columns = 2 * rope_dim;
    const auto a = random<Fp16>(static_cast<std::size_t>(2 * rows * columns), 1);
    const auto b = random<Fp16>(static_cast<std::size_t>(rows * columns), 2);
    const auto c = random<Fp16>(static_cast<std::size_t>(rows * columns), 3);
    const double limit = tolerance<Fp16>;
    CHECK(error_of(pointwise_result<Fp16, Pointwise::gelu>(rows, columns), [&](auto i) { return gelu(at(a, i)); }) <
          limit);
    CHECK(error_of(pointwise_result<Fp16, Pointwise::silu>(rows, columns), [&](auto i) { return silu(at(a, i)); }) <
          limit);
    CHECK(error_of(pointwise_result<Fp16, Pointwise::add>(rows, columns), [&](auto i) { return at(a, i) + at(b, i); }) <
          limit);
    CHECK(error_of(pointwise_result<Fp16, Pointwise::bias>(rows, columns),
                   [&](auto i) { return at(a, i) + at(b, i % columns); }) < limit);
    CHECK(error_of(pointwise_result<Fp16, Pointwise::modulate>(rows, columns),
                   [&](auto i) { return at(a, i) * (1 + at(b, i % columns)) + at(c, i % columns); }) < limit);
    CHECK(error_of(pointwise_result<Fp16, Pointwise::geglu>(rows, columns), [&](auto i) {
              const auto left = i / columns * 2 * columns + i % columns;
              return at(a, left) * gelu(at(a, left + columns));
          }) < limit);
    CHECK(error_of(pointwise_result<Fp16, Pointwise::cat>(rows, columns), [&](auto i) {
              const auto row = i / (2 * columns);
              const auto column = i % (2 * columns);
              return column < columns ? at(a, row * columns + column) : at(b, row * columns + column - columns);
          }) == 0);
    CHECK(error_of(pointwise_result<Fp16, Pointwise::rope>(rows, columns), [&](auto i) {
              const auto first = i / 2 * 2;
              const auto angle = static_cast<double>(i / columns * rope_dim + first % columns % rope_dim);
              const double x = at(a, first);
              const double y = at(a, first + 1);
              return i % 2 == 0 ? x * std::cos(angle) - y * std::sin(angle) : x * std::sin(angle) + y * std::cos(angle);
          }) < limit);
}

TEST_CASE("upsampling repeats each element twice in height and width") {
    const auto in = random<Fp16>(2 * 8 * 3 * 16, 1);
    auto out = poisoned<Fp16>(4 * in.size());
    emulation::launch({2, 1, 1}, 32, 0, [&] { upsample_kernel<Fp16, false>(out.data(), in.data(), 2, 8, 3, 16); });
    CHECK(error_of(out,
                   [&](std::int64_t i) { return at(in, (i / (4 * 48) * 3 + i / 32 % 6 / 2) * 16 + i % 32 / 2); }) == 0);
    emulation::launch({2, 1, 1}, 32, 0, [&] { upsample_kernel<Fp16, true>(out.data(), in.data(), 2, 8, 3, 16); });
    CHECK(error_of(out, [&](std::int64_t i) {
              const std::int64_t image = i / (8 * 4 * 48);
              return at(in, ((image * 3 + i / 8 / 32 % 6 / 2) * 16 + i / 8 % 32 / 2) * 8 + i % 8);
          }) == 0);
}

TEST_CASE("fused attention: all head dims, ragged lengths, masks and layouts") {
    check_attention<Fp16, 48>({1, 1, 64, 64, 40, false, "bhsd"});
    check_attention<Bf16, 64>({1, 2, 70, 77, 64, false, "bshd"});
    check_attention<Fp16, 80>({1, 1, 65, 33, 72, false, "bhsd"});
    check_attention<Fp16, 128>({1, 1, 1, 100, 128, false, "bhsd"});
    check_attention<Fp16, 160>({1, 1, 17, 64, 160, false, "bhsd"});
    check_attention<Bf16, 256>({1, 1, 20, 40, 256, false, "bhsd"});
    check_attention<Fp16, 64>({3, 2, 16, 16, 64, false, "sbhd"});
    check_attention<Fp16, 64>({1, 1, 100, 100, 64, true, "bhsd"});
    check_attention<Fp16, 64>({1, 1, 40, 72, 64, true, "bhsd"});
}
