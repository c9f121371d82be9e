#include "cupola/workload/shape.hpp"

#include <doctest/doctest.h>

using namespace cupola;

namespace {
Shape folded() {
    Shape shape;
    shape.push_axis(AxisName("batch"), 2);
    shape.fold_atom(AxisName("frames"), 16);
    shape.push_axis(AxisName("channels"), 320);
    shape.push_axis(AxisName("height"), 64);
    shape.push_axis(AxisName("width"), 48);
    return shape;
}
}  // namespace

TEST_CASE("folded atoms are one axis and keep their names") {
    const Shape shape = folded();
    CHECK(shape.rank() == 4);
    CHECK(shape.axis_size(0) == 32);
    CHECK(shape.elements() == 2LL * 16 * 320 * 64 * 48);
    CHECK(shape.find_axis("frames") == 0);
    CHECK(shape.find_axis("channels") == 1);
    CHECK(shape.find_atom("frames") == 1);
    CHECK(shape.find_axis("tokens") == -1);
    CHECK(shape.sizes() == "32x320x64x48");
    CHECK(shape.text() == "(batch 2, frames 16) x channels 320 x height 64 x width 48");
}

TEST_CASE("replacing an axis drops the atoms that were folded into it") {
    Shape shape = folded();
    shape.replace_axis(0, AxisName("rows"), 7);
    CHECK(shape.sizes() == "7x320x64x48");
    CHECK(shape.atom_count() == 4);
    CHECK(shape.find_atom("frames") == -1);
    Shape same;
    same.push_axis(AxisName("rows"), 7);
    same.push_axis(AxisName("channels"), 320);
    same.push_axis(AxisName("height"), 64);
    same.push_axis(AxisName("width"), 48);
    CHECK(shape == same);
}
