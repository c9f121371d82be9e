#include "cupola/report/style.hpp"
#include "cupola/report/columns.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace cupola;

TEST_CASE("width counts characters, not bytes or escape sequences") {
    CHECK(display_width("abc") == 3);
    CHECK(display_width("█▌…") == 3);
    TextStyle colours;
    colours.colour = true;
    CHECK(display_width(painted(colours, Paint::bad, "no")) == 2);
    CHECK(painted({}, Paint::bad, "no") == "no");
}

TEST_CASE("a bar is as long as its share, to an eighth, and never vanishes") {
    CHECK(bar(0.5, 4) == "██");
    CHECK(bar(1.0, 2) == "██");
    CHECK(bar(2.0, 2) == "██");
    CHECK(bar(0.125, 1) == "▏");
    CHECK(bar(1e-9, 10) == "▏");
    CHECK(bar(0.0, 10).empty());
}

TEST_CASE("long text is wrapped between words and shortened at its front") {
    CHECK(wrapped({"aaa", "bbb", "ccc"}, 9, 2) == "aaa bbb\n  ccc");
    CHECK(shortened("down.0.conv", 5) == "…conv");
    CHECK(shortened("conv", 5) == "conv");
}

TEST_CASE("columns are aligned by what is seen") {
    Columns columns({Align::left, Align::right});
    columns.add({"ä", "1"});
    columns.add({"bb", "22"}, "note");
    CHECK(columns.text(1) == " ä    1\n bb  22\nnote\n");
}

}  // namespace
