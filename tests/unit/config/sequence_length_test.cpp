// Sequence lengths of published models: what Golden et al. say of them, from the workload files.
#include "cupola/config/load.hpp"
#include "cupola/workload/sequence_lengths.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace cupola;

namespace {

SequenceLengths lengths_of(const std::string& name, const config::Settings& settings = {}) {
    return sequence_lengths(config::load_workload(CUPOLA_SOURCE_DIR, name, settings));
}

const StageLengths& stage_of(const SequenceLengths& lengths, const std::string& name) {
    const auto found = std::find_if(lengths.stages.begin(), lengths.stages.end(),
                                    [&](const StageLengths& stage) { return stage.name == name; });
    REQUIRE(found != lengths.stages.end());
    return *found;
}

const SpanLengths& span_of(const StageLengths& stage, AttentionSpan span) {
    const SpanLengths* found = stage.find(span);
    REQUIRE(found != nullptr);
    return *found;
}

std::vector<std::int64_t> levels(const StageLengths& stage, AttentionSpan span) {
    std::vector<std::int64_t> result;
    for (const LengthRun& run : stage.runs(span)) result.push_back(sequence_length(run.first.sizes));
    return result;
}

using Levels = std::vector<std::int64_t>;

TEST_CASE("Stable Diffusion at 512x512 goes down and up a U whose neighbours differ by 4") {
    const SequenceLengths lengths = lengths_of("stable-diffusion-1.5");
    const StageLengths& denoiser = stage_of(lengths, "denoiser");
    CHECK(levels(denoiser, AttentionSpan::spatial) == Levels{4096, 1024, 256, 64, 256, 1024, 4096});
    const SpanLengths& spatial = span_of(denoiser, AttentionSpan::spatial);
    CHECK(spatial.smallest_step_ratio.value_or(0) == 4);
    CHECK(spatial.largest_step_ratio.value_or(0) == 4);
    CHECK(spatial.range.ratio() == 64);
    CHECK(spatial.histogram.at(4096) == 5 * 50);  // two blocks down, three up; 50 steps
    CHECK(spatial.histogram.at(64) == 50);
    const SequenceLengths larger = lengths_of("stable-diffusion-1.5", {{"height", "768"}, {"width", "768"}});
    CHECK(levels(stage_of(larger, "denoiser"), AttentionSpan::spatial).front() == 9216);
}

TEST_CASE("ModelScope has spatial and temporal attention, equal where frames are as many as tokens per frame") {
    const SequenceLengths video = lengths_of("modelscope-t2v");
    CHECK(levels(stage_of(video, "denoiser"), AttentionSpan::spatial) == Levels{1024, 256, 64, 16, 64, 256, 1024});
    const SpanLengths& temporal = span_of(stage_of(video, "denoiser"), AttentionSpan::temporal);
    CHECK(temporal.range.min == 16);
    CHECK(temporal.range.max == 16);

    std::vector<FramePoint> points;
    for (const std::int64_t frames : {8, 48, 400}) {
        points.push_back(frame_point(lengths_of("modelscope-t2v", {{"frames", std::to_string(frames)}}), frames));
    }
    const std::vector<LevelCrossOver> overs = level_cross_overs(points);
    REQUIRE(overs.size() == 4);
    for (const LevelCrossOver& level : overs) {
        CAPTURE(level.tokens_per_frame);
        if (level.tokens_per_frame == 1024) {
            CHECK(level.at.where == CrossOver::Where::beyond);
        } else {
            CHECK(level.at.frames == doctest::Approx(static_cast<double>(level.tokens_per_frame)));
        }
    }
}

TEST_CASE("decoding grows by one position a step, also where only some steps are expanded") {
    for (const std::string tokens : {"20", "200"}) {
        CAPTURE(tokens);
        const SequenceLengths lengths = lengths_of("llama-2-7b", {{"prompt", "128"}, {"tokens", tokens}});
        const SpanLengths& causal = span_of(stage_of(lengths, "decode"), AttentionSpan::causal);
        CHECK(causal.growth_per_step.value_or(0) == 1);
        CHECK(causal.range.min == 129);
        CHECK(causal.range.max == 128 + std::stoi(tokens));
        CHECK(causal.largest_step_ratio.has_value() == (tokens == "20"));
    }
    const SequenceLengths parti = lengths_of("parti-350m");
    const SpanLengths& image = span_of(stage_of(parti, "decoder"), AttentionSpan::causal);
    CHECK(image.growth_per_step.value_or(0) == 1);
    CHECK(image.range.min == 1);
    CHECK(image.range.max == 1024);
    CHECK_FALSE(image.largest_step_ratio);
}

TEST_CASE("Muse decodes in parallel: its length is constant within a model") {
    const SequenceLengths muse = lengths_of("muse");
    for (const std::string name : {"base", "super_resolution"}) {
        CAPTURE(name);
        const SpanLengths& lengths = span_of(stage_of(muse, name), AttentionSpan::spatial);
        CHECK(lengths.range.ratio() == 1);
        CHECK_FALSE(lengths.growth_per_step);
    }
    CHECK(span_of(stage_of(muse, "base"), AttentionSpan::cross).range.max == 256);
    CHECK(span_of(stage_of(muse, "super_resolution"), AttentionSpan::cross).range.max == 4096);
}

TEST_CASE("Imagen's three stages attend over 32x32 to 8x8, 16x16 and 64x64 positions") {
    const SequenceLengths imagen = lengths_of("imagen");
    const SpanLengths& base = span_of(stage_of(imagen, "base"), AttentionSpan::cross);
    CHECK(base.range.min == 64);
    CHECK(base.range.max == 1024);
    CHECK(base.largest_step_ratio.value_or(0) == 4);
    const SpanLengths& middle = span_of(stage_of(imagen, "super_resolution"), AttentionSpan::cross);
    CHECK(middle.range.min == 256);
    CHECK(middle.range.max == 256);
    const SpanLengths& last = span_of(stage_of(imagen, "upscaler"), AttentionSpan::cross);
    CHECK(last.range.min == 4096);
    CHECK(last.range.max == 4096);
}

TEST_CASE("Make-A-Video has temporal attention beside every spatial one") {
    const SequenceLengths video = lengths_of("make-a-video");
    const StageLengths& denoiser = stage_of(video, "denoiser");
    const SpanLengths& temporal = span_of(denoiser, AttentionSpan::temporal);
    CHECK(temporal.calls == span_of(denoiser, AttentionSpan::spatial).calls);
    CHECK(temporal.range.min == 16);
    CHECK(temporal.range.max == 16);
    CHECK(span_of(denoiser, AttentionSpan::spatial).range.ratio() == 64);
}

}  // namespace
