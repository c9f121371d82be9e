#include "cupola/lever/vae_tiles.hpp"

#include "cupola/workload/graph_edit.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

/// The shape with another size along an axis, or along the part of a folded axis: (batch frames).
Shape resized(const Shape& shape, std::string_view axis, std::int64_t size) {
    Shape result = shape;
    const int atom = shape.find_atom(axis);
    if (atom >= 0) result.atom(static_cast<std::size_t>(atom)).size = size;
    return result;
}

/// The shape of the largest of so many parts along an axis.
Shape part_of(const Shape& shape, std::string_view axis, std::int64_t parts) {
    const int atom = shape.find_atom(axis);
    const std::int64_t size = atom < 0 ? 1 : shape.atom(static_cast<std::size_t>(atom)).size;
    return resized(shape, axis, (size + parts - 1) / parts);
}

/// b[y] = a[y] (1 - y / extent) + b[y] y / extent, line by line.
void blend(GraphEdit& edit, std::uint32_t parent, ValueId tile, std::string_view axis, std::int64_t extent) {
    const Value whole = edit.value(tile);
    const Shape line = resized(whole.shape, axis, 1);
    const std::uint32_t end = edit.original_count();
    const ValueId neighbour = edit.add_input(whole.shape, whole.type);
    const auto put = [&](const char* name, const OperatorKind& kind, std::initializer_list<ValueId> inputs) {
        return edit.insert(end, parent, name, kind, {inputs.begin(), inputs.size()}, line, whole.type);
    };
    for (std::int64_t i = 0; i < extent; ++i) {
        const ValueId theirs = put("blend", Slice{}, {neighbour}), ours = put("blend", Slice{}, {tile});
        const ValueId a = put("blend", Elementwise{ElementwiseKind::scale}, {theirs});
        const ValueId b = put("blend", Elementwise{ElementwiseKind::scale}, {ours});
        const ValueId sum = put("blend", Elementwise{ElementwiseKind::add}, {a, b});
        edit.keep(put("assign", Elementwise{ElementwiseKind::scale}, {sum}));
    }
}

/// A graph of one `cat` of equal parts along an axis.
void insert_join(GraphEdit& edit, const Shape& part, DataType type, const Shape& whole, std::int64_t parts) {
    std::vector<ValueId> inputs;
    for (std::int64_t i = 0; i < parts; ++i) inputs.push_back(edit.add_input(part, type));
    edit.keep(edit.insert(0, no_id, "join", Cat{}, inputs, whole, type));
}

}  // namespace

std::int64_t tile_stride(std::int64_t tile, double overlap) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(tile) * (1 - overlap)));
}

std::vector<TileSide> tile_sides(std::int64_t length, std::int64_t tile, std::int64_t stride) {
    if (length <= tile) return {{length, false, 1}};
    std::vector<TileSide> sides;
    for (std::int64_t begin = 0; begin < length; begin += stride) {
        const TileSide side{std::min(tile, length - begin), begin > 0, 1};
        const auto same = std::find_if(sides.begin(), sides.end(), [&](const TileSide& other) {
            return other.size == side.size && other.overlaps == side.overlaps;
        });
        if (same == sides.end()) {
            sides.push_back(side);
        } else {
            ++same->count;
        }
    }
    return sides;
}

Graph with_blending(const Graph& decoder, const Overlap& overlap) {
    GraphEdit edit(decoder);
    const ValueId tile = decoder.operators.back().output;
    edit.persist(tile);
    blend(edit, no_id, tile, "height", overlap.rows);
    blend(edit, no_id, tile, "width", overlap.columns);
    blend(edit, no_id, tile, "frames", overlap.frames);
    return edit.take();
}

Graph joined_tiles(const Value& image, std::int64_t down, std::int64_t across) {
    GraphEdit edit{Graph{}};
    const Shape row = part_of(image.shape, "height", down);
    for (std::int64_t i = 0; i < down; ++i) insert_join(edit, part_of(row, "width", across), image.type, row, across);
    insert_join(edit, row, image.type, image.shape, down);
    return edit.take();
}

Graph joined_parts(const Value& images, std::string_view axis, std::int64_t count) {
    GraphEdit edit{Graph{}};
    insert_join(edit, part_of(images.shape, axis, count), images.type, images.shape, count);
    return edit.take();
}

}  // namespace cupola
