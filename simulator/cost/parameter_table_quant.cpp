#include "cupola/cost/parameter_families.hpp"

namespace cupola::cost_detail {

// Parameters of products of quantised operands; README.md states defaults, sources and what identifies each.
std::span<const ParameterInfo> quant_parameters() {
    using P = CostParameters;
    static constexpr ParameterInfo table[] = {
        {"quant.fp8.efficiency", "share", 0.3, 1, "of the matrix rate, in tiles that fill their SMs, of an fp8 product",
         [](P& p) -> double& { return p.fp8_tiles.efficiency; }},
        {"quant.fp8.step_seconds", "s", 2e-8, 8e-7, "least time of 128 bytes of depth of an fp8 product",
         [](P& p) -> double& { return p.fp8_tiles.step_seconds; }},
        {"quant.fp8.prologue_cycles", "cycles", 300, 9000, "first loads, drain and synchronisation of an fp8 product",
         [](P& p) -> double& { return p.fp8_tiles.prologue_cycles; }},
        {"quant.block_scaled.efficiency", "share", 0.3, 1,
         "of the matrix rate, in tiles that fill their SMs, of a block-scaled product",
         [](P& p) -> double& { return p.block_scaled_tiles.efficiency; }},
        {"quant.block_scaled.step_seconds", "s", 2e-8, 8e-7,
         "least time of 128 bytes of depth of a block-scaled product",
         [](P& p) -> double& { return p.block_scaled_tiles.step_seconds; }},
        {"quant.block_scaled.prologue_cycles", "cycles", 300, 9000,
         "first loads, drain and synchronisation of a block-scaled product",
         [](P& p) -> double& { return p.block_scaled_tiles.prologue_cycles; }},
        {"quant.block_scaled.l2_efficiency", "share", 0.4, 2,
         "of the L2 bandwidth, in reading slices of a block-scaled product",
         [](P& p) -> double& { return p.block_scaled_tiles.l2_efficiency; }},
        {"quant.int8.efficiency", "share", 0.3, 1,
         "of the matrix rate, in tiles that fill their SMs, of an int8 product",
         [](P& p) -> double& { return p.int8_tiles.efficiency; }},
        {"quant.int8.step_seconds", "s", 2e-8, 8e-7, "least time of 128 bytes of depth of an int8 product",
         [](P& p) -> double& { return p.int8_tiles.step_seconds; }},
        {"quant.int8.prologue_cycles", "cycles", 300, 9000, "first loads, drain and synchronisation of an int8 product",
         [](P& p) -> double& { return p.int8_tiles.prologue_cycles; }},
        {"quant.int8.l2_efficiency", "share", 0.4, 2, "of the L2 bandwidth, in reading slices of an int8 product",
         [](P& p) -> double& { return p.int8_tiles.l2_efficiency; }},
        {"quant.weight_only.efficiency", "share", 0.3, 1,
         "of the matrix rate, in tiles that fill their SMs, of a product with dequantised weights",
         [](P& p) -> double& { return p.weight_only_tiles.efficiency; }},
        {"quant.weight_only.step_seconds", "s", 2e-8, 8e-7,
         "least time of 128 bytes of depth of a product with dequantised weights",
         [](P& p) -> double& { return p.weight_only_tiles.step_seconds; }},
        {"quant.weight_only.epilogue_cycles", "cycles", 100, 9000,
         "conversion and store of 128 x 128 outputs of a product with dequantised weights",
         [](P& p) -> double& { return p.weight_only_tiles.epilogue_cycles; }},
        {"quant.weight_only.l2_efficiency", "share", 0.4, 2,
         "of the L2 bandwidth, in reading slices of a product with dequantised weights",
         [](P& p) -> double& { return p.weight_only_tiles.l2_efficiency; }},
        {"quant.dequantise_instructions", "", 0.3, 4,
         "of FP32 lanes, an element of B of 8 bits; twice as many of 4 bits",
         [](P& p) -> double& { return p.dequantise_instructions; }},
        {"quant.exposed_conversion", "share", 0, 1, "share of the lesser of matrix and lane work that does not overlap",
         [](P& p) -> double& { return p.exposed_conversion; }},
        {"quant.padding_clocks_per_byte", "clk/B", 0, 0.5,
         "of one SM's loads that fill rows beyond M in a block-scaled product",
         [](P& p) -> double& { return p.padding_clocks_per_byte; }},
        {"quant.weight_only_split_seconds", "s", 5e-7, 8e-6, "wait of each part of a split K for the one before",
         [](P& p) -> double& { return p.weight_only_split_seconds; }},
        {"quant.weight_only_gemv_clocks", "cycles", 0.2, 6,
         "of a block of a matrix-vector kernel for a unit of k, narrow weights",
         [](P& p) -> double& { return p.weight_only_gemv_clocks; }},
        {"quant.int8_gemv_clocks", "cycles", 0.1, 4, "the same of int8 x int8",
         [](P& p) -> double& { return p.int8_gemv_clocks; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
