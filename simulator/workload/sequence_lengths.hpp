#pragma once

#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cupola {

// How long the sequences are that a model's attention relates, after Golden et al., "Generative AI Beyond LLMs: System
// Implications of Multi-Modal Generation" (ISPASS 2024). Attention that a descriptor writes as `matmul` is not looked
// into, only counted.

/// One attention call of a pass.
struct AttentionCall {
    std::string module;  ///< "unet.down.0.block.0.attention"
    Attention sizes;
    DataType type = DataType::fp16;  ///< of the attention matrix

    /// batch x heads x queries x keys x bytes an element: what unfused attention writes to memory. Ignores that causal
    /// attention may leave out half of it.
    [[nodiscard]] double matrix_bytes() const;
};

/// Positions that a call relates. The longer side of self-attention, so that a decoding step counts its cache and
/// pooled keys do not shorten an image: pixels or patches (spatial, joint), frames (temporal), tokens so far (causal).
/// The queries of cross-attention: its keys are another sequence.
[[nodiscard]] std::int64_t sequence_length(const Attention& sizes);
/// Everything but cross-attention.
[[nodiscard]] bool is_self_attention(AttentionSpan span);

/// The attention calls of one pass in execution order.
struct AttentionPass {
    double steps = 1;             ///< how many steps it stands for, see Pass::count
    std::int64_t first_step = 0;  ///< a step at which the lengths are exactly these
    std::vector<AttentionCall> calls;
};

/// Neighbouring calls of one kind with equal sizes, other kinds in between left out: a level of a UNet.
struct LengthRun {
    std::int64_t first_step = 0;
    double steps = 1;
    std::size_t calls = 0;  ///< a step
    AttentionCall first;
};

struct LengthRange {
    std::int64_t min = 0, max = 0;
    [[nodiscard]] double ratio() const { return static_cast<double>(max) / static_cast<double>(min); }
};

/// The calls of one kind in one stage. Figures are over the run: every step counted.
struct SpanLengths {
    AttentionSpan span = AttentionSpan::spatial;
    LengthRange range;
    /// Longer to shorter length of calls that follow each other and differ, smallest and largest; absent where the
    /// length never changes between steps or calls that are known to be neighbours.
    std::optional<double> smallest_step_ratio, largest_step_ratio;
    /// Positions that each step adds, where every pass has one length and they lie on a line.
    std::optional<double> growth_per_step;
    double calls = 0, macs = 0, matrix_bytes = 0;
    std::map<std::int64_t, double> histogram;  ///< sequence length -> calls
};

struct StageLengths {
    std::string name;
    std::vector<AttentionPass> passes;  ///< none where the stage has no attention
    std::vector<SpanLengths> spans;     ///< in order of first appearance
    double steps = 0;
    double matmuls = 0;    ///< products of activations over the run, of which some may be attention
    bool sampled = false;  ///< only some of many different steps were expanded, see expand()

    [[nodiscard]] const SpanLengths* find(AttentionSpan span) const;
    /// Calls of that kind as runs of equal sizes, in execution order.
    [[nodiscard]] std::vector<LengthRun> runs(AttentionSpan span) const;
};

struct SequenceLengths {
    std::string workload;
    std::vector<ParameterSetting> parameters;
    std::vector<StageLengths> stages;
};

[[nodiscard]] SequenceLengths sequence_lengths(const Workload& workload);

/// Of self-attention; empty where there is none.
[[nodiscard]] std::optional<LengthRange> self_attention_range(const std::vector<StageLengths>& stages);

/// Spatial and temporal attention over the same activations, one call of each.
struct FrameLevel {
    std::int64_t tokens_per_frame = 1, frames = 1, width = 1;  ///< positions per side, channels of all heads
    double spatial_macs = 0, temporal_macs = 0;
};

/// Spatial and temporal attention of the stages that have both, at one number of frames. With F frames of N tokens and
/// width d, spatial attention takes 2 F N² d MACs and temporal attention 2 N F² d: equal where F = N.
struct FramePoint {
    std::int64_t frames = 1;                     ///< the workload's parameter
    double spatial_macs = 0, temporal_macs = 0;  ///< over the run
    std::vector<FrameLevel> levels;              ///< in execution order, each once
};
[[nodiscard]] FramePoint frame_point(const SequenceLengths& lengths, std::int64_t frames);

/// A place on the frames axis as far as a sweep tells.
struct CrossOver {
    enum class Where { below, inside, beyond };  ///< the sweep
    Where where = Where::inside;
    double frames = 0;  ///< inside: interpolated, exact where MACs are powers of frames; else the sweep's end
};
/// Where temporal attention overtakes spatial attention. REQUIRES: points, in order of frames, with spatial attention
[[nodiscard]] CrossOver cross_over(const std::vector<FramePoint>& points);

/// The same for one level: that of this many tokens per frame and this width.
struct LevelCrossOver {
    std::int64_t tokens_per_frame = 1, width = 1;
    CrossOver at;
};
[[nodiscard]] std::vector<LevelCrossOver> level_cross_overs(const std::vector<FramePoint>& points);

}  // namespace cupola
