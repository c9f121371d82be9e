#pragma once

#include "cupola/workload/shape.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace cupola {

/// The order of a tensor's atoms in memory, which a view leaves alone while it renames and regroups axes. PyTorch keeps
/// the same fact as one stride an axis. Atoms of size 1 never matter and are left out.
struct Layout {
    std::array<std::uint8_t, Shape::max_atoms> order{};  ///< atom indices, slowest first
    std::uint8_t count = 0;
    std::uint8_t gaps = 0;  ///< bit i: atom i is a slice of a longer one, so no slower atom can be folded with it

    bool operator==(const Layout&) const = default;
    [[nodiscard]] bool has_gap(std::size_t atom) const { return ((gaps >> atom) & 1U) != 0; }
};

/// Logical order: the last axis is the fastest.
[[nodiscard]] Layout contiguous_layout(const Shape& shape);

/// Memory order `axes`, given as axis numbers from slowest to fastest; each axis's atoms in logical order.
[[nodiscard]] Layout layout_of_axes(const Shape& shape, const std::array<std::uint8_t, Shape::max_atoms>& axes,
                                    std::size_t rank);

/// Batch slowest, channels (axis 1) fastest: PyTorch's channels_last and channels_last_3d.
[[nodiscard]] Layout channels_last_layout(const Shape& shape);

/// What `tensor.is_contiguous()` says.
[[nodiscard]] bool is_contiguous(const Layout& layout);

/// Shape of rank 4 or 5 whose memory order is that of `channels_last_layout`. May hold together with `is_contiguous`
/// where channels or space have size 1.
[[nodiscard]] bool is_channels_last(const Shape& shape, const Layout& layout);

/// Whether one stride describes the atoms [begin, end) together: neighbours in memory, in logical order, without gaps.
[[nodiscard]] bool is_foldable(const Shape& shape, const Layout& layout, std::size_t begin, std::size_t end);

/// Whether a matrix library can read the tensor as [all axes but the last, last axis] without a copy; either side may
/// be the fast one.
[[nodiscard]] bool is_matrix_view(const Shape& shape, const Layout& layout);

/// The layout of an element-wise result of shape `to` whose operand lies as `layout`; logical order where the two
/// shapes do not match atom by atom.
[[nodiscard]] Layout layout_like(const Shape& from, const Layout& layout, const Shape& to);

/// The layout of `to`, a permutation and regrouping of `from`, if it can be a view; empty if it needs a copy (an axis
/// folds atoms that are not neighbours in memory). Atoms are matched by name.
[[nodiscard]] std::optional<Layout> view_layout(const Shape& from, const Layout& layout, const Shape& to);

/// The layout of `to`, a slice of `from` along one axis.
[[nodiscard]] Layout slice_layout(const Shape& from, const Layout& layout, const Shape& to);

/// Elements of the longest run that is contiguous in both orders of one shape; all of them if the orders are equal.
[[nodiscard]] std::int64_t common_run(const Shape& shape, const Layout& a, const Layout& b);

}  // namespace cupola
