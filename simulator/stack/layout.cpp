#include "cupola/stack/layout.hpp"

#include <algorithm>

namespace cupola {

namespace {

void append(Layout& layout, const Shape& shape, std::size_t atom) {
    if (shape.atom(atom).size != 1) layout.order[layout.count++] = static_cast<std::uint8_t>(atom);
}

/// Position of an atom in the memory order, or -1 (size 1).
int rank_of(const Layout& layout, std::size_t atom) {
    for (int i = 0; i < layout.count; ++i) {
        if (layout.order[static_cast<std::size_t>(i)] == atom) return i;
    }
    return -1;
}

/// The atom of `from` that `to`'s atom is, by name; -1 if there is none of that name and size.
int source_atom(const Shape& from, const Atom& atom, std::size_t guess) {
    if (guess < from.atom_count() && from.atom(guess).name == atom.name && from.atom(guess).size == atom.size) {
        return static_cast<int>(guess);
    }
    for (std::size_t i = 0; i < from.atom_count(); ++i) {
        if (from.atom(i).name == atom.name && from.atom(i).size == atom.size) return static_cast<int>(i);
    }
    return -1;
}

/// The layout of `to` with every atom where its source lies; empty if the shapes are not permutations of one another.
std::optional<Layout> carried_layout(const Shape& from, const Layout& layout, const Shape& to) {
    std::array<std::uint8_t, Shape::max_atoms> target{};  // of each atom of `from`
    std::uint8_t taken = 0;
    std::size_t matched = 0;
    for (std::size_t j = 0; j < to.atom_count(); ++j) {
        if (to.atom(j).size == 1) continue;
        const int i = source_atom(from, to.atom(j), j);
        if (i < 0 || ((taken >> i) & 1U) != 0) return std::nullopt;
        taken = static_cast<std::uint8_t>(taken | (1U << i));
        target[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(j);
        ++matched;
    }
    if (matched != layout.count) return std::nullopt;
    Layout carried;
    for (std::size_t k = 0; k < layout.count; ++k) {
        const std::uint8_t atom = layout.order[k];
        carried.order[carried.count++] = target[atom];
        if (layout.has_gap(atom)) carried.gaps = static_cast<std::uint8_t>(carried.gaps | (1U << target[atom]));
    }
    return carried;
}

/// The layout of `to`, which splits and merges axes of `from` without permuting them; empty if a merged run of atoms
/// has no single stride.
std::optional<Layout> reshaped_layout(const Shape& from, const Layout& layout, const Shape& to) {
    struct Run {
        std::size_t from_begin, to_begin, to_end;
    };
    std::array<Run, Shape::max_atoms> runs{};
    std::size_t count = 0;
    for (std::size_t i = 0, j = 0; i < from.atom_count() || j < to.atom_count();) {
        const std::size_t from_begin = i, to_begin = j;
        std::int64_t left = i < from.atom_count() ? from.atom(i++).size : 1;
        std::int64_t right = j < to.atom_count() ? to.atom(j++).size : 1;
        while (left != right) {
            if (left < right && i < from.atom_count()) {
                left *= from.atom(i++).size;
            } else if (right < left && j < to.atom_count()) {
                right *= to.atom(j++).size;
            } else {
                return std::nullopt;
            }
        }
        if (!is_foldable(from, layout, from_begin, i)) return std::nullopt;
        runs[count++] = {from_begin, to_begin, j};
        if (count == runs.size()) break;
    }
    Layout result;
    for (std::size_t k = 0; k < layout.count; ++k) {
        std::size_t r = count - 1;
        while (runs[r].from_begin > layout.order[k]) --r;
        for (std::size_t j = runs[r].to_begin; j < runs[r].to_end; ++j) {
            if (layout.has_gap(layout.order[k]) && result.count < Shape::max_atoms) {
                result.gaps = static_cast<std::uint8_t>(result.gaps | (1U << j));
            }
            append(result, to, j);
        }
        runs[r].to_begin = runs[r].to_end;  // the other atoms of the run follow their first
    }
    return result;
}

}  // namespace

Layout contiguous_layout(const Shape& shape) {
    Layout layout;
    for (std::size_t i = 0; i < shape.atom_count(); ++i) append(layout, shape, i);
    return layout;
}

Layout layout_of_axes(const Shape& shape, const std::array<std::uint8_t, Shape::max_atoms>& axes, std::size_t rank) {
    Layout layout;
    for (std::size_t k = 0; k < rank; ++k) {
        for (std::size_t i = shape.axis_begin(axes[k]), end = shape.axis_end(axes[k]); i < end; ++i) {
            append(layout, shape, i);
        }
    }
    return layout;
}

Layout channels_last_layout(const Shape& shape) {
    const std::size_t channels_begin = shape.axis_begin(1);
    const std::size_t channels_end = shape.axis_end(1);
    Layout layout;
    for (std::size_t i = 0; i < channels_begin; ++i) append(layout, shape, i);
    for (std::size_t i = channels_end; i < shape.atom_count(); ++i) append(layout, shape, i);
    for (std::size_t i = channels_begin; i < channels_end; ++i) append(layout, shape, i);
    return layout;
}

bool is_contiguous(const Layout& layout) {
    for (std::size_t k = 1; k < layout.count; ++k) {
        if (layout.order[k] < layout.order[k - 1] || layout.has_gap(layout.order[k])) return false;
    }
    return true;
}

bool is_channels_last(const Shape& shape, const Layout& layout) {
    const std::size_t rank = shape.rank();
    if (rank != 4 && rank != 5) return false;
    for (std::size_t k = 1; k < layout.count; ++k) {
        if (layout.has_gap(layout.order[k])) return false;
    }
    const Layout wanted = channels_last_layout(shape);
    return wanted.order == layout.order && wanted.count == layout.count;
}

bool is_foldable(const Shape& shape, const Layout& layout, std::size_t begin, std::size_t end) {
    int previous = -1;
    for (std::size_t i = begin; i < end; ++i) {
        if (shape.atom(i).size == 1) continue;
        const int rank = rank_of(layout, i);
        if (previous >= 0 && (rank != previous + 1 || layout.has_gap(i))) return false;
        previous = rank;
    }
    return true;
}

bool is_matrix_view(const Shape& shape, const Layout& layout) {
    std::size_t features = shape.atom_count();
    while (features > 0 && !shape.atom(--features).begins_axis) {
    }
    return is_foldable(shape, layout, 0, features) && is_foldable(shape, layout, features, shape.atom_count());
}

Layout layout_like(const Shape& from, const Layout& layout, const Shape& to) {
    if (from.atom_count() != to.atom_count()) return contiguous_layout(to);
    for (std::size_t i = 0; i < to.atom_count(); ++i) {
        if (from.atom(i).size != to.atom(i).size) return contiguous_layout(to);
    }
    Layout dense = layout;
    dense.gaps = 0;
    return dense;
}

std::optional<Layout> view_layout(const Shape& from, const Layout& layout, const Shape& to) {
    const std::optional<Layout> carried = carried_layout(from, layout, to);
    if (!carried) return reshaped_layout(from, layout, to);  // atoms were split or merged
    for (std::size_t begin = 0; begin < to.atom_count();) {
        std::size_t end = begin + 1;
        while (end < to.atom_count() && !to.atom(end).begins_axis) ++end;
        if (end - begin > 1 && !is_foldable(to, *carried, begin, end)) return std::nullopt;
        begin = end;
    }
    return carried;
}

Layout slice_layout(const Shape& from, const Layout& layout, const Shape& to) {
    if (from.atom_count() != to.atom_count()) {  // the axis was a fold and is one atom now
        Shape merged = from;
        for (std::size_t axis = 0, axes = std::min(from.rank(), to.rank()); axis < axes; ++axis) {
            const std::int64_t size = merged.axis_size(axis);
            if (size != to.axis_size(axis)) merged.replace_axis(axis, to.atom(to.axis_begin(axis)).name, size);
        }
        if (merged.atom_count() != to.atom_count()) return contiguous_layout(to);
        return slice_layout(merged, view_layout(from, layout, merged).value_or(contiguous_layout(merged)), to);
    }
    Layout sliced;
    for (std::size_t k = 0; k < layout.count; ++k) {
        const std::uint8_t atom = layout.order[k];
        const bool cut = from.atom(atom).size != to.atom(atom).size;
        if (to.atom(atom).size == 1) {
            // A slice of one element leaves its gap to the atom inside it.
            if (k + 1 < layout.count)
                sliced.gaps = static_cast<std::uint8_t>(sliced.gaps | (1U << layout.order[k + 1]));
            continue;
        }
        sliced.order[sliced.count++] = atom;
        if (cut || layout.has_gap(atom)) sliced.gaps = static_cast<std::uint8_t>(sliced.gaps | (1U << atom));
    }
    return sliced;
}

std::int64_t common_run(const Shape& shape, const Layout& a, const Layout& b) {
    std::int64_t run = 1;
    for (std::size_t ka = a.count, kb = b.count; ka > 0 && kb > 0; --ka, --kb) {
        const std::uint8_t atom = a.order[ka - 1];
        if (atom != b.order[kb - 1]) break;
        run *= shape.atom(atom).size;
        if (a.has_gap(atom) || b.has_gap(atom)) break;
    }
    return run;
}

}  // namespace cupola
