#pragma once

#include "cupola/kernel/kernel.hpp"
#include "cupola/validation/adapter.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cupola::validation {

/// The kernel that a row describes, its operands not in any cache.
/// Throws InputError where a value is no size, no data type and the like.
[[nodiscard]] MeasuredKernel build_kernel(const KernelSpec& spec, const Environment& row);

/// The same for the operators of a row, as the stack lowers them; operands that one kernel leaves to the next keep
/// their reuse distance, all others have an infinite one.
[[nodiscard]] std::vector<MeasuredKernel> build_kernels(const LayersSpec& spec, const Descriptor& descriptor,
                                                        const std::vector<Binding>& variables,
                                                        Architecture architecture);

/// Reuse distances of a measurement that was repeated with `buffers` sets of operands in turn: between two uses of an
/// operand all kernels touch F bytes a replay, so F x buffers less its own. Finite distances stay.
void set_hot(std::vector<MeasuredKernel>& kernels, double buffers);

/// A size, a text that names something, and so on: evaluated, or an InputError that says what `what` should be.
[[nodiscard]] std::string evaluate_text(const Expression& expression, const Environment& environment,
                                        std::string_view what);
[[nodiscard]] double evaluate_number(const Expression& expression, const Environment& environment,
                                     std::string_view what, double min, double max);

/// The names of enumerators: "streaming", "row_reduction", …
template <typename Enumerators>
[[nodiscard]] std::vector<std::string> names_of(const Enumerators& enumerators) {
    std::vector<std::string> names;
    for (const auto enumerator : enumerators) names.emplace_back(name_of(enumerator));
    return names;
}

}  // namespace cupola::validation
