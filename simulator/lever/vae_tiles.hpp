#pragma once

#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <vector>

namespace cupola {

/// Tiles along one side of an image, in pixels: each begins `stride` behind the one before, the last ones are cut off.
struct TileSide {
    std::int64_t size = 0;   ///< of the tile
    bool overlaps = false;   ///< it begins inside another one
    std::int64_t count = 1;  ///< how many are alike
};

/// Tiles of `tile` pixels that overlap by the share `overlap`, over `length` pixels. One tile if it covers all.
[[nodiscard]] std::vector<TileSide> tile_sides(std::int64_t length, std::int64_t tile, double overlap);

/// The decoder of one tile, and behind it the loop that blends `extent` rows with the tile above and as many columns
/// with the one to the left: for each, two products, a sum and an assignment on views.
[[nodiscard]] Graph with_blending(const Graph& decoder, std::int64_t rows, std::int64_t columns);

/// The tiles' parts put together to one image of the size of `image`: rows of tiles, then all rows.
[[nodiscard]] Graph joined_tiles(const Value& image, std::int64_t down, std::int64_t across);

/// The images of a batch put together.
[[nodiscard]] Graph joined_batch(const Value& images, std::int64_t count);

}  // namespace cupola
