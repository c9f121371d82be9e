#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// The functions of the descriptor language, in the order of `function_signature`.
enum class Function {
    min,
    max,
    sum,
    len,
    reversed,
    ceil,
    floor,
    ceil_div,
    choose,
    size,
    has,
    remembers,
};

struct FunctionSignature {
    std::string_view name, usage;
    std::size_t min_arguments, max_arguments;
};

/// Index of a function, or -1.
[[nodiscard]] int find_function(std::string_view name);
[[nodiscard]] const FunctionSignature& function_signature(int function);
[[nodiscard]] std::vector<std::string> function_names();

}  // namespace cupola
