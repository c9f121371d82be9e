#include "cupola/cost/quantised_gemm.hpp"

#include <initializer_list>
#include <span>

namespace cupola::cost_detail {

namespace {

struct TileShape {
    double m, n, resident = 1;
};

GemmTiles tiles_of(std::initializer_list<TileShape> shapes) {
    GemmTiles result;
    for (const TileShape& shape : shapes) result.tiles[result.count++] = {shape.m, shape.n, 1.0, shape.resident, 1.0};
    result.k = 64;
    return result;
}

// CUTLASS int8 kernels with mma.sync, the list of NVIDIA/TensorRT-LLM (cutlass_heuristic.cpp): no split K. Fitted to
// A100 SmoothQuant GEMMs (ai-dynamo/aiconfigurator).
GemmTiles int8_mma_sync_tiles() {
    GemmTiles result = tiles_of({{128, 256}, {256, 128}, {64, 128, 2}, {128, 64, 2}, {64, 64, 3}, {32, 128, 3}});
    result.k = 32;
    result.efficiency = 0.98;
    result.step_seconds = 270e-9;
    result.prologue_cycles = 4800;
    result.epilogue_cycles = 1800;
    result.l2_efficiency = 0.75;
    result.dram_efficiency = 0.88;
    return result;
}

// CUTLASS kernels that dequantise B in registers, the list of NVIDIA/TensorRT-LLM (cutlass_heuristic.cpp). Fitted to
// A100 weight-only GEMMs (ai-dynamo/aiconfigurator); taken over for tensor cores of later architectures.
GemmTiles weight_only_tiles() {
    GemmTiles result = tiles_of({{128, 128}, {64, 128, 2}, {32, 128, 2}, {16, 128, 2}, {16, 256, 2}});
    result.efficiency = 0.98;
    result.step_seconds = 350e-9;
    result.prologue_cycles = 1500;
    result.epilogue_cycles = 4000;
    result.l2_efficiency = 0.75;
    result.dram_efficiency = 0.86;
    return result;
}

// The one tile of NVIDIA/TensorRT-LLM's kernel for Ada (fp8_blockscale_gemm_kernel.cuh): four warps, three stages.
// Fitted to L40S (ai-dynamo/aiconfigurator).
GemmTiles block_scaled_mma_sync_tiles() {
    GemmTiles result = tiles_of({{32, 128}});
    result.efficiency = 0.73;
    result.step_seconds = 50e-9;
    result.prologue_cycles = 1750;
    result.epilogue_cycles = 2000;
    result.l2_efficiency = 0.8;
    result.dram_efficiency = 0.85;
    return result;
}

/// Share of the fp8 rate that a wgmma of n columns reaches: it takes n / 2 clocks for 64 x n x 32 products and reads A
/// and B from shared memory at 128 bytes a clock, 16 + n / 4 clocks.
double wgmma_share(double n) { return (n / 2) / std::max(n / 2, 16 + n / 4); }

// DeepGEMM (deepseek-ai/DeepGEMM, as in NVIDIA/TensorRT-LLM): rows of 128, 64 where those are all; up to 32 rows swap
// with the columns of the weights. Fitted to H100 (ai-dynamo/aiconfigurator).
GemmTiles deep_gemm_tiles() {
    GemmTiles result = tiles_of({{16, 128},
                                 {32, 128},
                                 {64, 16},
                                 {64, 32},
                                 {64, 64},
                                 {64, 96},
                                 {64, 128},
                                 {128, 16},
                                 {128, 24},
                                 {128, 32},
                                 {128, 48},
                                 {128, 64},
                                 {128, 80},
                                 {128, 96},
                                 {128, 112},
                                 {128, 128}});
    for (GemmTile& tile : std::span(result.tiles).first(result.count)) {
        tile.efficiency = wgmma_share(std::min(tile.m < 64 ? tile.m : tile.n, 128.0));
    }
    result.whole_rows = 128;
    result.multicast = 2;
    result.efficiency = 0.98;
    result.step_seconds = 113e-9;
    result.prologue_cycles = 2450;
    result.epilogue_cycles = 1500;
    result.l2_efficiency = 0.9;
    result.dram_efficiency = 0.89;
    return result;
}

}  // namespace

void set_quantised_parameters(Architecture architecture, CostParameters& parameters) {
    const bool hopper = architecture == Architecture::hopper;
    const bool blackwell = architecture == Architecture::blackwell;
    parameters.weight_only_tiles = weight_only_tiles();
    // mma.sync reaches less of the rate where wgmma and tcgen05 do: see flash2.
    if (hopper) parameters.weight_only_tiles.efficiency *= 0.62;
    if (blackwell) parameters.weight_only_tiles.efficiency *= 0.35;
    parameters.fp8_tiles = parameters.tensor_tiles;
    parameters.fp8_tiles.efficiency *= 0.88;
    parameters.fp8_tiles.prologue_cycles = 3500;
    // wgmma and tcgen05 multiply int8 by the same rate, tiles and loads as fp8; no public timings.
    parameters.int8_tiles = hopper || blackwell ? parameters.fp8_tiles : int8_mma_sync_tiles();
    // segment-anything ViT-H on an A100 (pytorch.org tutorial, GPU quantization with torchao): int8 saves 52 ms of 730
    // ms of which about 340 ms are linear layers, so its products are 1.3 times, not 2 times, as fast as bf16's.
    if (!hopper && !blackwell) parameters.generated_int8_efficiency = 0.65;
    parameters.block_scaled_tiles = hopper      ? deep_gemm_tiles()
                                    : blackwell ? parameters.fp8_tiles
                                                : block_scaled_mma_sync_tiles();
    // Block scales are operands of tcgen05.
    if (blackwell) parameters.rescale_instructions = 0;
    if (hopper) parameters.padding_clocks_per_byte = 0.1;
}

}  // namespace cupola::cost_detail
