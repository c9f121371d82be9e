#pragma once

#include "cupola/kernel/kernel.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// The law that prices a kernel, in the order of `Work`'s alternatives.
enum class KernelKind : std::uint8_t { gemm, convolution, attention, memory };
inline constexpr std::array<KernelKind, 4> all_kernel_kinds{KernelKind::gemm, KernelKind::convolution,
                                                            KernelKind::attention, KernelKind::memory};
static_assert(std::variant_size_v<Work> == all_kernel_kinds.size());

[[nodiscard]] inline KernelKind kernel_kind(const Work& work) { return static_cast<KernelKind>(work.index()); }
[[nodiscard]] constexpr std::size_t index_of(KernelKind kind) { return static_cast<std::size_t>(kind); }
[[nodiscard]] std::string_view name_of(KernelKind kind);
/// The inverse of `name_of`.
[[nodiscard]] std::optional<KernelKind> parse_kernel_kind(std::string_view name);

/// What a law tells apart within a kind: the attention kernel ("flash2"), the memory pattern ("row_reduction"); "" for
/// the others.
[[nodiscard]] std::string_view variant_of(const Work& work);

/// The libraries that serve each kind of kernel, by preference: the first that was calibrated on the GPU counts.
using LibraryChoice = std::array<std::vector<std::string>, all_kernel_kinds.size()>;

/// The sizes of a kernel by which a calibration says what it has seen.
/// gemm: batch m n k; convolution: positions (batch included), input and output channels of a group, taps;
/// attention: batch x heads, queries, keys, head_dim; memory: elements, rows, elements a row, bytes.
using KernelSizes = std::array<double, 4>;
[[nodiscard]] KernelSizes sizes_of(const Kernel& kernel);
[[nodiscard]] const std::array<std::string_view, 4>& size_names(KernelKind kind);

}  // namespace cupola
