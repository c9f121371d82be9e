#include "cupola/stack/stack.hpp"

#include <algorithm>

namespace cupola {

namespace {

template <typename T>
bool admits(const std::vector<T>& listed, T value) {
    return listed.empty() || std::find(listed.begin(), listed.end(), value) != listed.end();
}

}  // namespace

bool AttentionRule::serves(Architecture architecture) const { return admits(architectures, architecture); }

bool AttentionRule::serves(const Attention& call, DataType type, Architecture architecture) const {
    if (!kernel) return true;
    const std::int64_t longest = std::max(call.head_dim, call.value_dim);
    return call.score == AttentionScore::softmax   // no fused kernel replaces softmax by another function
           && scored_heads(call) == call.heads &&  // or lets heads share scores
           serves(architecture) && admits(types, type) && (head_dim_limit == 0 || longest <= head_dim_limit) &&
           call.head_dim % head_dim_multiple == 0 && call.value_dim % head_dim_multiple == 0 &&
           (masked || !(call.mask || call.bias)) && (unequal_head_dims || call.head_dim == call.value_dim) &&
           (bf16_before_ampere || type != DataType::bf16 || architecture >= Architecture::ampere);
}

const AttentionRule* find_attention(const Stack& stack, std::string_view name) {
    for (const AttentionRule& rule : stack.attention_kernels) {
        if (rule.name == name) return &rule;
    }
    return nullptr;
}

std::optional<AttentionKernel> fused_kernel(const Stack& stack, const Attention& call, DataType type,
                                            Architecture architecture) {
    for (const AttentionRule& rule : stack.attention) {
        if (rule.serves(call, type, architecture)) return rule.kernel;
    }
    return std::nullopt;
}

}  // namespace cupola
