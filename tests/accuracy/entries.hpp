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
    std::string what;    ///< kind and shapes; leading dimensions flattened where only the last one matters
    std::string where;   ///< module path, for messages
    bool heavy = false;  ///< conv, linear, attention, product of activations: must agree one by one, in order
    /// Agrees as well: attention as two `bmm`, cat by the sizes of its parts, an activation by its elements alone.
    std::string folded{};
    std::string regrouped{};  ///< a cat of any number of parts by the last part and the rest
};

/// A copy of a tensor and its place among the convolutions, linear layers, attentions and norms.
struct Copy {
    std::size_t position = 0;  ///< how many of those ran before it
    std::int64_t elements = 0;
    std::string where;
    std::string hidden;  ///< why no list can show it; empty if it can
};

/// conv, linear, attention, norm, rope, activation, upsample, and cat from this many output elements, in order. Two
/// products with a softmax between them are one attention. Lists have norms and rope as the eager kernels that they
/// decompose into; one such group is one entry. RMS norm and l2 norm differ by a constant factor and are one kind.
inline constexpr std::int64_t smallest_cat = std::int64_t{1} << 16;
[[nodiscard]] std::vector<Entry> entries_of(const std::vector<ListRow>& list);
[[nodiscard]] std::vector<Entry> entries_of(const Graph& graph);

/// A `cat` of one tensor is a copy and no entry; how many there are.
[[nodiscard]] std::int64_t count_single_cats(const std::vector<ListRow>& list);

/// Multiply-adds of a list by kind; `bmm` counts as attention.
[[nodiscard]] MacCounts count_macs(const std::vector<ListRow>& list);

/// The text of an attention as two `bmm`; heads that share keys and values are more queries of one head.
[[nodiscard]] std::string text_of_folded_attention(std::int64_t batch, std::int64_t queries, std::int64_t keys,
                                                   std::int64_t head_dim, std::int64_t value_dim);
/// The text of a cat whose axes may be folded in another way, from the elements of its inputs.
[[nodiscard]] std::string text_of_folded_cat(const std::vector<std::int64_t>& parts);
/// The text of a cat by the elements of its last part and of the rest.
[[nodiscard]] std::string text_of_regrouped_cat(const std::vector<std::int64_t>& parts);
/// The text of an upsampling; axes of size 1 do not count.
[[nodiscard]] std::string text_of_upsample(Sizes output);
/// The text of C[batch][m, n] = A[m, k] B[k, n], or of its transpose.
[[nodiscard]] std::string text_of_product(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k);

/// Copies from this many elements. A `clone` directly after `sdpa` is an artefact of the lists and left out.
inline constexpr std::int64_t smallest_copy = std::int64_t{1} << 19;
[[nodiscard]] std::vector<Copy> copies_of(const std::vector<ListRow>& list);
/// Copies among the kernels. The lists were made without a GPU: copies that a CUDA operator makes inside itself are
/// not in them and carry the reason in `hidden`.
[[nodiscard]] std::vector<Copy> copies_of(const Graph& graph, const KernelSequence& kernels);

}  // namespace cupola::accuracy
