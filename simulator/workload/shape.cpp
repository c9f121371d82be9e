#include "cupola/workload/shape.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace cupola {

namespace {

/// a * b for sizes, at most the largest number: a file may ask for any shape, and is told so only after it is built.
std::int64_t saturating_product(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::int64_t>::max() : product;
}

}  // namespace

AxisName::AxisName(std::string_view name) {
    std::copy_n(name.begin(), std::min(name.size(), max_length), text_.begin());
}

void Shape::push_axis(AxisName name, std::int64_t size) {
    atoms_[count_] = {name, size, true};
    ++count_;
}

void Shape::fold_atom(AxisName name, std::int64_t size) {
    atoms_[count_] = {name, size, false};
    ++count_;
}

std::size_t Shape::rank() const {
    std::size_t axes = 0;
    for (std::size_t i = 0; i < count_; ++i) axes += atoms_[i].begins_axis ? 1 : 0;
    return axes;
}

std::size_t Shape::axis_begin(std::size_t axis) const {
    std::size_t i = 0;
    for (std::size_t begun = 0; i < count_; ++i) {
        if (atoms_[i].begins_axis && begun++ == axis) break;
    }
    return i;
}

std::size_t Shape::axis_end(std::size_t axis) const {
    std::size_t i = axis_begin(axis) + 1;
    while (i < count_ && !atoms_[i].begins_axis) ++i;
    return i;
}

std::int64_t Shape::axis_size(std::size_t axis) const {
    std::int64_t size = 1;
    for (std::size_t i = axis_begin(axis), end = axis_end(axis); i < end; ++i)
        size = saturating_product(size, atoms_[i].size);
    return size;
}

std::int64_t Shape::elements() const {
    std::int64_t product = 1;
    for (std::size_t i = 0; i < count_; ++i) product = saturating_product(product, atoms_[i].size);
    return product;
}

int Shape::find_atom(std::string_view name) const {
    for (std::size_t i = 0; i < count_; ++i) {
        if (atoms_[i].name.view() == name) return static_cast<int>(i);
    }
    return -1;
}

int Shape::find_axis(std::string_view name) const {
    int axis = -1;
    for (std::size_t i = 0; i < count_; ++i) {
        if (atoms_[i].begins_axis) ++axis;
        if (atoms_[i].name.view() == name) return axis;
    }
    return -1;
}

void Shape::replace_axis(std::size_t axis, AxisName name, std::int64_t size) {
    const std::size_t begin = axis_begin(axis);
    const std::size_t end = axis_end(axis);
    atoms_[begin] = {name, size, true};
    std::copy(atoms_.begin() + static_cast<std::ptrdiff_t>(end), atoms_.begin() + count_,
              atoms_.begin() + static_cast<std::ptrdiff_t>(begin) + 1);
    const std::size_t removed = end - begin - 1;
    std::fill(atoms_.begin() + static_cast<std::ptrdiff_t>(count_ - removed), atoms_.begin() + count_, Atom{});
    count_ = static_cast<std::uint8_t>(count_ - removed);
}

std::string Shape::sizes() const {
    std::string text;
    for (std::size_t axis = 0, axes = rank(); axis < axes; ++axis) {
        if (axis > 0) text += 'x';
        text += std::to_string(axis_size(axis));
    }
    return text;
}

std::string Shape::text() const {
    std::string text;
    for (std::size_t axis = 0, axes = rank(); axis < axes; ++axis) {
        if (axis > 0) text += " x ";
        const std::size_t begin = axis_begin(axis), end = axis_end(axis);
        if (end - begin > 1) text += '(';
        for (std::size_t i = begin; i < end; ++i) {
            if (i > begin) text += ", ";
            text += std::string(atoms_[i].name.view()) + ' ' + std::to_string(atoms_[i].size);
        }
        if (end - begin > 1) text += ')';
    }
    return text;
}

}  // namespace cupola
