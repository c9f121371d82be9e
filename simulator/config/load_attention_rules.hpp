#pragma once

#include "cupola/config/node.hpp"
#include "cupola/stack/stack.hpp"

namespace cupola::config {

/// Reads `attention_kernels` (what each way to compute attention serves) and `attention` (their names by preference; a
/// list that ends without `math` ends with it) of a stack.
void read_attention(const Node& root, Stack& stack);

}  // namespace cupola::config
