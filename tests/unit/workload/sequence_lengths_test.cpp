#include "cupola/workload/sequence_lengths.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {

using namespace cupola;

Attention self(std::int64_t length, AttentionSpan span = AttentionSpan::spatial) {
    Attention sizes;
    sizes.batch = 2;
    sizes.heads = sizes.kv_heads = 8;
    sizes.queries = sizes.keys = length;
    sizes.span = span;
    return sizes;
}

/// A pass of these calls, all in one module.
Pass pass_of(const std::vector<Attention>& calls, std::int64_t first_step = 0, double steps = 1) {
    Pass pass;
    pass.first_step = first_step;
    pass.count = steps;
    pass.graph.scopes = {{no_id, "net"}, {0, "attn"}};
    for (const Attention& sizes : calls) {
        Operator op;
        op.kind = sizes;
        op.scope = 1;
        pass.graph.operators.push_back(op);
    }
    return pass;
}

StageLengths lengths_of(const std::vector<Pass>& passes) {
    Stage stage;
    stage.name = "main";
    stage.passes = passes;
    Workload workload;
    workload.stages = {stage};
    return sequence_lengths(workload).stages.front();
}

TEST_CASE("a call keeps its module and sizes; its matrix has an element for each head, query and key") {
    Attention cross = self(64, AttentionSpan::cross);
    cross.keys = 77;
    const StageLengths stage = lengths_of({pass_of({cross})});
    REQUIRE(stage.passes.size() == 1);
    const AttentionCall& call = stage.passes[0].calls.at(0);
    CHECK(call.module == "net.attn");
    CHECK(call.matrix_bytes() == 2.0 * 8 * 64 * 77 * 2);  // fp16
}

TEST_CASE("self-attention has the length of its longer side, cross-attention that of its queries") {
    Attention decode = self(1, AttentionSpan::causal);
    decode.keys = 500;
    CHECK(sequence_length(decode) == 500);
    Attention pooled = self(4096);
    pooled.keys = 1024;
    CHECK(sequence_length(pooled) == 4096);
    Attention cross = self(64, AttentionSpan::cross);
    cross.keys = 77;
    CHECK(sequence_length(cross) == 64);
}

TEST_CASE("levels are runs of equal calls of one kind, whatever lies between; figures count every step") {
    const Attention cross = self(64, AttentionSpan::cross);
    const StageLengths stage = lengths_of({pass_of({self(64), cross, self(64), cross, self(16), self(32)}, 0, 10)});
    const std::vector<LengthRun> runs = stage.runs(AttentionSpan::spatial);
    REQUIRE(runs.size() == 3);
    CHECK(runs[0].calls == 2);
    CHECK(runs[1].calls == 1);
    const SpanLengths* spatial = stage.find(AttentionSpan::spatial);
    REQUIRE(spatial != nullptr);
    CHECK(spatial->range.min == 16);
    CHECK(spatial->range.max == 64);
    CHECK(spatial->range.ratio() == 4);
    CHECK(spatial->smallest_step_ratio.value_or(0) == 2);
    CHECK(spatial->largest_step_ratio.value_or(0) == 4);
    CHECK(spatial->calls == 40);
    CHECK(spatial->histogram.at(64) == 20);
    CHECK(spatial->macs == 10.0 * 2 * (2 * 8 * 64) * (2.0 * 64 * 64 + 16 * 16 + 32 * 32));
    CHECK(stage.find(AttentionSpan::temporal) == nullptr);
}

TEST_CASE("lengths on a line over the steps grow; others do not") {
    const auto at = [](std::int64_t length, std::int64_t step) {
        return pass_of({self(length, AttentionSpan::causal), self(length, AttentionSpan::causal)}, step, 6.25);
    };
    const auto growth = [](const StageLengths& stage) { return stage.spans.front().growth_per_step; };
    CHECK(growth(lengths_of({at(100, 0), at(112, 12), at(125, 25)})).value_or(0) == 1);
    CHECK_FALSE(growth(lengths_of({at(1, 0), at(4, 1), at(9, 2)})));
    CHECK_FALSE(growth(lengths_of({at(7, 0), at(7, 1)})));
    CHECK_FALSE(lengths_of({at(100, 0), at(112, 12)}).spans.front().largest_step_ratio);  // no neighbours
}

TEST_CASE("products of activations are counted, not taken for attention; a stage without attention has no passes") {
    Pass pass;
    pass.count = 3;
    Operator op;
    op.kind = Matmul{};
    pass.graph.operators = {op, op};
    const StageLengths stage = lengths_of({pass});
    CHECK(stage.matmuls == 6);
    CHECK(stage.passes.empty());
    CHECK_FALSE(self_attention_range({stage}));
}

/// F frames of N tokens, attention of both kinds over the same activations.
FramePoint point(std::int64_t tokens, std::int64_t frames) {
    Attention spatial = self(tokens), temporal = self(frames, AttentionSpan::temporal);
    spatial.batch = frames;
    temporal.batch = tokens;
    SequenceLengths lengths;
    lengths.stages = {lengths_of({pass_of({spatial, temporal})})};
    return frame_point(lengths, frames);
}

TEST_CASE("temporal attention overtakes spatial attention where frames are as many as tokens per frame") {
    const std::vector<FramePoint> points{point(100, 30), point(100, 70), point(100, 200)};
    CHECK(cross_over(points).where == CrossOver::Where::inside);
    CHECK(cross_over(points).frames == doctest::Approx(100));
    REQUIRE(level_cross_overs(points).size() == 1);
    CHECK(level_cross_overs(points)[0].tokens_per_frame == 100);
    CHECK(level_cross_overs(points)[0].at.frames == doctest::Approx(100));
    CHECK(cross_over({point(100, 30), point(100, 60)}).where == CrossOver::Where::beyond);
    CHECK(cross_over({point(100, 130), point(100, 160)}).where == CrossOver::Where::below);
    CHECK(cross_over({point(100, 100)}).frames == 100);
}

}  // namespace
