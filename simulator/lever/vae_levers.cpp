#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"
#include "cupola/lever/vae_tiles.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

constexpr std::int64_t size_step = 64;  ///< pixels; every model takes its multiples
constexpr std::int64_t most_tiles = 4096;

/// The decoder of latents: the last stage, if it turns something with rows and columns into an image or a video.
std::size_t decoder_stage(const Workload& workload, std::string_view lever) {
    const std::size_t last = workload.stages.size() - 1;
    const bool named = !workload.stages.empty() && workload.stages[last].name.ends_with("vae_decoder");
    if (!named || workload.stages[last].passes.size() != 1) {
        does_not_apply(lever, workload.name, "a model whose last stage is a vae_decoder");
    }
    return last;
}

std::int64_t parameter(const Workload& workload, std::string_view lever, std::string_view name) {
    for (const ParameterSetting& setting : workload.parameters) {
        if (setting.name == name) return std::stoll(setting.value);
    }
    does_not_apply(lever, workload.name, "a model with a parameter " + std::string(name));
}

/// The decoder as expanded at other settings, its one pass.
Pass decoder_at(const LeverContext& context, std::size_t stage, const WorkloadSettings& settings) {
    Workload workload = context.expand_with(settings);
    return std::move(workload.stages[stage].passes.front());
}

std::int64_t round_up(std::int64_t size) { return (size + size_step - 1) / size_step * size_step; }

std::int64_t number_of(const std::vector<TileSide>& sides) {
    std::int64_t count = 0;
    for (const TileSide& side : sides) count += side.count;
    return count;
}

void apply_vae_tiling(LeverContext& context, const LeverValue& value) {
    value.allow_only({"tile", "overlap"});
    const auto given_tile = value.field("tile"), given_overlap = value.field("overlap");
    const std::int64_t tile = given_tile ? given_tile->whole(size_step, 8192) : 512;
    const double overlap = given_overlap ? given_overlap->number(0, 0.9) : 0.25;
    if (tile % size_step != 0) given_tile->fail("a multiple of " + std::to_string(size_step) + " pixels");

    const std::size_t index = decoder_stage(context.workload, "vae-tiling");
    const std::int64_t height = parameter(context.workload, "vae-tiling", "height"),
                       width = parameter(context.workload, "vae-tiling", "width");
    const auto down = tile_sides(height, tile, overlap), across = tile_sides(width, tile, overlap);
    const std::int64_t tiles = number_of(down) * number_of(across);
    if (tiles == 1) {
        does_not_apply("vae-tiling", std::to_string(width) + " x " + std::to_string(height) + " pixels",
                       "an image larger than one tile of " + std::to_string(tile));
    }
    if (tiles > most_tiles) value.fail("at most " + std::to_string(most_tiles) + " tiles");
    const auto extent = static_cast<std::int64_t>(static_cast<double>(tile) * overlap);
    Stage& stage = context.workload.stages[index];
    const Graph& whole = stage.passes.front().graph;
    Pass join{1, tiles, joined_tiles(whole.output(whole.operators.back()), number_of(down), number_of(across))};
    std::vector<Pass> passes;
    for (const TileSide& row : down) {
        for (const TileSide& column : across) {
            Pass pass = decoder_at(
                context, index,
                {{"height", std::to_string(round_up(row.size))}, {"width", std::to_string(round_up(column.size))}});
            pass.graph = with_blending(pass.graph, row.overlaps ? std::min(extent, row.size) : 0,
                                       column.overlaps ? std::min(extent, column.size) : 0);
            pass.count = static_cast<double>(row.count * column.count);
            passes.push_back(std::move(pass));
        }
    }
    passes.push_back(std::move(join));
    stage.passes = std::move(passes);
}

void apply_vae_slicing(LeverContext& context, const LeverValue& value) {
    value.none();
    const std::size_t index = decoder_stage(context.workload, "vae-slicing");
    const std::int64_t batch = parameter(context.workload, "vae-slicing", "batch");
    if (batch < 2) does_not_apply("vae-slicing", "a batch of 1", "a batch of several images");
    Stage& stage = context.workload.stages[index];
    const Graph& whole = stage.passes.front().graph;
    Pass join{1, batch, joined_batch(whole.output(whole.operators.back()), batch)};
    Pass one = decoder_at(context, index, {{"batch", "1"}});
    one.count = static_cast<double>(batch);
    stage.passes = {std::move(one), std::move(join)};
}

constexpr std::array<Lever, 2> levers{{
    {"vae-tiling", "tile:512, overlap:0.25 (pixels)",
     "the decoder runs once a tile; overlapping rows and columns are blended line by line, the tiles joined",
     "huggingface/diffusers, models/autoencoders/autoencoder_kl.py (tiled_decode, blend_v, blend_h)",
     "models with a vae_decoder; tiles of images and frames, not of time; edge tiles are rounded up to 64 pixels",
     LeverPhase::stages, "parts of the decoder", apply_vae_tiling},
    {"vae-slicing", "", "the decoder runs once an image of the batch, the images are joined",
     "huggingface/diffusers, enable_vae_slicing", "models with a vae_decoder and a batch of more than one",
     LeverPhase::stages, "parts of the decoder", apply_vae_slicing},
}};

}  // namespace

std::span<const Lever> vae_levers() { return levers; }

}  // namespace cupola
