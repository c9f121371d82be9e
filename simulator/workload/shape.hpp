#pragma once

#include "cupola/units/data_type.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cupola {

/// The name of an axis, stored inline (at most 15 characters) so that shapes copy without allocation.
class AxisName {
public:
    static constexpr std::size_t max_length = 15;
    AxisName() = default;
    /// REQUIRES: name.size() <= max_length
    explicit AxisName(std::string_view name);
    [[nodiscard]] std::string_view view() const { return text_.data(); }
    bool operator==(const AxisName&) const = default;

private:
    std::array<char, max_length + 1> text_{};
};

/// One atom of a shape. An axis is one atom or several folded together: `(batch frames) channels height width` has
/// five atoms in four axes. Atoms keep their names through folds, so that an unfold needs no sizes.
struct Atom {
    AxisName name;
    std::int64_t size = 1;
    bool begins_axis = true;  ///< false: folded into the axis of the atom before it

    bool operator==(const Atom&) const = default;
};

/// A tensor's shape: named axes in logical order.
class Shape {
public:
    static constexpr std::size_t max_atoms = 8;

    void push_axis(AxisName name, std::int64_t size);
    void fold_atom(AxisName name, std::int64_t size);  ///< appends an atom to the last axis

    [[nodiscard]] std::size_t atom_count() const { return count_; }
    [[nodiscard]] const Atom& atom(std::size_t i) const { return atoms_[i]; }
    [[nodiscard]] Atom& atom(std::size_t i) { return atoms_[i]; }
    [[nodiscard]] std::size_t rank() const;                        ///< number of axes
    [[nodiscard]] std::int64_t axis_size(std::size_t axis) const;  ///< product over the axis's atoms
    [[nodiscard]] std::size_t axis_begin(std::size_t axis) const;  ///< index of its first atom
    [[nodiscard]] std::size_t axis_end(std::size_t axis) const;    ///< one past its last atom
    [[nodiscard]] std::int64_t elements() const;
    /// Index of the atom of that name, or -1.
    [[nodiscard]] int find_atom(std::string_view name) const;
    /// Index of the axis that is, or contains, the atom of that name, or -1.
    [[nodiscard]] int find_axis(std::string_view name) const;
    /// Replaces one whole axis by a single atom of that name and size.
    void replace_axis(std::size_t axis, AxisName name, std::int64_t size);

    /// "1x320x64x64"
    [[nodiscard]] std::string sizes() const;
    /// "(batch 2, frames 16) x channels 320 x height 64 x width 64"
    [[nodiscard]] std::string text() const;
    bool operator==(const Shape&) const = default;

private:
    std::array<Atom, max_atoms> atoms_{};
    std::uint8_t count_ = 0;
};

}  // namespace cupola
