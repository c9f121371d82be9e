#pragma once

#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace cupola {

/// Tiles along one side of an image (pixels) or along time (latent frames) that are alike.
struct TileSide {
    std::int64_t size = 0;   ///< of the tile
    bool overlaps = false;   ///< it begins inside another one
    std::int64_t count = 1;  ///< how many are alike
};

/// Tiles of `tile` over `length`, each `stride` behind the one before; the last ones are cut off.
[[nodiscard]] std::vector<TileSide> tile_sides(std::int64_t length, std::int64_t tile, std::int64_t stride);

/// How far tiles are apart that overlap by the share `overlap`.
[[nodiscard]] std::int64_t tile_stride(std::int64_t tile, double overlap);

/// How many lines of its beginnings a tile shares with its neighbours: rows with the one above, columns with the one to
/// the left, frames with the earlier one.
struct Overlap {
    std::int64_t rows = 0, columns = 0, frames = 0;
};

/// The decoder of one tile, and behind it the loop that blends what it shares with its neighbours: for each line two
/// products, a sum and an assignment on views.
[[nodiscard]] Graph with_blending(const Graph& decoder, const Overlap& overlap);

/// The tiles' parts put together to one image of the size of `image`: rows of tiles, then all rows.
[[nodiscard]] Graph joined_tiles(const Value& image, std::int64_t down, std::int64_t across);

/// The images of a batch, or the frames of videos, put together from equal parts along that axis.
[[nodiscard]] Graph joined_parts(const Value& images, std::string_view axis, std::int64_t count);

}  // namespace cupola
