#pragma once

#include "cupola/predict/prediction.hpp"
#include "cupola/report/style.hpp"
#include "cupola/workload/sequence_lengths.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cupola {

// Every function formats what was computed elsewhere and returns the text, newline included. JSON has times in seconds,
// memory in bytes, work in FLOP, and `null` where a quantity does not exist (an intensity without DRAM traffic).

/// Summary, time by stage, category and bound, and the `top_kernels` that take longest.
[[nodiscard]] std::string prediction_text(const Prediction& prediction, const TextStyle& style,
                                          std::size_t top_kernels);
/// Keys: workload gpu stack parameters latency_s gpu_busy_s gpu_idle_s host_s host_paced_s transfer_s idle_end … stages
/// by_category by_bound kernels.
[[nodiscard]] std::string prediction_json(const Prediction& prediction);

/// Parameters, MACs and FLOPs by component and kind for one pass of each stage, by stage and for the whole run.
[[nodiscard]] std::string count_text(const Workload& workload, const TextStyle& style);
/// Keys: workload parameters components total stages run.
[[nodiscard]] std::string count_json(const Workload& workload);

/// Sequence lengths by stage and kind of attention as bars, a histogram, and attention as frames grow where `frames`
/// has points.
[[nodiscard]] std::string sequence_lengths_text(const SequenceLengths& lengths, const std::vector<FramePoint>& frames,
                                                const TextStyle& style);
/// Keys: workload parameters self_attention calls flops attention_matrix_bytes stages frames.
[[nodiscard]] std::string sequence_lengths_json(const SequenceLengths& lengths, const std::vector<FramePoint>& frames);
/// One attention call of one pass a line in execution order, comma-separated, below a header line; `steps` says how
/// many steps of the run it stands for.
[[nodiscard]] std::string sequence_lengths_csv(const SequenceLengths& lengths);

/// A pass and where it belongs, for the lists below.
struct PassReference {
    const Stage* stage = nullptr;
    std::size_t pass = 0;  ///< index into Stage::passes
    [[nodiscard]] const Graph& graph() const { return stage->passes[pass].graph; }
};
/// A pass as a stack lowers it.
struct LoweredPass {
    PassReference pass;
    KernelSequence sequence;
};

/// One operator a line, tab-separated, below a header line.
[[nodiscard]] std::string operators_text(const std::vector<PassReference>& passes);
[[nodiscard]] std::string operators_json(const std::vector<PassReference>& passes);
/// One kernel launch a line, tab-separated, below a header line.
[[nodiscard]] std::string kernels_text(const std::vector<LoweredPass>& passes);
[[nodiscard]] std::string kernels_json(const std::vector<LoweredPass>& passes);

/// What a data file says, with the source of every fact.
[[nodiscard]] std::string gpu_text(const Gpu& gpu, const TextStyle& style);
[[nodiscard]] std::string gpu_json(const Gpu& gpu);
[[nodiscard]] std::string stack_text(const Stack& stack, const TextStyle& style);
[[nodiscard]] std::string stack_json(const Stack& stack);
[[nodiscard]] std::string workload_text(const Workload& workload, const TextStyle& style);
[[nodiscard]] std::string workload_json(const Workload& workload);

/// One entry of a catalogue of data files.
struct NamedItem {
    std::string name, title;
};
[[nodiscard]] std::string list_text(const std::vector<NamedItem>& items, const TextStyle& style);
[[nodiscard]] std::string list_json(const std::vector<NamedItem>& items);

}  // namespace cupola
