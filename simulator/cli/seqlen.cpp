#include "cupola/cli/command.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/workload/sequence_lengths.hpp"

#include <algorithm>
#include <memory>
#include <optional>

namespace cupola::cli {
namespace {

constexpr const char* frames_parameter = "frames";

// The frames of a sweep that the user has not chosen: powers of two until temporal attention has overtaken.
constexpr std::int64_t first_frames = 4;
constexpr std::int64_t last_frames = 4096;

struct Options {
    Selection selection;
    std::string stage;
    std::vector<std::int64_t> frames;
    bool csv = false;
};

/// The stage of that name only, or all of them.
SequenceLengths lengths_of(const Workload& workload, const std::string& stage) {
    SequenceLengths lengths = sequence_lengths(workload);
    if (stage.empty()) return lengths;
    check_stage(workload, stage);
    const auto other = [&](const StageLengths& candidate) { return candidate.name != stage; };
    lengths.stages.erase(std::remove_if(lengths.stages.begin(), lengths.stages.end(), other), lengths.stages.end());
    return lengths;
}

/// The same workload expanded once more with another number of frames.
FramePoint point_at(const Options& options, std::int64_t frames) {
    Selection selection = options.selection;
    const std::string prefix = std::string(frames_parameter) + "=";
    auto& settings = selection.settings;
    const auto is_frames = [&](const std::string& setting) { return setting.rfind(prefix, 0) == 0; };
    settings.erase(std::remove_if(settings.begin(), settings.end(), is_frames), settings.end());
    settings.push_back(prefix + std::to_string(frames));
    return frame_point(lengths_of(selection.load_workload(), options.stage), frames);
}

/// Models take only some numbers of frames; those that this one refuses are left out, or one more is tried (4 k + 1).
std::optional<FramePoint> point_near(const Options& options, std::int64_t frames) {
    for (const std::int64_t count : {frames, frames + 1}) {
        try {
            return point_at(options, count);
        } catch (const InputError&) {
            continue;
        }
    }
    return std::nullopt;
}

std::vector<FramePoint> default_sweep(const Options& options) {
    std::vector<FramePoint> points;
    for (std::int64_t frames = first_frames; frames <= last_frames; frames *= 2) {
        std::optional<FramePoint> point = point_near(options, frames);
        if (!point || point->spatial_macs <= 0) continue;
        const bool overtaken = point->temporal_macs > point->spatial_macs;
        points.push_back(std::move(*point));
        if (overtaken) break;
    }
    return points;
}

std::vector<FramePoint> chosen_sweep(const Options& options) {
    std::vector<std::int64_t> frames = options.frames;
    std::sort(frames.begin(), frames.end());
    frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
    std::vector<FramePoint> points;
    for (const std::int64_t count : frames) points.push_back(point_at(options, count));
    return points;
}

std::vector<FramePoint> frame_sweep(const Options& options, const SequenceLengths& lengths) {
    const bool factorised = frame_point(lengths, 1).spatial_macs > 0;
    const auto is_frames = [](const ParameterSetting& parameter) { return parameter.name == frames_parameter; };
    const bool has_frames = std::any_of(lengths.parameters.begin(), lengths.parameters.end(), is_frames);
    if (options.frames.empty()) return factorised && has_frames ? default_sweep(options) : std::vector<FramePoint>{};
    if (!has_frames) {
        throw InputError(
            {{}, "--frames", lengths.workload + " without a parameter \"frames\"", "a model of videos", ""});
    }
    if (!factorised) {
        throw InputError({{},
                          "--frames",
                          lengths.workload + (options.stage.empty() ? "" : ", " + options.stage) +
                              " without spatial beside temporal attention",
                          "a model with both",
                          ""});
    }
    return chosen_sweep(options);
}

std::string listed(const Options& options, const TextStyle& style) {
    if (options.csv && options.selection.json) throw InputError({{}, "--csv", "--json as well", "one format", ""});
    const SequenceLengths lengths = lengths_of(options.selection.load_workload(), options.stage);
    if (options.csv) return sequence_lengths_csv(lengths);
    const std::vector<FramePoint> frames = frame_sweep(options, lengths);
    return options.selection.json ? sequence_lengths_json(lengths, frames)
                                  : sequence_lengths_text(lengths, frames, style);
}

}  // namespace

Command add_seqlen(CLI::App& root, const TextStyle& style) {
    CLI::App* app = add_subcommand(
        root, "seqlen", "Show how long the sequences are that attention relates",
        {"cupola seqlen stable-diffusion-1.5 --stage denoiser", "cupola seqlen modelscope-t2v --frames 8,16,32,64"});
    auto options = std::make_shared<Options>();
    options->selection.add_workload_options(*app);
    app->add_option("--stage", options->stage, "only this stage (cupola show NAME)")->type_name("NAME");
    app->add_option("--frames", options->frames,
                    "compare spatial and temporal attention at these numbers of frames\n(default powers of two up to "
                    "the cross-over)")
        ->type_name("COUNT,...")
        ->delimiter(',')
        ->check(CLI::Validator(CLI::PositiveNumber).description(""))
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    options->selection.add_output_options(*app);
    app->add_flag("--csv", options->csv, "print every attention call as comma-separated values");
    return {app, [options, style] { return listed(*options, style); }};
}

}  // namespace cupola::cli
