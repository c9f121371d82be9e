#pragma once

#include "cupola/lever/lever.hpp"

#include <cstddef>
#include <string_view>

namespace cupola {

// What levers of token-by-token decoders have in common.

/// Index of the stage that decodes: the last one that appends to a cache with a text in it. does_not_apply for a model
/// without one, or when no tokens are asked for.
[[nodiscard]] std::size_t decode_stage(const Workload& workload, std::string_view lever);

/// The decode stage of the model when every pass reads so many tokens. does_not_apply for models without the parameter
/// pass_tokens.
[[nodiscard]] Stage decode_in_passes_of(const LeverContext& context, std::string_view lever, std::int64_t tokens);

/// Layers 0 … exit-1, then what stands behind the last layer: the norm and the language-model head.
[[nodiscard]] Graph exited_early(const Graph& graph, std::int64_t exit, std::string_view lever);

/// A cycle of speculation drafts `draft` tokens and accepts the share `acceptance` of them, and one from the full
/// model.
struct Speculation {
    double draft = 1, acceptance = 0;
    [[nodiscard]] double tokens_per_cycle() const { return 1 + acceptance * draft; }
};

/// Appends the comparison of `draft` tokens with the verified ones: equal, not, running sum, below one, sum.
[[nodiscard]] Graph with_comparison(const Graph& graph, std::int64_t draft);

/// Appends the views that shorten every cache of the pass to what was accepted.
[[nodiscard]] Graph with_cropped_caches(const Graph& graph);

/// LayerSkip: the graph that drafts a token with the first layers, and the one that verifies; `one` and `many` are the
/// full model on one token and on draft + 1.
[[nodiscard]] Graph self_draft(const Graph& one, std::int64_t exit, std::int64_t draft, std::string_view lever);
[[nodiscard]] Graph self_verify(const Graph& one, const Graph& many, std::int64_t exit, std::int64_t draft,
                                std::string_view lever);

}  // namespace cupola
