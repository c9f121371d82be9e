#include "cupola/stack/layout.hpp"

#include "builder.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using namespace cupola::test;

TEST_CASE("memory orders of images are told apart") {
    const Shape shape = image(2, 320, 64);
    CHECK(is_contiguous(contiguous_layout(shape)));
    CHECK_FALSE(is_channels_last(shape, contiguous_layout(shape)));
    CHECK(is_channels_last(shape, channels_last_layout(shape)));
    CHECK_FALSE(is_contiguous(channels_last_layout(shape)));
}

TEST_CASE("axes of size one do not matter for memory order") {
    const Shape shape = image(1, 1, 64);
    CHECK(is_contiguous(channels_last_layout(shape)));
    CHECK(is_channels_last(shape, contiguous_layout(shape)));
}

TEST_CASE("space moves into the batch by a view only where the atoms are neighbours in memory") {
    const auto to_tokens = [](std::int64_t batch) {
        const Shape from = image(batch, 320, 32);
        const Shape to = tokens(batch, 32, 320);
        return view_layout(from, contiguous_layout(from), to);
    };
    REQUIRE(to_tokens(2));                                           // height and width stay neighbours
    CHECK(is_matrix_view(tokens(1, 32, 320), *to_tokens(1)));        // [tokens, channels], transposed
    CHECK_FALSE(is_matrix_view(tokens(2, 32, 320), *to_tokens(2)));  // batch and tokens have channels between them

    const Shape from = image(2, 320, 32);
    const Shape pixels = shape_of({{"batch", 2}, {"height", 32, true}, {"width", 32, true}, {"channels", 320}});
    CHECK_FALSE(view_layout(from, contiguous_layout(from), pixels));
    CHECK(view_layout(from, channels_last_layout(from), pixels));
}

TEST_CASE("merging and splitting axes keeps a view where one stride describes them") {
    const Shape from = image(2, 64, 8);
    const Shape flat = shape_of({{"batch", 2}, {"features", 64 * 8 * 8}});
    REQUIRE(view_layout(from, contiguous_layout(from), flat));
    CHECK(is_contiguous(*view_layout(from, contiguous_layout(from), flat)));
    CHECK_FALSE(view_layout(from, channels_last_layout(from), flat));

    const Shape sequence = shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}});
    const Shape heads = shape_of({{"batch", 2}, {"tokens", 77}, {"heads", 10}, {"dim", 64}});
    REQUIRE(view_layout(sequence, contiguous_layout(sequence), heads));
    CHECK(is_contiguous(*view_layout(sequence, contiguous_layout(sequence), heads)));
}

TEST_CASE("a slice leaves a gap that no fold may cross") {
    const Shape whole = shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}});
    const Shape part = shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 320}});
    const Layout sliced = slice_layout(whole, contiguous_layout(whole), part);
    CHECK_FALSE(is_contiguous(sliced));
    CHECK(is_matrix_view(part, sliced));  // rows with a stride of 640
    const Shape flat = shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 320, true}});
    CHECK_FALSE(view_layout(part, sliced, flat));

    const Shape first = shape_of({{"batch", 1}, {"tokens", 77}, {"channels", 640}});
    CHECK(is_contiguous(slice_layout(whole, contiguous_layout(whole), first)));
}

TEST_CASE("the run that two memory orders share decides how a copy falls into sectors") {
    const Shape shape = image(2, 320, 64);
    CHECK(common_run(shape, contiguous_layout(shape), contiguous_layout(shape)) == shape.elements());
    CHECK(common_run(shape, contiguous_layout(shape), channels_last_layout(shape)) == 1);
    const Layout channels_first = layout_of_axes(shape, {1, 0, 2, 3}, 4);
    CHECK(common_run(shape, contiguous_layout(shape), channels_first) == 64 * 64);
}
