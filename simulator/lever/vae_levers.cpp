#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"
#include "cupola/lever/vae_tiles.hpp"

#include <algorithm>
#include <array>

namespace cupola {
namespace {

constexpr std::int64_t size_step = 64;  ///< pixels; every model takes its multiples
constexpr std::int64_t most_tiles = 4096;

/// Parameters by which a model itself decodes its video in parts: "vae_tile, vae_tile_frames"; "" for none.
std::string own_parts(const Workload& workload) {
    std::string names;
    for (const ParameterSetting& setting : workload.parameters) {
        if (setting.name != "chunk" && !setting.name.starts_with("vae_tile")) continue;
        names += (names.empty() ? "" : ", ") + setting.name;
    }
    return names;
}

/// Frames that the pipeline decodes at once are a parameter of the model (Stable Video Diffusion).
bool has_chunks(const Workload& workload) {
    return std::any_of(workload.parameters.begin(), workload.parameters.end(),
                       [](const ParameterSetting& setting) { return setting.name == "chunk"; });
}

[[noreturn]] void refuse_parts(const Workload& workload, std::string_view lever) {
    const std::string names = own_parts(workload);
    does_not_apply(lever, workload.name + ", which decodes in parts as it is",
                   "a decoder that takes all frames at once",
                   names.empty() ? "" : "the parts are its own parameters: " + names);
}

/// The decoder of latents: the last stage, if it turns something with rows and columns into an image or a video.
std::size_t decoder_stage(const Workload& workload, std::string_view lever) {
    const std::size_t last = workload.stages.size() - 1;
    const bool named = !workload.stages.empty() && workload.stages[last].name.ends_with("vae_decoder");
    if (!named) does_not_apply(lever, workload.name, "a model whose last stage is a vae_decoder");
    if (workload.stages[last].passes.size() != 1) refuse_parts(workload, lever);
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

const Value& result_of(const Pass& pass) { return pass.graph.output(pass.graph.operators.back()); }

/// Tiles of every image or frame.
struct FrameTiling {
    std::vector<TileSide> down, across;
    std::int64_t extent = 0;  ///< rows or columns that two tiles share
    [[nodiscard]] std::int64_t count() const { return number_of(down) * number_of(across); }
};

/// Tiles of latent frames. A decoder with convolutions along time makes 1 + r n frames of 1 + n latents: its tiles read
/// one latent more, whose frame is dropped again, as the first frame of every tile is made of padding.
struct TimeTiling {
    std::vector<TileSide> parts;  ///< empty: the video is one part
    std::int64_t ratio = 1;       ///< frames that a latent makes
    std::int64_t extent = 0;      ///< frames that two tiles share
    bool mixes_frames = false;

    /// Frames that the decoder makes of a tile.
    [[nodiscard]] std::int64_t frames(const TileSide& part) const {
        return mixes_frames ? (part.size - 1) * ratio + 1 : part.size;
    }
};

/// The latents that the decoder starts from: its first input with frames.
const Value* latent_frames(const Graph& graph) {
    const auto found = std::find_if(graph.values.begin(), graph.values.end(), [](const Value& value) {
        return value.producer == no_id && value.shape.find_atom("frames") >= 0;
    });
    return found == graph.values.end() ? nullptr : &*found;
}

std::int64_t frames_of(const Value& value) {
    return value.shape.atom(static_cast<std::size_t>(value.shape.find_atom("frames"))).size;
}

/// The first convolution along time; null where every frame is decoded for itself.
const Convolution* first_along_time(const Graph& graph) {
    for (const Operator& op : graph.operators) {
        const auto* convolution = std::get_if<Convolution>(&op.kind);
        if (convolution != nullptr && convolution->spatial_rank == 3 && convolution->kernel[0] > 1) return convolution;
    }
    return nullptr;
}

TimeTiling time_tiling(const LeverContext& context, const Pass& whole, const LeverValue& frames, double overlap) {
    const std::int64_t tile = frames.whole(1, 100'000);
    const Workload& workload = context.workload;
    (void)parameter(workload, "vae-tiling", "frames");
    const Value* latents = latent_frames(whole.graph);
    if (latents == nullptr || result_of(whole).shape.find_atom("frames") < 0) refuse_parts(workload, "vae-tiling");
    const std::int64_t length = frames_of(*latents);
    TimeTiling tiling;
    const Convolution* convolution = first_along_time(whole.graph);
    tiling.mixes_frames = convolution != nullptr;
    // A decoder that keeps what its convolutions read last already goes through the video part by part.
    const bool in_parts = tiling.mixes_frames && convolution->output[0] < length;
    if (whole.count != 1 || in_parts || has_chunks(workload)) refuse_parts(workload, "vae-tiling");
    if (tiling.mixes_frames && length > 1) {
        tiling.ratio = std::max<std::int64_t>(1, (frames_of(result_of(whole)) - 1) / (length - 1));
    }
    if (tile % tiling.ratio != 0) frames.fail("a multiple of " + std::to_string(tiling.ratio) + " frames");
    const std::int64_t latent_tile = tile / tiling.ratio;
    if (length <= latent_tile) {
        does_not_apply(
            "vae-tiling", std::to_string(length) + " latent frames",
            "more than the " + std::to_string(latent_tile) + " of a tile of " + std::to_string(tile) + " frames");
    }
    const std::int64_t stride = tiling.mixes_frames ? tile_stride(latent_tile, overlap) : latent_tile;
    tiling.parts = tile_sides(length, latent_tile + (tiling.mixes_frames ? 1 : 0), stride);
    tiling.extent = tiling.mixes_frames ? tile - stride * tiling.ratio : 0;
    return tiling;
}

FrameTiling frame_tiling(const LeverContext& context, std::int64_t tile, double overlap) {
    const std::int64_t height = parameter(context.workload, "vae-tiling", "height"),
                       width = parameter(context.workload, "vae-tiling", "width");
    const std::int64_t stride = tile_stride(tile, overlap);
    FrameTiling tiling{tile_sides(height, tile, stride), tile_sides(width, tile, stride),
                       static_cast<std::int64_t>(static_cast<double>(tile) * overlap)};
    if (tiling.count() == 1) {
        does_not_apply("vae-tiling", std::to_string(width) + " x " + std::to_string(height) + " pixels",
                       "an image larger than one tile of " + std::to_string(tile));
    }
    return tiling;
}

/// The passes that decode one part of the video: its tiles, and what joins them; the last one's result is the part.
std::vector<Pass> decoding(const LeverContext& context, std::size_t stage, const FrameTiling& tiling,
                           const WorkloadSettings& part) {
    Pass whole = decoder_at(context, stage, part);
    if (tiling.count() == 1) return {std::move(whole)};
    Pass join{whole.count, 0, joined_tiles(result_of(whole), number_of(tiling.down), number_of(tiling.across))};
    std::vector<Pass> passes;
    for (const TileSide& row : tiling.down) {
        for (const TileSide& column : tiling.across) {
            WorkloadSettings settings = part;
            settings.emplace_back("height", std::to_string(round_up(row.size)));
            settings.emplace_back("width", std::to_string(round_up(column.size)));
            Pass pass = decoder_at(context, stage, settings);
            pass.graph = with_blending(pass.graph, {row.overlaps ? std::min(tiling.extent, row.size) : 0,
                                                    column.overlaps ? std::min(tiling.extent, column.size) : 0, 0});
            pass.count *= static_cast<double>(row.count * column.count);
            passes.push_back(std::move(pass));
        }
    }
    passes.push_back(std::move(join));
    return passes;
}

/// As `decoding`, for every part of the video, with what blends and joins the parts.
std::vector<Pass> decoding_in_parts(const LeverContext& context, std::size_t stage, const FrameTiling& tiling,
                                    const TimeTiling& time, const Value& video) {
    std::vector<Pass> passes;
    for (const TileSide& part : time.parts) {
        const std::int64_t frames = time.frames(part);
        std::vector<Pass> of_part = decoding(context, stage, tiling, {{"frames", std::to_string(frames)}});
        Graph& last = of_part.back().graph;
        if (part.overlaps && time.extent > 0) last = with_blending(last, {0, 0, std::min(time.extent, frames - 1)});
        for (Pass& pass : of_part) {
            pass.count *= static_cast<double>(part.count);
            passes.push_back(std::move(pass));
        }
    }
    passes.push_back({1, 0, joined_parts(video, "frames", number_of(time.parts))});
    return passes;
}

void apply_vae_tiling(LeverContext& context, const LeverValue& value) {
    value.allow_only({"tile", "overlap", "frames"});
    const auto given_tile = value.field("tile"), given_overlap = value.field("overlap"), frames = value.field("frames");
    const std::int64_t tile = given_tile ? given_tile->whole(size_step, 8192) : 512;
    const double overlap = given_overlap ? given_overlap->number(0, 0.9) : 0.25;
    if (tile % size_step != 0) given_tile->fail("a multiple of " + std::to_string(size_step) + " pixels");

    const std::size_t index = decoder_stage(context.workload, "vae-tiling");
    Stage& stage = context.workload.stages[index];
    const Pass& whole = stage.passes.front();
    const TimeTiling time = frames ? time_tiling(context, whole, *frames, overlap) : TimeTiling{};
    const bool tiles_frames = given_tile || !frames;
    const FrameTiling tiling =
        tiles_frames ? frame_tiling(context, tile, overlap) : FrameTiling{{TileSide{}}, {TileSide{}}, 0};
    const std::int64_t parts = frames ? number_of(time.parts) : 1;
    if (tiling.count() > most_tiles / parts) value.fail("at most " + std::to_string(most_tiles) + " tiles");
    stage.passes = frames ? decoding_in_parts(context, index, tiling, time, result_of(whole))
                          : decoding(context, index, tiling, {});
}

void apply_vae_slicing(LeverContext& context, const LeverValue& value) {
    value.none();
    const std::size_t index = decoder_stage(context.workload, "vae-slicing");
    const std::int64_t batch = parameter(context.workload, "vae-slicing", "batch");
    if (batch < 2) does_not_apply("vae-slicing", "a batch of 1", "a batch of several images");
    Stage& stage = context.workload.stages[index];
    const Pass& whole = stage.passes.front();
    Pass one = decoder_at(context, index, {{"batch", "1"}});
    if (result_of(one).shape == result_of(whole).shape) refuse_parts(context.workload, "vae-slicing");
    Pass join{one.count, 0, joined_parts(result_of(whole), "batch", batch)};
    one.count *= static_cast<double>(batch);
    stage.passes = {std::move(one), std::move(join)};
}

constexpr std::array<Lever, 2> levers{{
    {"vae-tiling", "tile:512 (pixels), overlap:0.25, frames:16",
     "the decoder runs once a tile; overlapping rows and columns are blended line by line, the tiles joined; frames: "
     "parts of the video as well, alone or with tile: each reads one latent more, whose frame is dropped, and its "
     "first "
     "frames are blended with the last part's",
     "huggingface/diffusers, models/autoencoders/autoencoder_kl.py (tiled_decode, blend_v, blend_h), "
     "autoencoder_kl_hunyuan_video.py and autoencoder_kl_ltx.py (_temporal_tiled_decode, blend_t)",
     "models with a vae_decoder; edge tiles are rounded up to 64 pixels; frames: decoders that take all latents at "
     "once "
     "(HunyuanVideo with vae_tile=0 and vae_tile_frames=0, LTX-Video, Mochi); parts do not overlap where every frame "
     "is "
     "decoded for itself; Wan and CogVideoX go through the latents with kept frames as they are",
     LeverPhase::stages, "parts of the decoder", apply_vae_tiling},
    {"vae-slicing", "", "the decoder runs once an image of the batch, the images are joined",
     "huggingface/diffusers, enable_vae_slicing", "models with a vae_decoder and a batch of more than one",
     LeverPhase::stages, "parts of the decoder", apply_vae_slicing},
}};

}  // namespace

std::span<const Lever> vae_levers() { return levers; }

}  // namespace cupola
