// What is left of a step when the last one's results are read again.
#include "model.hpp"

#include <doctest/doctest.h>

namespace cupola {
namespace {

using test::changed;
using test::count_of;
using test::refusal;
using test::stage;

const WorkloadSettings small_image{{"height", "256"}, {"width", "256"}, {"steps", "30"}};

double macs(const Pass& pass) { return count_macs(pass.graph).total(); }

TEST_CASE("deepcache: of three steps one is full, two run the last block of the way up") {
    const Workload plain = changed("stable-diffusion-1.5", small_image, "");
    const Workload cached = changed("stable-diffusion-1.5", small_image, "deepcache=every:3");
    const auto& passes = stage(cached, "denoiser").passes;
    REQUIRE(passes.size() == 2);
    CHECK(passes[0].count == doctest::Approx(10));
    CHECK(passes[1].count == doctest::Approx(20));
    CHECK(macs(passes[0]) == macs(stage(plain, "denoiser").passes[0]));
    // conv_in, the ResNet block and transformer of up.3.block.2, conv_out.
    CHECK(count_of<Convolution>(passes[1].graph) == 1 + 3 + 2 + 1);
    CHECK(count_of<Attention>(passes[1].graph) == 2);
    CHECK(test::weight_bytes(passes[1].graph) < 0.02 * test::weight_bytes(passes[0].graph));
    CHECK(run_macs(cached).total() < 0.5 * run_macs(plain).total());
}

/// Elements of the tensors that a pass keeps for the next.
double kept_elements(const Pass& pass) {
    double sum = 0;
    for (const Value& value : pass.graph.values) {
        if (value.persistent) sum += static_cast<double>(value.shape.elements());
    }
    return sum;
}

TEST_CASE("step caches keep one tensor in memory from full steps, and two more where the host compares") {
    // What comes up to the last block of Stable Diffusion 1.5: two branches, 320 channels of 32 x 32.
    const auto unet = [](const char* levers) {
        return kept_elements(stage(changed("stable-diffusion-1.5", small_image, levers), "denoiser").passes[0]);
    };
    CHECK(unet("deepcache=every:3") - unet("") == 2 * 320 * 32 * 32);
    // The hidden state of PixArt: two branches, 256 x 256 pixels in 16 x 16 patches, 1152 channels.
    const auto transformer = [](const char* levers) {
        return kept_elements(stage(changed("pixart-alpha", small_image, levers), "denoiser").passes[0]);
    };
    const double hidden = 2 * 16 * 16 * 1152;
    CHECK(transformer("step-cache=every:3") - transformer("") == hidden);
    // The residual, what this step compares, and what the last one did.
    CHECK(transformer("teacache=every:3") - transformer("") == 3 * hidden);
    CHECK(transformer("first-block-cache=every:3") - transformer("") == 3 * hidden);
}

TEST_CASE("comparing two steps takes six small kernels, of a residual seven, in full and in skipped steps") {
    const auto operators = [](const char* levers, std::size_t pass) {
        return stage(changed("pixart-alpha", small_image, levers), "denoiser").passes[pass].graph.operators.size();
    };
    CHECK(operators("teacache=every:3", 0) == operators("step-cache=every:3", 0) + 6);
    CHECK(operators("first-block-cache=every:3", 0) == operators("step-cache=every:3", 0) + 7);
    // A skipped step ends with the addition; before it stands what the first block's modulation needs, or that block.
    const Graph skipped = stage(changed("pixart-alpha", small_image, "step-cache=every:3"), "denoiser").passes[1].graph;
    const auto additions = std::count_if(skipped.operators.begin(), skipped.operators.end(), [&](const Operator& op) {
        const auto* elementwise = std::get_if<Elementwise>(&op.kind);
        return elementwise != nullptr && elementwise->kind == ElementwiseKind::add &&
               skipped.path(op.scope).find("step_cache") != std::string::npos;
    });
    CHECK(additions == 1);
}

TEST_CASE("first-block-cache adds what the other blocks made to what the first one makes now") {
    const Graph skipped =
        stage(changed("pixart-alpha", small_image, "first-block-cache=every:3"), "denoiser").passes[1].graph;
    std::uint32_t last_attention = 0;
    for (std::uint32_t i = 0; i < skipped.operators.size(); ++i) {
        const Operator& op = skipped.operators[i];
        if (std::holds_alternative<Attention>(op.kind)) last_attention = i;
        if (op.scope == no_id || skipped.path(op.scope).find("step_cache") == std::string::npos) continue;
        const std::uint32_t base = skipped.values[skipped.inputs(op).front()].producer;
        REQUIRE(base != no_id);
        CHECK(base > last_attention);
        CHECK(last_attention > 0);
    }
}

TEST_CASE("deepcache: a later branch keeps more") {
    const auto skipped = [](const char* levers) {
        return macs(stage(changed("stable-diffusion-1.5", small_image, levers), "denoiser").passes[1]);
    };
    const double first = skipped("deepcache=every:2"), second = skipped("deepcache=every:2,branch:1");
    CHECK(first < second);
    CHECK(second < skipped("deepcache=every:2,branch:11"));
}

TEST_CASE("deepcache finds the skips of every UNet") {
    for (const char* model : {"stable-diffusion-2.1", "sdxl", "imagen-lucidrains", "make-a-video"}) {
        CAPTURE(model);
        const Workload cached = changed(model, {{"steps", "10"}}, "deepcache=share:0.5");
        bool any = false;
        for (const Stage& s : cached.stages) {
            if (s.passes.size() < 2) continue;
            any = true;
            CHECK(macs(s.passes[1]) < 0.45 * macs(s.passes[0]));
        }
        CHECK(any);
    }
}

TEST_CASE("a step cache leaves one addition of all blocks") {
    for (const char* model : {"flux.1-dev", "pixart-alpha", "hunyuanvideo", "wan2.1-1.3b"}) {
        CAPTURE(model);
        const Workload plain = changed(model, {}, ""), cached = changed(model, {}, "step-cache=share:0.5");
        const Stage& before = stage(plain, "denoiser");
        const Stage& after = stage(cached, "denoiser");
        REQUIRE(after.passes.size() == 2);
        CHECK(after.passes[0].count == doctest::Approx(0.5 * before.steps()));
        CHECK(after.steps() == doctest::Approx(before.steps()));
        // All that the full pass has more is the residual that it keeps.
        CHECK(after.passes[0].graph.operators.size() == before.passes[0].graph.operators.size() + 1);
        CHECK(macs(after.passes[0]) == macs(before.passes[0]));
        CHECK(macs(after.passes[1]) < 0.02 * macs(before.passes[0]));
        CHECK(run_macs(cached).total() < run_macs(plain).total());
    }
}

TEST_CASE("the methods differ by what a skipped step still computes") {
    const auto skipped = [](const char* levers) {
        return stage(changed("pixart-alpha", {}, levers), "denoiser").passes[1].graph;
    };
    const Graph scheduled = skipped("step-cache=every:2"), modulated = skipped("teacache=every:2"),
                first = skipped("first-block-cache=every:2");
    CHECK(count_of<Attention>(scheduled) == 0);
    CHECK(count_of<Attention>(modulated) == 0);
    CHECK(count_of<Attention>(first) == 2);
    CHECK(count_of<Reduction>(scheduled) == 0);
    CHECK(count_of<Reduction>(modulated) == 2);
    CHECK(count_of<Reduction>(first) == 2);
    // The first block's norm and modulation come before the comparison.
    CHECK(count_of<Norm>(modulated) == count_of<Norm>(scheduled) + 1);
}

TEST_CASE("the first step is always full") {
    const auto passes = [](const char* levers) {
        return stage(changed("pixart-alpha", {{"steps", "5"}}, levers), "denoiser").passes;
    };
    CHECK(passes("step-cache=share:1")[0].count == 1);
    CHECK(passes("step-cache=every:2")[0].count == 3);
    CHECK(passes("step-cache=share:0").size() == 1);
}

TEST_CASE("what step caches refuse") {
    CHECK(
        refusal("flux.1-dev", {}, "deepcache=every:3") ==
        "--lever deepcache: found flux.1-dev, expected a model whose denoiser is a UNet of more than one step, with a "
        "skip of that branch; for transformers there is step-cache");
    CHECK(refusal("stable-diffusion-1.5", {}, "teacache=every:3") ==
          "--lever teacache: found stable-diffusion-1.5, expected a model whose denoiser is a chain of transformer "
          "blocks, run for more than one step; for UNets there is deepcache");
    CHECK(refusal("stable-diffusion-1.5", {}, "deepcache=every:3,branch:12").starts_with("--lever deepcache: found"));
    CHECK(refusal("stable-cascade", {}, "deepcache=every:3").starts_with("--lever deepcache: found"));
    CHECK(refusal("llama-2-7b", {}, "step-cache=every:3").starts_with("--lever step-cache: found llama-2-7b"));
    CHECK(refusal("pixart-alpha", {{"steps", "1"}}, "step-cache=every:3").starts_with("--lever step-cache: found"));
    CHECK(
        refusal("pixart-alpha", {}, "step-cache") ==
        "--lever step-cache: found no value, expected every:N or share:S; every:3 computes one step of three in full, "
        "share:0.5 skips half of the steps");
    CHECK(refusal("pixart-alpha", {}, "step-cache=every:1") ==
          "--lever step-cache, every: found \"1\", expected a whole number from 2 to 1000");
    CHECK(refusal("pixart-alpha", {}, "step-cache=every:2;teacache=every:2").find("both decide the cached steps") !=
          std::string::npos);
}

}  // namespace
}  // namespace cupola
