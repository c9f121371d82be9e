#include "cupola/cost/parameters.hpp"

#include <initializer_list>

namespace cupola {

namespace {

GemmTiles tiles_of(std::initializer_list<GemmTile> tiles) {
    GemmTiles result;
    for (const GemmTile& tile : tiles) result.tiles[result.count++] = tile;
    return result;
}

// Multi-stage mma.sync kernels. Efficiency falls with the tile because shared-memory reads a FLOP are
// (m + n) / (m n) of the warp tile; public measurements: PrincetonUniversity/LLMCompass A100 GEMMs.
GemmTiles mma_sync_tiles() {
    GemmTiles result = tiles_of({{256, 128, 0.95, 1, 1.0},
                                 {128, 256, 0.95, 1, 1.0},
                                 {128, 128, 0.90, 2, 1.05},
                                 {256, 64, 0.86, 2, 1.1},
                                 {64, 256, 0.86, 2, 1.1},
                                 {128, 64, 0.82, 3, 1.17},
                                 {64, 128, 0.82, 3, 1.17},
                                 {64, 64, 0.66, 4, 1.4},
                                 {64, 32, 0.45, 4, 1.5},
                                 {32, 64, 0.45, 4, 1.5}});
    result.k = 32;
    result.prologue_cycles = 1800;
    return result;
}

// wgmma, warp-specialised, persistent; cluster of two multicasts one operand. Estimated, anchored at public
// maximum-achievable-matmul figures (stas00/ml-engineering: 794 of 989 TFLOP/s on H100 SXM), which also pay for an L2
// that is nearly as busy as the matrix units; the tile's own share is therefore higher than 0.95.
GemmTiles wgmma_tiles() {
    GemmTiles result = tiles_of({{128, 256, 0.98, 1, 1.0},
                                 {256, 128, 0.98, 1, 1.0},
                                 {192, 192, 0.98, 1, 1.0},
                                 {256, 160, 0.98, 1, 1.0},
                                 {160, 256, 0.98, 1, 1.0},
                                 {192, 128, 0.94, 1, 1.0},
                                 {128, 192, 0.94, 1, 1.0},
                                 {128, 160, 0.92, 1, 1.0},
                                 {128, 128, 0.90, 1, 1.0},
                                 {64, 256, 0.82, 1, 1.0},
                                 {256, 64, 0.82, 1, 1.0},
                                 {128, 96, 0.82, 1, 1.0},
                                 {128, 64, 0.72, 1, 1.0},
                                 {64, 128, 0.70, 1, 1.0},
                                 {64, 64, 0.55, 1, 1.0},
                                 {64, 32, 0.35, 1, 1.0}});
    result.k = 64;
    result.prologue_cycles = 1200;
    result.persistent = true;
    result.multicast = 2;
    return result;
}

// cuDNN's implicit-GEMM kernels on Hopper: wgmma without clusters, few tile shapes. Efficiencies estimated; that L2
// bounds them is what public measurements show (AMD-AGI/TraceLens, video VAE convolutions on H100: 6 to 7 TB/s).
GemmTiles hopper_convolution_tiles() {
    GemmTiles result = tiles_of({{256, 128, 0.85, 1, 1.0},
                                 {128, 256, 0.85, 1, 1.0},
                                 {128, 128, 0.80, 1, 1.0},
                                 {128, 64, 0.70, 1, 1.0},
                                 {64, 128, 0.70, 1, 1.0},
                                 {64, 64, 0.55, 1, 1.0},
                                 {128, 32, 0.40, 1, 1.0}});
    result.k = 64;
    result.prologue_cycles = 3000;
    return result;
}

// tcgen05 with pairs of blocks; estimated by analogy.
GemmTiles tcgen05_tiles() {
    GemmTiles result = tiles_of({{256, 256, 0.93, 1, 1.0},
                                 {256, 128, 0.88, 1, 1.0},
                                 {128, 256, 0.88, 1, 1.0},
                                 {128, 128, 0.80, 1, 1.0},
                                 {128, 64, 0.60, 1, 1.0},
                                 {64, 64, 0.35, 1, 1.0},
                                 {64, 32, 0.20, 1, 1.0}});
    result.k = 64;
    result.prologue_cycles = 1200;
    result.persistent = true;
    result.multicast = 2;
    return result;
}

// SGEMM on FP32 lanes; public measurements: sitar-lab/NeuSight fp32 Linear on six boards.
GemmTiles sgemm_tiles() {
    GemmTiles result = tiles_of({{128, 128, 0.92, 2, 1.1},
                                 {128, 64, 0.88, 3, 1.2},
                                 {64, 128, 0.88, 3, 1.2},
                                 {64, 64, 0.80, 4, 1.3},
                                 {32, 64, 0.60, 4, 1.5},
                                 {64, 32, 0.60, 4, 1.5},
                                 {32, 32, 0.45, 4, 1.5}});
    result.k = 8;
    result.prologue_cycles = 1500;
    return result;
}

// Block overhead: a single query on an A100 (vLLM causal rows, isl 1) takes 3.4 us a block and SM, 2.2 us of it scores.
AttentionVariant flash2_on(Architecture architecture) {
    switch (architecture) {
        case Architecture::ampere: return {0.83, 0.45, 1, 1.0, 2500, 1800, 1};
        // Matrix rate is low against the exponentials there, so softmax hides (apache/tvm's RTX 4090 figures).
        case Architecture::ampere_consumer:
        case Architecture::ada: return {0.95, 0.15, 1, 1.0, 2500, 1800, 1};
        // mma.sync reaches 0.62 of the wgmma rate; FA3 paper: FA2 at 35 % of an H100's peak.
        case Architecture::hopper: return {0.55, 0.90, 1, 1.0, 2500, 1800, 1};
        case Architecture::blackwell: return {0.30, 0.90, 1, 1.0, 2500, 1800, 1};
        // No FlashAttention-2 build exists there; PyTorch runs the memory-efficient kernel.
        case Architecture::volta:
        case Architecture::turing: return {0.60, 0.60, 1, 1.0, 3000, 1800, 1};
    }
    return {};
}

AttentionVariant flash3_on(Architecture architecture) {
    switch (architecture) {
        case Architecture::hopper: return {0.85, 0.40, 1, 1.0, 3000, 1200, 2};     // FA3 paper, d = 64, 128, 256
        case Architecture::blackwell: return {0.88, 0.20, 1, 1.0, 3000, 1200, 2};  // FA4 and cuDNN; estimated
        default: return flash2_on(architecture);
    }
}

AttentionVariant memory_efficient_on(Architecture architecture) {
    AttentionVariant variant{0.65, 0.60, 1, 1.0, 3000, 1800, 1};  // recalled for the A100
    if (architecture == Architecture::hopper) variant.mma_efficiency = 0.65 * 0.62;
    if (architecture == Architecture::blackwell) variant.mma_efficiency = 0.65 * 0.35;
    return variant;
}

std::array<PatternEfficiency, 6> pattern_efficiencies() {
    std::array<PatternEfficiency, 6> patterns{};
    const auto at = [&patterns](Pattern pattern) -> PatternEfficiency& {
        return patterns[static_cast<std::size_t>(pattern)];
    };
    at(Pattern::streaming) = {1.0, 3.0};
    at(Pattern::row_reduction) = {0.92, 6.0};
    at(Pattern::block_reduction) = {0.92, 6.0};
    at(Pattern::strided_copy) = {0.55, 20.0};
    at(Pattern::transpose) = {0.85, 8.0};
    at(Pattern::gather) = {0.85, 6.0};
    return patterns;
}

}  // namespace

CostParameters default_parameters(Architecture architecture) {
    CostParameters parameters;
    parameters.simt_tiles = sgemm_tiles();
    parameters.tensor_tiles = architecture == Architecture::hopper      ? wgmma_tiles()
                              : architecture == Architecture::blackwell ? tcgen05_tiles()
                                                                        : mma_sync_tiles();
    parameters.convolution_tiles =
        architecture == Architecture::hopper ? hopper_convolution_tiles() : parameters.tensor_tiles;
    parameters.flash2 = flash2_on(architecture);
    parameters.flash3 = flash3_on(architecture);
    parameters.memory_efficient = memory_efficient_on(architecture);
    parameters.patterns = pattern_efficiencies();
    // A100 TensorRT-LLM GEMMs: cuBLAS often takes 128x128 where a larger tile or split-K is faster; nvjet on Hopper
    // chooses among many more tiles than the list has.
    parameters.library_regret = parameters.tensor_tiles.persistent ? 1.0 : 1.03;
    // H100 TensorRT-LLM GEMMs with few rows: 1 to 2 us above bytes / bandwidth; A100: 2 to 4 us.
    parameters.exposed_memory_seconds = parameters.tensor_tiles.persistent ? 1.5e-6 : 2.5e-6;
    // TMA's im2col mode writes shared memory past the L1, so every tap is read from L2 there.
    if (architecture == Architecture::hopper || architecture == Architecture::blackwell) {
        parameters.convolution_l2_share = 1.0;
    }
    return parameters;
}

}  // namespace cupola
