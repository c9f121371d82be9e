#pragma once

#include "cupola/stack/stack.hpp"
#include "cupola/workload/graph.hpp"
#include "reference_list.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cupola::accuracy {

/// An operator in the form in which a list and a graph are compared.
struct Entry {
    std::string what;   ///< kind and shapes; leading dimensions flattened where only the last one matters
    std::string where;  ///< module path, for messages
};

/// A copy of a tensor and its place among the convolutions, linear layers, attentions and norms.
struct Copy {
    std::size_t position = 0;  ///< how many of those ran before it
    std::int64_t elements = 0;
    std::string where;
    std::string hidden;  ///< why no list can show it; empty if it can
};

/// conv, linear, attention, norm, activation (silu, gelu), upsample, and cat from this many output elements, in order.
inline constexpr std::int64_t smallest_cat = std::int64_t{1} << 16;
[[nodiscard]] std::vector<Entry> entries_of(const std::vector<ListRow>& list);
[[nodiscard]] std::vector<Entry> entries_of(const Graph& graph);

/// Copies from this many elements. A `clone` directly after `sdpa` is an artefact of the lists and left out.
inline constexpr std::int64_t smallest_copy = std::int64_t{1} << 19;
[[nodiscard]] std::vector<Copy> copies_of(const std::vector<ListRow>& list);
/// Copies among the kernels. The lists were made without a GPU: copies that a CUDA operator makes inside itself are
/// not in them and carry the reason in `hidden`.
[[nodiscard]] std::vector<Copy> copies_of(const Graph& graph, const KernelSequence& kernels);

}  // namespace cupola::accuracy
