#include "cupola/report/describe.hpp"

#include "cupola/units/overloaded.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace cupola {
namespace {

using Sizes = std::array<std::int64_t, 3>;

/// The last `rank` entries joined by 'x'.
std::string joined(const Sizes& sizes, int rank) {
    std::string text;
    for (std::size_t i = 3 - static_cast<std::size_t>(rank); i < 3; ++i) {
        if (!text.empty()) text += 'x';
        text += std::to_string(sizes[i]);
    }
    return text;
}

/// Spatial axes in use: at least two, since images are what the work is about.
int rank_of(const ConvolutionWork& work) { return work.input[0] > 1 || work.kernel[0] > 1 ? 3 : 2; }

std::string sizes_of(const ConvolutionWork& work) {
    const int rank = rank_of(work);
    std::string text = fmt::format("{}x{}x{} > {}x{} {}", work.batch, work.in_channels, joined(work.input, rank),
                                   work.out_channels, joined(work.output, rank), joined(work.kernel, rank));
    if (work.groups > 1) text += fmt::format(" groups {}", work.groups);
    return text;
}

std::string sizes_of(const GemmWork& work) {
    std::string sizes = fmt::format("m{} n{} k{}", work.m, work.n, work.k);
    if (work.batch > 1) sizes = fmt::format("b{} {}", work.batch, sizes);
    if (work.weight) sizes += fmt::format(" w-{}", name_of(*work.weight));
    if (work.block_scaled) sizes += " block-scaled";
    return sizes;
}

std::string sizes_of(const AttentionWork& work) {
    std::string text =
        fmt::format("b{} h{} q{} k{} d{}", work.batch, work.heads, work.queries, work.keys, work.head_dim);
    if (work.value_dim != work.head_dim) text += fmt::format(" v{}", work.value_dim);
    if (work.kv_heads != work.heads) text += fmt::format(" kv{}", work.kv_heads);
    if (work.scores) text += fmt::format(" qk-{}", name_of(*work.scores));
    if (work.values) text += fmt::format(" pv-{}", name_of(*work.values));
    if (work.causal) text += " causal";
    if (work.window > 0) text += fmt::format(" window{}", work.window);
    if (work.paged) text += " paged";
    return fmt::format("{} {}", text, name_of(work.kernel));
}

std::string sizes_of(const MemoryWork& work) {
    std::string text = fmt::format("{} elements {}", work.elements, name_of(work.pattern));
    if (work.rows > 1) text += fmt::format(" {} rows", work.rows);
    return text;
}

std::string attributes_of(const Convolution& conv) {
    const int rank = conv.spatial_rank;
    std::string pad = joined(conv.pad_before, rank);
    if (conv.pad_before != conv.pad_after) pad += "/" + joined(conv.pad_after, rank);
    std::string text = fmt::format("kernel={} stride={} pad={} groups={} bias={}", joined(conv.kernel, rank),
                                   joined(conv.stride, rank), pad, conv.groups, conv.bias ? 1 : 0);
    if (conv.transposed) text += " transposed=1";
    return text;
}

std::string attributes_of(const Linear& linear) {
    std::string text = fmt::format("bias={}", linear.bias ? 1 : 0);
    if (!linear.precision) return text;
    text += fmt::format(" weight={}", name_of(linear.precision->weight));
    if (linear.precision->activation) text += fmt::format(" activation={}", name_of(*linear.precision->activation));
    return text;
}

std::string attributes_of(const Attention& attention) {
    std::string text = fmt::format("span={} heads={} kv_heads={} head_dim={} value_dim={} queries={} keys={} causal={}",
                                   name_of(attention.span), attention.heads, attention.kv_heads, attention.head_dim,
                                   attention.value_dim, attention.queries, attention.keys, attention.causal ? 1 : 0);
    if (attention.mask) text += " mask=1";
    if (attention.bias) text += " bias=1";
    if (attention.score == AttentionScore::silu) text += " score=silu";
    if (attention.precision) text += fmt::format(" qk={}", name_of(attention.precision->scores));
    return text;
}

std::string attributes_of(const Norm& norm) {
    std::string text = norm.kind == NormKind::group ? fmt::format("groups={} ", norm.groups) : std::string();
    return text + fmt::format("rows={} width={} channels={}", norm.rows, norm.width, norm.channels);
}

std::string_view name_of(PadMode mode) {
    switch (mode) {
        case PadMode::zero: return "zero";
        case PadMode::replicate: return "replicate";
        case PadMode::reflect: return "reflect";
    }
    return "";
}

}  // namespace

std::string sizes_text(const Work& work) {
    return std::visit([](const auto& sizes) { return sizes_of(sizes); }, work);
}

std::string attributes_text(const OperatorKind& kind) {
    const auto text = overloaded{
        [](const Convolution& conv) { return attributes_of(conv); },
        [](const Linear& linear) { return attributes_of(linear); },
        [](const Attention& attention) { return attributes_of(attention); },
        [](const Matmul& matmul) {
            return fmt::format("batch={} m={} n={} k={}", matmul.batch, matmul.m, matmul.n, matmul.k);
        },
        [](const Norm& norm) { return attributes_of(norm); },
        [](const Softmax& softmax) { return fmt::format("rows={} width={}", softmax.rows, softmax.width); },
        [](const Rope& rope) { return fmt::format("head_dim={} form={}", rope.head_dim, name_of(rope.form)); },
        [](const Reduction& reduction) { return fmt::format("rows={} width={}", reduction.rows, reduction.width); },
        [](const Pad& pad) { return fmt::format("mode={}", name_of(pad.mode)); },
        [](const Upsample& upsample) {
            return std::string(upsample.mode == UpsampleMode::nearest ? "mode=nearest" : "mode=bilinear");
        },
        [](const AveragePool& pool) { return fmt::format("window={}", pool.window); },
        [](const Embedding& embedding) { return fmt::format("vocabulary={}", embedding.vocabulary); },
        [](const Sample& sample) { return fmt::format("vocabulary={} top_k={}", sample.vocabulary, sample.top_k); },
        // The rest is told by its name and shapes alone.
        [](const auto&) { return std::string(); }};
    return std::visit(text, kind);
}

std::string count_text(double value) {
    constexpr double rounding = 1e-9;  // of sums over fractional repeats
    const bool whole = std::abs(value - std::round(value)) <= rounding * std::abs(value);
    if (std::abs(value) < 9e15 && whole) return format_count(std::llround(value));
    return fmt::format("{:.2f}", value);
}

}  // namespace cupola
