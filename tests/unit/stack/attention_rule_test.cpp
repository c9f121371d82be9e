#include "builder.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using namespace cupola::test;

namespace {

Attention call(std::int64_t head_dim, std::int64_t value_dim, bool mask = false, bool bias = false) {
    Attention attention;
    attention.head_dim = head_dim;
    attention.value_dim = value_dim;
    attention.mask = mask;
    attention.bias = bias;
    return attention;
}

bool serves(const AttentionRule& rule, const Attention& attention, DataType type = DataType::fp16,
            Architecture architecture = Architecture::ampere) {
    return rule.serves(attention, type, architecture);
}

}  // namespace

TEST_CASE("no fused kernel multiplies bf16 before Ampere, unless its rule says so") {
    AttentionRule rule{.name = "mine", .kernel = AttentionKernel::memory_efficient};
    for (const Architecture old : {Architecture::volta, Architecture::turing}) {
        CHECK_FALSE(serves(rule, call(64, 64), DataType::bf16, old));
        CHECK(serves(rule, call(64, 64), DataType::fp16, old));
    }
    CHECK(serves(rule, call(64, 64), DataType::bf16, Architecture::ampere));
    rule.bf16_before_ampere = true;
    CHECK(serves(rule, call(64, 64), DataType::bf16, Architecture::turing));
}

TEST_CASE("a rule without restrictions serves every softmax attention, math serves everything") {
    const AttentionRule free{.name = "free", .kernel = AttentionKernel::flash2};
    Attention odd = call(1000, 24, true, true);
    CHECK(serves(free, odd, DataType::fp32, Architecture::volta));
    odd.score = AttentionScore::silu;
    CHECK_FALSE(serves(free, odd));
    CHECK(serves({.name = "math"}, odd));
}

TEST_CASE("each restriction of a rule keeps out just what it names") {
    AttentionRule rule{.name = "rule", .kernel = AttentionKernel::flash3};
    rule.architectures = {Architecture::hopper};
    CHECK_FALSE(serves(rule, call(64, 64)));
    CHECK(serves(rule, call(64, 64), DataType::fp16, Architecture::hopper));
    rule.architectures = {};
    rule.types = {DataType::bf16};
    CHECK_FALSE(serves(rule, call(64, 64)));
    CHECK(serves(rule, call(64, 64), DataType::bf16));
    rule.types = {};
    rule.head_dim_limit = 128;
    CHECK(serves(rule, call(128, 128)));
    CHECK_FALSE(serves(rule, call(129, 64)));
    CHECK_FALSE(serves(rule, call(64, 129)));
    rule.head_dim_limit = 0;
    rule.head_dim_multiple = 8;
    CHECK(serves(rule, call(40, 40)));
    CHECK_FALSE(serves(rule, call(36, 40)));
    CHECK_FALSE(serves(rule, call(40, 36)));
    rule.head_dim_multiple = 1;
    rule.masked = false;
    CHECK_FALSE(serves(rule, call(64, 64, true)));
    CHECK_FALSE(serves(rule, call(64, 64, false, true)));
    rule.masked = true;
    rule.unequal_head_dims = false;
    CHECK_FALSE(serves(rule, call(64, 32)));
    CHECK(serves(rule, call(64, 64, true, true)));
}

TEST_CASE("the first kernel that serves runs; without any, scores are stored") {
    Stack stack = eager();
    AttentionRule narrow{.name = "narrow", .kernel = AttentionKernel::flash3};
    narrow.head_dim_limit = 64;
    stack.attention.insert(stack.attention.begin(), narrow);
    const auto kernel = [&](std::int64_t head_dim, bool mask = false) {
        return fused_kernel(stack, call(head_dim, head_dim, mask), DataType::fp16, Architecture::hopper);
    };
    CHECK(kernel(64) == AttentionKernel::flash3);
    CHECK(kernel(128) == AttentionKernel::flash2);
    CHECK(kernel(512) == AttentionKernel::memory_efficient);
    stack.attention = {narrow};
    CHECK(kernel(128) == std::nullopt);
    stack.attention = math_attention();
    CHECK(kernel(64) == std::nullopt);
}
