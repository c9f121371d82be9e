#include "cupola/cost/parameter_families.hpp"

namespace cupola::cost_detail {

// Parameters of fused attention; README.md states defaults, sources and what identifies each.
std::span<const ParameterInfo> attention_parameters() {
    using P = CostParameters;
    static constexpr ParameterInfo table[] = {
        {"attention.flash2.mma_efficiency", "share", 0.15, 1,
         "share of the matrix rate in the two products of FlashAttention-2",
         [](P& p) -> double& { return p.flash2.mma_efficiency; }},
        {"attention.flash2.exposed", "share", 0, 1,
         "share of the lesser of matrix and exponential time that does not overlap in FlashAttention-2",
         [](P& p) -> double& { return p.flash2.exposed; }},
        {"attention.flash2.prologue_cycles", "cycles", 0, 12000,
         "load of Q, first K and V, final rescale and store of the first block of FlashAttention-2",
         [](P& p) -> double& { return p.flash2.prologue_cycles; }},
        {"attention.flash2.block_cycles", "cycles", 0, 6000,
         "the same of each later block on an SM, as far as exposed, in FlashAttention-2",
         [](P& p) -> double& { return p.flash2.block_cycles; }},
        {"attention.flash3.mma_efficiency", "share", 0.15, 1,
         "share of the matrix rate in the two products of FlashAttention-3",
         [](P& p) -> double& { return p.flash3.mma_efficiency; }},
        {"attention.flash3.exposed", "share", 0, 1,
         "share of the lesser of matrix and exponential time that does not overlap in FlashAttention-3",
         [](P& p) -> double& { return p.flash3.exposed; }},
        {"attention.flash3.prologue_cycles", "cycles", 0, 12000,
         "load of Q, first K and V, final rescale and store of the first block of FlashAttention-3",
         [](P& p) -> double& { return p.flash3.prologue_cycles; }},
        {"attention.flash3.block_cycles", "cycles", 0, 6000,
         "the same of each later block on an SM, as far as exposed, in FlashAttention-3",
         [](P& p) -> double& { return p.flash3.block_cycles; }},
        {"attention.memory_efficient.mma_efficiency", "share", 0.15, 1,
         "share of the matrix rate in the two products of the memory-efficient kernel",
         [](P& p) -> double& { return p.memory_efficient.mma_efficiency; }},
        {"attention.memory_efficient.exposed", "share", 0, 1,
         "share of the lesser of matrix and exponential time that does not overlap in the memory-efficient kernel",
         [](P& p) -> double& { return p.memory_efficient.exposed; }},
        {"attention.memory_efficient.prologue_cycles", "cycles", 0, 12000,
         "load of Q, first K and V, final rescale and store of the first block of the memory-efficient kernel",
         [](P& p) -> double& { return p.memory_efficient.prologue_cycles; }},
        {"attention.memory_efficient.block_cycles", "cycles", 0, 6000,
         "the same of each later block on an SM, as far as exposed, in the memory-efficient kernel",
         [](P& p) -> double& { return p.memory_efficient.block_cycles; }},
        {"attention.softmax_instructions", "", 2, 8, "FP32 instructions a score besides the exponential",
         [](P& p) -> double& { return p.softmax_instructions; }},
        {"attention.split_keys_minimum", "keys", 64, 1024, "least number of keys that a split works on",
         [](P& p) -> double& { return p.split_keys_minimum; }},
        {"attention.split_combine_seconds", "s", 5e-7, 8e-6, "kernel that merges split results",
         [](P& p) -> double& { return p.split_combine_seconds; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
