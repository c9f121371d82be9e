#include "cupola/kernel/kernel_kind.hpp"

#include <algorithm>

namespace cupola {
namespace {

double volume(const std::array<std::int64_t, 3>& extents) {
    return static_cast<double>(extents[0]) * static_cast<double>(extents[1]) * static_cast<double>(extents[2]);
}

struct SizesOf {
    const Kernel& kernel;

    KernelSizes operator()(const GemmWork& w) const {
        return {static_cast<double>(w.batch), static_cast<double>(w.m), static_cast<double>(w.n),
                static_cast<double>(w.k)};
    }
    KernelSizes operator()(const ConvolutionWork& w) const {
        const auto groups = static_cast<double>(std::max<std::int64_t>(w.groups, 1));
        return {static_cast<double>(w.batch) * volume(w.output), static_cast<double>(w.in_channels) / groups,
                static_cast<double>(w.out_channels) / groups, volume(w.kernel)};
    }
    KernelSizes operator()(const AttentionWork& w) const {
        return {static_cast<double>(w.batch) * static_cast<double>(w.heads), static_cast<double>(w.queries),
                static_cast<double>(w.keys), static_cast<double>(w.head_dim)};
    }
    KernelSizes operator()(const MemoryWork& w) const {
        const auto elements = static_cast<double>(w.elements), rows = static_cast<double>(w.rows);
        return {elements, rows, elements / std::max(rows, 1.0), compulsory_bytes(kernel).value()};
    }
};

}  // namespace

std::string_view name_of(KernelKind kind) {
    switch (kind) {
        case KernelKind::gemm: return "gemm";
        case KernelKind::convolution: return "convolution";
        case KernelKind::attention: return "attention";
        case KernelKind::memory: return "memory";
    }
    return "";
}

std::optional<KernelKind> parse_kernel_kind(std::string_view name) {
    for (const KernelKind kind : all_kernel_kinds) {
        if (name_of(kind) == name) return kind;
    }
    return std::nullopt;
}

std::string_view variant_of(const Work& work) {
    if (const auto* attention = std::get_if<AttentionWork>(&work)) return name_of(attention->kernel);
    if (const auto* memory = std::get_if<MemoryWork>(&work)) return name_of(memory->pattern);
    return "";
}

KernelSizes sizes_of(const Kernel& kernel) { return std::visit(SizesOf{kernel}, kernel.work); }

const std::array<std::string_view, 4>& size_names(KernelKind kind) {
    static constexpr std::array<std::array<std::string_view, 4>, 4> names{{
        {"batch", "m", "n", "k"},
        {"positions", "in_channels", "out_channels", "taps"},
        {"heads", "queries", "keys", "head_dim"},
        {"elements", "rows", "row_length", "bytes"},
    }};
    return names[index_of(kind)];
}

}  // namespace cupola
