// Guidance, parts of the decoder: passes, sizes and launches.
#include "model.hpp"

#include "cupola/lever/vae_tiles.hpp"

#include <doctest/doctest.h>

namespace cupola {
namespace {

using test::changed;
using test::count_of;
using test::refusal;
using test::stage;

double macs(const Pass& pass) { return count_macs(pass.graph).total(); }

TEST_CASE("guidance: branches in one batch, one after the other, or one branch") {
    const WorkloadSettings settings{{"steps", "10"}};
    const Workload plain = changed("sdxl", settings, ""), batched = changed("sdxl", settings, "guidance=batched"),
                   sequential = changed("sdxl", settings, "guidance=sequential"),
                   distilled = changed("sdxl", settings, "guidance=distilled");
    const Pass& one_batch = stage(plain, "denoiser").passes[0];
    CHECK(macs(stage(batched, "denoiser").passes[0]) == macs(one_batch));
    CHECK(stage(batched, "denoiser").steps() == 10);
    CHECK(macs(stage(sequential, "denoiser").passes[0]) == macs(one_batch) / 2);
    CHECK(stage(sequential, "denoiser").steps() == 20);
    CHECK(stage(sequential, "text_encoder").steps() == 2);
    CHECK(stage(sequential, "vae_decoder").steps() == 1);
    CHECK(run_macs(sequential).total() == doctest::Approx(run_macs(plain).total()));
    CHECK(macs(stage(distilled, "denoiser").passes[0]) == macs(one_batch) / 2);
    CHECK(stage(distilled, "denoiser").steps() == 10);
}

TEST_CASE("guidance=split: a GPU runs one branch and sends its result to the other each step") {
    const WorkloadSettings settings{{"steps", "10"}};
    const Workload plain = changed("sdxl", settings, ""), split = changed("sdxl", settings, "guidance=split");
    const Pass& pass = stage(split, "denoiser").passes[0];
    CHECK(macs(pass) == macs(stage(plain, "denoiser").passes[0]) / 2);
    CHECK(stage(split, "denoiser").steps() == 10);
    REQUIRE(pass.transfers.size() == 1);
    CHECK(pass.transfers[0].link == Transfer::Link::peer);
    CHECK(pass.transfers[0].bytes == 4 * 128 * 128 * 2);  // noise of one image, bf16
    CHECK(stage(split, "text_encoder").passes[0].transfers.empty());
    CHECK(stage(split, "vae_decoder").steps() == 1);

    const WorkloadSettings video{{"steps", "10"}, {"height", "256"}, {"width", "256"}, {"frames", "9"}};
    CHECK(stage(changed("wan2.1-1.3b", video, "guidance=split"), "denoiser").steps() == 10);
}

TEST_CASE("guidance: a model that runs its branches one after the other can run them in a batch") {
    const WorkloadSettings settings{{"steps", "10"}, {"height", "256"}, {"width", "256"}, {"frames", "9"}};
    const Workload plain = changed("wan2.1-1.3b", settings, "");
    const Workload batched = changed("wan2.1-1.3b", settings, "guidance=batched");
    const Workload sequential = changed("wan2.1-1.3b", settings, "guidance=sequential");
    CHECK(stage(plain, "denoiser").steps() == 20);
    CHECK(stage(sequential, "denoiser").steps() == 20);
    CHECK(stage(batched, "denoiser").steps() == 10);
    CHECK(macs(stage(batched, "denoiser").passes[0]) == 2 * macs(stage(plain, "denoiser").passes[0]));
    CHECK(stage(batched, "vae_decoder").passes[0].graph.operators.size() ==
          stage(plain, "vae_decoder").passes[0].graph.operators.size());
}

TEST_CASE("tiles along a side") {
    const auto sides = tile_sides(1024, 512, tile_stride(512, 0.25));  // 0, 384, 768
    REQUIRE(sides.size() == 3);
    CHECK(sides[0].size == 512);
    CHECK_FALSE(sides[0].overlaps);
    CHECK(sides[1].size == 512);
    CHECK(sides[1].overlaps);
    CHECK(sides[2].size == 256);
    REQUIRE(tile_sides(512, 512, 384).size() == 1);
    CHECK(tile_sides(2048, 512, 512)[1].count == 3);
}

TEST_CASE("vae-tiling: a decoder pass a tile, two lines of kernels a blended line, one join") {
    const WorkloadSettings settings{{"height", "1024"}, {"width", "1024"}, {"steps", "1"}};
    const auto [plain, stack] = test::scenario("stable-diffusion-1.5", settings, "");
    const Workload tiled = changed("stable-diffusion-1.5", settings, "vae-tiling");
    const Stage& whole = stage(plain, "vae_decoder");
    const Stage& tiles = stage(tiled, "vae_decoder");
    CHECK(tiles.steps() == 9 + 1);
    double work = 0;
    for (const Pass& pass : tiles.passes) work += macs(pass) * pass.count;
    CHECK(work > macs(whole.passes[0]));  // what overlaps is decoded twice
    CHECK(work < 1.6 * macs(whole.passes[0]));
    // The first tile overlaps nothing, the second 128 columns of it, at four kernels a column.
    const std::size_t first = test::launches(tiles.passes[0].graph, stack);
    CHECK(first == test::launches(whole.passes[0].graph, stack));
    CHECK(test::launches(tiles.passes[1].graph, stack) == first + 128 * 4);
    CHECK(test::launches(tiles.passes.back().graph, stack) == 3 + 1);
    const auto peak = [&](const Pass& pass) {
        return lower(pass.graph, stack, Architecture::ampere).peak_activation_bytes;
    };
    for (const Pass& pass : tiles.passes) CHECK(peak(pass) < 0.5 * peak(whole.passes[0]));
}

TEST_CASE("vae-tiling: tiles that are alike are one pass, as often as they come") {
    const WorkloadSettings settings{{"height", "1024"}, {"width", "512"}, {"steps", "1"}};
    const Workload tiled = changed("stable-diffusion-1.5", settings, "vae-tiling=tile:256,overlap:0.25");
    // 192 pixels apart: down the first, four whole ones that overlap and 64 rows; across 256, 256 and 128 columns.
    const auto& passes = stage(tiled, "vae_decoder").passes;
    REQUIRE(passes.size() == 3 * 3 + 1);
    std::vector<double> counts;
    for (const Pass& pass : passes) counts.push_back(pass.count);
    CHECK(counts == std::vector<double>{1, 1, 1, 4, 4, 4, 1, 1, 1, 1});
    // A line of blending touches one row or column of the tile, of 3 channels in fp16.
    const KernelSequence kernels =
        lower(passes[1].graph, test::scenario("stable-diffusion-1.5", {}, "").stack, Architecture::ampere);
    const Kernel& last = kernels.kernels[kernels.launches.back().kernel];
    CHECK(last.operands[last.operand_count - 1].bytes == Bytes(256 * 3 * 2.0));
}

/// A short HunyuanVideo whose decoder takes all of it at once: 9 latents of 33 frames.
WorkloadSettings short_video(const char* size) {
    return {{"height", size}, {"width", size},   {"frames", "33"},
            {"steps", "1"},   {"vae_tile", "0"}, {"vae_tile_frames", "0"}};
}

std::int64_t frames_made(const Pass& pass) {
    const Shape& shape = pass.graph.output(pass.graph.operators.back()).shape;
    return shape.atom(static_cast<std::size_t>(shape.find_atom("frames"))).size;
}

TEST_CASE("vae-tiling of time: parts of the video with one latent more, blended frame by frame, one join") {
    const auto [plain, stack] = test::scenario("hunyuanvideo", short_video("256"), "");
    const Workload tiled = changed("hunyuanvideo", short_video("256"), "vae-tiling=frames:16");
    const Pass& whole = stage(plain, "vae_decoder").passes[0];
    // Latents 0 to 4, 3 to 7, 6 to 8: a stride of 12 frames is three latents.
    const auto& passes = stage(tiled, "vae_decoder").passes;
    REQUIRE(passes.size() == 4);
    const std::size_t alone = test::launches(
        stage(changed("hunyuanvideo", {{"height", "256"}, {"width", "256"}, {"frames", "17"}, {"steps", "1"}}, ""),
              "vae_decoder")
            .passes[0]
            .graph,
        stack);
    CHECK(test::launches(passes[0].graph, stack) == alone);
    CHECK(test::launches(passes[1].graph, stack) == alone + 4 * 4);  // four frames shared, four kernels each
    CHECK(macs(passes[0]) == macs(passes[1]));
    CHECK(macs(passes[2]) < macs(passes[1]));  // three latents are left
    CHECK(macs(passes[0]) + macs(passes[1]) + macs(passes[2]) > macs(whole));
    CHECK(frames_made(passes[0]) == 17);
    CHECK(frames_made(passes[3]) == 33);
    REQUIRE(passes[3].graph.operators.size() == 1);
    CHECK(passes[3].graph.operators[0].input_count == 3);
    const auto peak = [&](const Pass& pass) {
        return lower(pass.graph, stack, Architecture::ampere).peak_activation_bytes;
    };
    for (const Pass& pass : passes) CHECK(peak(pass) < 0.65 * peak(whole));
}

TEST_CASE("vae-tiling of time and space: every part is tiled, then blended as a whole") {
    const Workload plain = changed("hunyuanvideo", short_video("512"), ""),
                   parts = changed("hunyuanvideo", short_video("512"), "vae-tiling=frames:16"),
                   tiled = changed("hunyuanvideo", short_video("512"), "vae-tiling=tile:256,frames:16");
    CHECK(stage(parts, "vae_decoder").steps() == 3 + 1);
    CHECK(stage(tiled, "vae_decoder").steps() == 3 * (9 + 1) + 1);  // 0, 192, 384 pixels each way
    double work = 0, once = macs(stage(plain, "vae_decoder").passes[0]);
    for (const Pass& pass : stage(tiled, "vae_decoder").passes) work += macs(pass) * pass.count;
    // 640 of 512 rows and columns, 13 of 9 latents; attention over all pixels of a part shrinks.
    CHECK(work > 1.5 * once);
    CHECK(work < 1.25 * 1.25 * 13 / 9 * once);
    // Behind the tiles of the second part: three joined rows, all of them, and four frames that it shares.
    const auto [same, stack] = test::scenario("hunyuanvideo", short_video("512"), "vae-tiling=tile:256,frames:16");
    std::vector<std::size_t> joins;
    for (const Pass& pass : stage(same, "vae_decoder").passes) {
        if (count_of<Convolution>(pass.graph) == 0) joins.push_back(test::launches(pass.graph, stack));
    }
    CHECK(joins == std::vector<std::size_t>{4, 4 + 4 * 4, 4 + 4 * 4, 1});
}

TEST_CASE("vae-tiling of time: parts that are alike are one pass, as often as they come") {
    WorkloadSettings longer = short_video("128");
    longer[2].second = "65";  // 17 latents: parts at 0, 3, 6, 9, 12, 15
    const Workload tiled = changed("hunyuanvideo", longer, "vae-tiling=frames:16");
    const auto& passes = stage(tiled, "vae_decoder").passes;
    REQUIRE(passes.size() == 4);
    CHECK(passes[0].count == 1);
    CHECK(passes[1].count == 4);
    CHECK(passes[2].count == 1);
    CHECK(passes[3].graph.operators[0].input_count == 6);
}

TEST_CASE("vae-tiling of time: frames that are decoded each for itself do not overlap") {
    const WorkloadSettings settings{{"frames", "16"}, {"steps", "1"}};
    const Workload plain = changed("animatediff", settings, ""),
                   tiled = changed("animatediff", settings, "vae-tiling=frames:6");
    const auto& passes = stage(tiled, "vae_decoder").passes;
    REQUIRE(passes.size() == 4);  // six, six, four, the join
    double work = 0;
    for (const Pass& pass : passes) work += macs(pass) * pass.count;
    CHECK(work == macs(stage(plain, "vae_decoder").passes[0]));
}

TEST_CASE("what tiles of time refuse") {
    const auto error = [](const char* model, const WorkloadSettings& settings, const char* levers) {
        return refusal(model, settings, levers);
    };
    CHECK(error("wan2.1-1.3b", {}, "vae-tiling=frames:16") ==
          "--lever vae-tiling: found wan2.1-1.3b, which decodes in parts as it is, expected a decoder that takes all "
          "frames at once");
    CHECK(error("cogvideox-2b", {}, "vae-tiling=frames:16").find("decodes in parts as it is") != std::string::npos);
    CHECK(error("hunyuanvideo", {}, "vae-tiling=frames:16") ==
          "--lever vae-tiling: found hunyuanvideo, which decodes in parts as it is, expected a decoder that takes all "
          "frames at once; the parts are its own parameters: vae_tile, vae_tile_frames");
    CHECK(error("svd-xt", {}, "vae-tiling=frames:16").ends_with("the parts are its own parameters: chunk"));
    CHECK(error("hunyuanvideo", short_video("256"), "vae-tiling=frames:6") ==
          "--lever vae-tiling, frames: found \"6\", expected a multiple of 4 frames");
    CHECK(error("hunyuanvideo", short_video("256"), "vae-tiling=frames:64") ==
          "--lever vae-tiling: found 9 latent frames, expected more than the 16 of a tile of 64 frames");
    CHECK(error("sdxl", {}, "vae-tiling=frames:16") ==
          "--lever vae-tiling: found sdxl, expected a model with a parameter frames");
    CHECK(error("hunyuanvideo", short_video("256"), "vae-tiling=frames:0").find("a whole number from 1") !=
          std::string::npos);
}

TEST_CASE("a decoder that runs several times as it is keeps its passes when it is tiled or sliced") {
    const WorkloadSettings chunks{{"frames", "24"}, {"chunk", "8"}, {"batch", "2"}, {"steps", "1"}};
    const auto steps = [&](const char* levers) {
        return stage(changed("svd-xt", chunks, levers), "vae_decoder").steps();
    };
    CHECK(steps("") == 3);
    CHECK(steps("vae-slicing") == 3 * (2 + 1));
    CHECK(steps("vae-tiling") == 3 * (2 * 3 + 1));
}

TEST_CASE("vae-slicing: a decoder pass an image") {
    const WorkloadSettings settings{{"batch", "4"}, {"steps", "1"}};
    const Workload plain = changed("sdxl", settings, ""), sliced = changed("sdxl", settings, "vae-slicing");
    const Stage& decoder = stage(sliced, "vae_decoder");
    CHECK(decoder.passes[0].count == 4);
    CHECK(4 * macs(decoder.passes[0]) == macs(stage(plain, "vae_decoder").passes[0]));
    CHECK(count_of<Cat>(decoder.passes[1].graph) == 1);

    // Videos whose frames are folded into the batch: a part is a video, not a frame.
    const Workload videos = changed("animatediff", {{"batch", "2"}, {"frames", "4"}, {"steps", "1"}}, "vae-slicing");
    const Graph& join = stage(videos, "vae_decoder").passes[1].graph;
    const Operator& cat = join.operators.front();
    CHECK(2 * join.values[join.inputs(cat).front()].shape.elements() == join.output(cat).shape.elements());
}

TEST_CASE("what schedule levers refuse") {
    CHECK(refusal("flux.1-dev", {}, "guidance=sequential") ==
          "--lever guidance: found flux.1-dev, expected a model with a parameter guidance");
    CHECK(refusal("sdxl", {{"guidance", "1"}}, "guidance=batched") ==
          "--lever guidance: found guidance=1, expected two branches of guidance or more; leave out --set guidance");
    CHECK(
        refusal("sdxl", {}, "guidance=none").starts_with("--lever guidance: found \"none\", expected one of batched"));
    CHECK(refusal("sdxl", {{"height", "512"}, {"width", "512"}}, "vae-tiling") ==
          "--lever vae-tiling: found 512 x 512 pixels, expected an image larger than one tile of 512");
    CHECK(refusal("sdxl", {}, "vae-tiling=tile:100") ==
          "--lever vae-tiling, tile: found \"100\", expected a multiple of 64 pixels");
    CHECK(refusal("llama-2-7b", {}, "vae-tiling") ==
          "--lever vae-tiling: found llama-2-7b, expected a model whose last stage is a vae_decoder");
    CHECK(refusal("sdxl", {}, "vae-slicing") ==
          "--lever vae-slicing: found a batch of 1, expected a batch of several images");
    CHECK(refusal("flux.1-dev", {}, "token-merging") ==
          "--lever token-merging: found flux.1-dev, expected a denoiser with self-attention whose projections have no "
          "norms or rotations of their own");
    CHECK(refusal("sdxl", {}, "token-merging=ratio:0.9") ==
          "--lever token-merging, ratio: found \"0.9\", expected a number from 0.01 to 0.75");
}

}  // namespace
}  // namespace cupola
