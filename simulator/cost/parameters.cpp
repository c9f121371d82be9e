#include "cupola/cost/parameters.hpp"

#include "cupola/cost/quantised_gemm.hpp"

#include <initializer_list>

namespace cupola {

namespace {

GemmTiles tiles_of(std::initializer_list<GemmTile> tiles) {
    GemmTiles result;
    for (const GemmTile& tile : tiles) result.tiles[result.count++] = tile;
    return result;
}

// Multi-stage mma.sync kernels of cuBLAS. One rate for all tiles; smaller ones are slower by the latency of a main-loop
// step. Fitted to TensorRT-LLM GEMMs of A100 and L40S (ai-dynamo/aiconfigurator).
GemmTiles mma_sync_tiles() {
    GemmTiles result;
    for (const auto& [m, n, resident] : std::initializer_list<std::array<double, 3>>{{256, 128, 1},
                                                                                     {128, 256, 1},
                                                                                     {128, 128, 2},
                                                                                     {256, 64, 2},
                                                                                     {64, 256, 2},
                                                                                     {128, 64, 3},
                                                                                     {64, 128, 3},
                                                                                     {64, 64, 4},
                                                                                     {64, 32, 4},
                                                                                     {32, 64, 4},
                                                                                     {128, 32, 4},
                                                                                     {32, 128, 4},
                                                                                     {16, 128, 4},
                                                                                     {16, 64, 4}}) {
        result.tiles[result.count++] = {m, n, 1.0, resident, 1.0};
    }
    result.overlap_exponent = 4;
    result.k = 64;
    result.efficiency = 0.99;
    result.step_seconds = 268e-9;
    result.prologue_cycles = 2600;
    result.epilogue_cycles = 2700;
    result.l2_efficiency = 0.87;
    result.dram_efficiency = 0.93;
    result.dram_ramp_seconds = 5.6e-6;
    result.store_cost = 1.39;
    return result;
}

// Volta and Turing load a step through registers and have one in flight: twice the latency and more. Reductions of
// split kernels are kernels of their own. Fitted to cuBLAS 10 on the V100 (baidu-research/DeepBench).
GemmTiles mma_two_stage_tiles() {
    GemmTiles result = mma_sync_tiles();
    result.efficiency = 0.96;
    result.step_seconds = 700e-9;
    result.prologue_cycles = 3600;
    result.l2_efficiency = 0.8;
    result.dram_efficiency = 0.9;
    result.dram_ramp_seconds = 5e-6;
    result.store_cost = 1.25;
    return result;
}

// The same on boards with GDDR6 and half the matrix rate; fitted to the L40S.
GemmTiles mma_sync_graphics_tiles() {
    GemmTiles result = mma_sync_tiles();
    result.l2_efficiency = 0.6;
    result.dram_efficiency = 0.86;
    result.dram_ramp_seconds = 0;
    result.store_cost = 1.1;
    return result;
}

// mma.sync implicit-GEMM kernels of cuDNN. Efficiency falls with the tile because shared-memory reads a FLOP are
// (m + n) / (m n) of the warp tile; public measurements: PrincetonUniversity/LLMCompass A100 GEMMs.
GemmTiles mma_sync_convolution_tiles() {
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

// wgmma, warp-specialised, persistent, clusters of 2 x 2. The library has some two hundred tiles in steps of 8 along
// one side; of a grid of 47 these 16 explain the H100's TensorRT-LLM GEMMs (ai-dynamo/aiconfigurator) as well as all.
GemmTiles wgmma_tiles() {
    GemmTiles result;
    for (const auto& [m, n] : std::initializer_list<std::array<double, 2>>{{160, 256},
                                                                           {192, 192},
                                                                           {256, 128},
                                                                           {160, 192},
                                                                           {192, 128},
                                                                           {256, 96},
                                                                           {160, 128},
                                                                           {128, 128},
                                                                           {128, 96},
                                                                           {192, 64},
                                                                           {128, 64},
                                                                           {96, 64},
                                                                           {64, 64},
                                                                           {64, 32},
                                                                           {64, 16},
                                                                           {64, 8}}) {
        result.tiles[result.count++] = {m, n, 1.0, 1, 1.0};
    }
    result.k = 64;
    result.efficiency = 0.95;
    result.step_seconds = 83e-9;
    result.prologue_cycles = 2300;
    result.epilogue_cycles = 550;
    result.persistent = true;
    result.multicast = 2;
    result.dram_efficiency = 0.95;
    result.dram_ramp_seconds = 2e-6;
    result.store_cost = 1.11;
    return result;
}

// cuDNN's implicit-GEMM kernels on Hopper, tile shapes by kernel names: wgmma without clusters, operands in shared
// memory. That memory moves 128 B a clock: fills of (m + n) and reads of m / 64 x (64 + n) elements for m n
// multiply-adds at 2,048 a clock bound the efficiency, of which 0.9 is taken. L2 comes close as well
// (AMD-AGI/TraceLens, video VAE convolutions: 5 to 8 TB/s by tile sizes).
GemmTiles hopper_convolution_tiles() {
    GemmTiles result = tiles_of({{256, 128, 0.80, 1, 1.0},
                                 {128, 128, 0.72, 2, 1.0},
                                 {64, 128, 0.60, 3, 1.0},
                                 {128, 64, 0.51, 3, 1.0},
                                 {64, 64, 0.45, 4, 1.0},
                                 {128, 32, 0.33, 4, 1.0}});
    result.k = 64;
    result.prologue_cycles = 3000;
    return result;
}

// tcgen05 with pairs of blocks, in cuBLAS: Hopper's tiles and larger ones, its latencies. Estimated by analogy.
GemmTiles tcgen05_tiles() {
    GemmTiles result = wgmma_tiles();
    for (const auto& [m, n] : std::initializer_list<std::array<double, 2>>{{256, 256}, {256, 192}}) {
        result.tiles[result.count++] = {m, n, 1.0, 1, 1.0};
    }
    result.efficiency = 0.93;
    return result;
}

// tcgen05 in cuDNN; estimated by analogy.
GemmTiles tcgen05_convolution_tiles() {
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
                                 {32, 32, 0.45, 4, 1.5},
                                 {16, 128, 0.50, 4, 1.5},
                                 {128, 16, 0.50, 4, 1.5}});
    result.k = 8;
    result.prologue_cycles = 1500;
    return result;
}

// cuDNN's implicit GEMM on FP32 lanes (scudnn kernels); sitar-lab/NeuSight fp32 convolutions on V100 and A100.
GemmTiles convolution_sgemm_tiles() {
    GemmTiles result = tiles_of({{128, 128, 0.95, 1, 1.0}, {128, 64, 0.86, 1, 1.0}, {128, 32, 0.76, 1, 1.0}});
    result.k = 8;
    result.prologue_cycles = 1500;
    return result;
}

// cuBLAS SGEMM as the Winograd convolutions there call it, by kernel names: one tile on the A100, smaller ones on the
// V100.
GemmTiles winograd_sgemm_tiles(Architecture architecture) {
    GemmTiles result = architecture == Architecture::volta
                           ? tiles_of({{64, 64, 0.92, 1, 1.0}, {32, 128, 0.94, 1, 1.0}, {128, 32, 0.94, 1, 1.0}})
                           : tiles_of({{128, 128, 0.955, 1, 1.0}});
    result.k = 8;
    result.prologue_cycles = 1500;
    return result;
}

using AttentionTiles = std::array<AttentionTile, AttentionVariant::capacity>;

// Head dim, rows and columns, rows and columns under a causal mask, rows for few queries.
// flash-attention's launch templates (csrc/flash_attn/src), 4 warps; two blocks share an SM's registers.
constexpr AttentionTiles flash2_tiles{{{32, 128, 128, 128, 128, 128},
                                       {64, 128, 128, 128, 128, 128},
                                       {96, 128, 64, 128, 64, 128},
                                       {128, 128, 64, 128, 64, 128},
                                       {256, 64, 64, 64, 64, 64}}};
// Its split-KV kernel, which also runs on paged caches.
constexpr AttentionTiles flash2_paged_tiles{{{32, 64, 256, 64, 256, 64},
                                             {64, 64, 256, 64, 256, 64},
                                             {96, 64, 128, 64, 128, 64},
                                             {128, 64, 128, 64, 128, 64},
                                             {256, 64, 64, 64, 64, 64}}};
// hopper/tile_size.h of the same library, compute capability 9.0; one block an SM.
constexpr AttentionTiles flash3_tiles{{{64, 192, 192, 192, 128, 64},
                                       {96, 192, 144, 192, 144, 192},
                                       {128, 128, 176, 128, 128, 64},
                                       {192, 128, 112, 128, 112, 128},
                                       {256, 128, 80, 128, 80, 128}}};
constexpr AttentionTiles flash3_paged_tiles{{{64, 192, 160, 192, 128, 64},
                                             {96, 192, 128, 192, 128, 192},
                                             {128, 128, 128, 128, 128, 64},
                                             {192, 128, 96, 128, 96, 128},
                                             {256, 128, 80, 128, 80, 128}}};
// The same file, other architectures.
constexpr AttentionTiles flash3_sm80_tiles{{{64, 128, 112, 128, 112, 128},
                                            {96, 128, 64, 128, 64, 128},
                                            {128, 128, 64, 128, 64, 128},
                                            {192, 128, 64, 128, 64, 128},
                                            {256, 128, 64, 128, 64, 128}}};
// TensorRT-LLM's context kernels, by which tiles predict public measurements best. Hopper: a warp group takes 64
// queries, and two of them share the keys of a block.
constexpr AttentionTiles fmha_tiles{{{64, 128, 128, 128, 128, 64},
                                     {96, 128, 128, 128, 128, 64},
                                     {128, 128, 128, 128, 128, 64},
                                     {192, 128, 128, 128, 128, 64},
                                     {256, 128, 64, 128, 64, 64}}};
constexpr AttentionTiles square_tiles{{{32, 64, 64, 64, 64, 64},
                                       {64, 64, 64, 64, 64, 64},
                                       {96, 64, 64, 64, 64, 64},
                                       {128, 64, 64, 64, 64, 64},
                                       {256, 64, 64, 64, 64, 64}}};

bool has_wgmma(Architecture architecture) {
    return architecture == Architecture::hopper || architecture == Architecture::blackwell;
}

AttentionVariant flash2_on(Architecture architecture) {
    AttentionVariant variant{.tiles = flash2_tiles, .resident = 2, .alone = 1.2, .block_cycles = 1500};
    switch (architecture) {
        case Architecture::ampere:
            break;  // 178 to 187 TFLOP/s at d = 128 on an A100
        // Fitted to L40S encoder attention (vLLM 0.24); apache/tvm's RTX 4090 figures.
        case Architecture::ampere_consumer:
        case Architecture::ada:
            variant.mma_efficiency = 0.95;
            variant.exposed = 0.15;
            variant.alone = 1;
            variant.block_cycles = 100;
            variant.edge_exposed = 0.56;
            break;
        // mma.sync reaches 0.62 of the wgmma rate; FA3 paper: FA2 at 35 % of an H100's peak.
        case Architecture::hopper:
        case Architecture::blackwell:
            variant.mma_efficiency = architecture == Architecture::hopper ? 0.55 : 0.30;
            variant.exposed = 0.9;
            break;
        // No FlashAttention-2 build exists there; PyTorch runs the memory-efficient kernel.
        case Architecture::volta:
        case Architecture::turing: variant.mma_efficiency = variant.exposed = 0.6; break;
    }
    return variant;
}

// Fitted to causal prefill of vLLM 0.14 on an A100; elsewhere by analogy.
AttentionVariant flash2_paged_on(Architecture architecture) {
    AttentionVariant variant = flash2_on(architecture);
    variant.tiles = flash2_paged_tiles;
    variant.block_cycles = 3600;
    if (architecture == Architecture::ampere) variant.exposed = 0.7;
    return variant;
}

// Fitted to encoder attention of vLLM 0.24 and SGLang 0.5.14 on an H100 and to the FA3 paper at d = 64, 128, 256.
AttentionVariant flash3_on(Architecture architecture) {
    if (has_wgmma(architecture)) {
        return {.tiles = flash3_tiles,
                .mma_efficiency = architecture == Architecture::hopper ? 0.83 : 0.88,  // FA4 and cuDNN; estimated
                .exposed = 0.1,
                .block_cycles = 0,
                .edge_exposed = 0.72,
                .whole_tiles = true};
    }
    AttentionVariant variant = flash2_on(architecture);
    variant.tiles = flash3_sm80_tiles;
    return variant;
}

// Fitted to decoding of vLLM 0.24 on an H100 (its CUDA graphs allow 32 splits) and of SGLang 0.5.10 on an A100.
AttentionVariant flash3_paged_on(Architecture architecture) {
    AttentionVariant variant = flash3_on(architecture);
    variant.whole_tiles = false;
    if (has_wgmma(architecture)) {
        variant.tiles = flash3_paged_tiles;
        variant.block_cycles = 3850;
        variant.edge_exposed = 2;
        variant.link_bytes_per_clock = 22;
        variant.most_splits = 32;
        variant.transpose_cycles = 110;
        return variant;
    }
    variant.alone = 1;
    variant.block_cycles = 800;
    variant.tile_cycles = 1100;
    variant.edge_exposed = 1.5;
    return variant;
}

// Scores pass through shared memory between the two products, at a barrier each way. Fitted to
// facebookresearch/xformers pull requests 412 and 434 (A100: head dims 16 to 128, 128 to 16384 tokens, within 10 % on
// average) and 405 (V100-SXM2). On a T4 the kernel reaches 30 % of the matrix rate at d = 128, the V100's share
// (Dao-AILab/flash-attention pull request 2379: 66 % are 2.19 times its speed). GA10x and Ada are estimates: their
// GeForces have a quarter of the A100's matrix rate for the same barriers to hide behind.
AttentionVariant memory_efficient_on(Architecture architecture) {
    AttentionVariant variant{.tiles = square_tiles, .mma_efficiency = 0.65, .exposed = 0.6, .prologue_cycles = 3000};
    const bool before_ampere = architecture == Architecture::volta || architecture == Architecture::turing;
    if (architecture == Architecture::ampere || before_ampere) {
        variant.mma_efficiency = before_ampere ? 0.42 : 0.55;
        variant.tile_cycles = before_ampere ? 1150 : 550;
        variant.block_cycles = 1200;
    }
    if (architecture == Architecture::hopper) variant.mma_efficiency = 0.65 * 0.62;
    if (architecture == Architecture::blackwell) variant.mma_efficiency = 0.65 * 0.35;
    return variant;
}

// Fitted to causal prefill of TensorRT-LLM 1.3 on an H100 and 1.0 on an A100.
AttentionVariant fmha_on(Architecture architecture) {
    if (has_wgmma(architecture)) {
        return {.tiles = fmha_tiles,
                .mma_efficiency = architecture == Architecture::hopper ? 0.78 : 0.82,
                .exposed = 0.08,
                .block_cycles = 7000,
                .edge_exposed = 0.67,
                .byte_efficiency = 0.7};
    }
    AttentionVariant variant = flash2_on(architecture);
    variant.tiles = square_tiles;
    variant.edge_exposed = 1.6;
    if (architecture == Architecture::ampere) variant.mma_efficiency = 0.6;
    if (architecture == Architecture::ampere) variant.alone = 1.4;
    return variant;
}

void set_attention(CostParameters& parameters, Architecture architecture) {
    parameters.flash2 = flash2_on(architecture);
    parameters.flash2_paged = flash2_paged_on(architecture);
    parameters.flash3 = flash3_on(architecture);
    parameters.flash3_paged = flash3_paged_on(architecture);
    parameters.memory_efficient = memory_efficient_on(architecture);
    parameters.fmha = fmha_on(architecture);
    parameters.causal_tail = has_wgmma(architecture) ? 0.65 : 0.9;
    parameters.split_combine_seconds = has_wgmma(architecture) ? 0.6e-6 : 2.5e-6;
    // L40S encoder attention; on the A100 and the H100 the fits see next to nothing of it.
    const bool consumer = architecture == Architecture::ada || architecture == Architecture::ampere_consumer;
    parameters.page_seconds = consumer ? 0.7e-6 : 0.1e-6;
    parameters.unaligned_head_efficiency = has_wgmma(architecture) ? 0.92 : 0.99;  // TMA boxes; d = 72 against 80
}

std::array<PatternEfficiency, 7> pattern_efficiencies() {
    std::array<PatternEfficiency, 7> patterns{};
    const auto at = [&patterns](Pattern pattern) -> PatternEfficiency& {
        return patterns[static_cast<std::size_t>(pattern)];
    };
    at(Pattern::streaming) = {1.0, 3.0};
    at(Pattern::row_reduction) = {0.98, 6.0};
    at(Pattern::block_reduction) = {0.92, 6.0};
    at(Pattern::strided_copy) = {0.75, 20.0};  // 32,768 x 8,192 bytes transposed on H100 in 1.98 ms (pytorch#113560)
    at(Pattern::transpose) = {0.66, 8.0};      // cuDNN, 64-byte runs; TimeSformer on H100: 77 MB in 43 us (TraceLens)
    at(Pattern::gather) = {0.85, 6.0};
    at(Pattern::chase) = {1.0, 1.0};
    return patterns;
}

/// SMs x warps x 32 of the architecture's usual large board.
double resident_threads_of(Architecture architecture) {
    switch (architecture) {
        case Architecture::volta: return 80 * 2048;
        case Architecture::turing: return 40 * 1024;
        case Architecture::ampere: return 108 * 2048;
        case Architecture::ampere_consumer: return 84 * 1536;
        case Architecture::ada: return 142 * 1536;
        case Architecture::hopper: return 132 * 2048;
        case Architecture::blackwell: return 148 * 2048;
    }
    return 0;
}

/// Public measurements: RRZE-HPC/gpu-benches gpu-latency, plateaus on V100, A100, A40, L40, GH200; Turing and Blackwell
/// by analogy.
double l2_latency_clocks_of(Architecture architecture) {
    switch (architecture) {
        case Architecture::volta: return 212;
        case Architecture::turing: return 212;
        case Architecture::ampere: return 206;
        case Architecture::ampere_consumer: return 250;
        case Architecture::ada: return 276;
        case Architecture::hopper: return 280;
        case Architecture::blackwell: return 300;
    }
    return 0;
}

/// Public measurements: RRZE-HPC/gpu-benches gpu-cache, one block's working set in the L1 (V100, A100 125, A40 64).
double l1_bytes_per_clock_of(Architecture architecture) {
    switch (architecture) {
        case Architecture::turing:
        case Architecture::ampere_consumer:
        case Architecture::ada: return 64;
        default: return 128;
    }
}

void set_convolution(CostParameters& parameters, Architecture architecture) {
    parameters.convolution_tiles = architecture == Architecture::hopper      ? hopper_convolution_tiles()
                                   : architecture == Architecture::blackwell ? tcgen05_convolution_tiles()
                                                                             : mma_sync_convolution_tiles();
    parameters.convolution_simt_tiles = convolution_sgemm_tiles();
    parameters.winograd_tiles = winograd_sgemm_tiles(architecture);
    if (architecture == Architecture::volta) {
        parameters.winograd_block_images = 1;
        parameters.winograd_filter_efficiency = 0.36;
        parameters.winograd_misaligned_share = 0.57;
    }
    // cuDNN 7 on V100 and T4 (baidu-research/DeepBench): a kernel that precomputes offsets comes first, launch
    // included.
    if (architecture == Architecture::volta || architecture == Architecture::turing) {
        parameters.convolution_regret = 1.0;
        parameters.convolution_setup_seconds = 7e-6;
    }
    // TMA's im2col mode writes shared memory past the L1, so every tap is read from L2 there.
    if (architecture == Architecture::hopper || architecture == Architecture::blackwell) {
        parameters.convolution_l2_share = 1.0;
    }
}

}  // namespace

CostParameters default_parameters(Architecture architecture) {
    CostParameters parameters;
    parameters.simt_tiles = sgemm_tiles();
    const bool before_ampere = architecture == Architecture::volta || architecture == Architecture::turing;
    const bool graphics = architecture == Architecture::ampere_consumer || architecture == Architecture::ada;
    parameters.tensor_tiles = architecture == Architecture::hopper      ? wgmma_tiles()
                              : architecture == Architecture::blackwell ? tcgen05_tiles()
                              : before_ampere                           ? mma_two_stage_tiles()
                              : graphics                                ? mma_sync_graphics_tiles()
                                                                        : mma_sync_tiles();
    if (before_ampere) {
        parameters.split_reduction_seconds = 4.4e-6;
        // Loads through registers may be narrow: no need of 16-byte rows.
        parameters.misaligned_even_efficiency = 0.97;
    }
    set_convolution(parameters, architecture);
    set_attention(parameters, architecture);
    parameters.patterns = pattern_efficiencies();
    parameters.resident_threads = resident_threads_of(architecture);
    parameters.l1_bytes_per_clock = l1_bytes_per_clock_of(architecture);
    parameters.l1_latency_clocks = architecture == Architecture::volta ? 28 : 33;
    parameters.l2_latency_clocks = l2_latency_clocks_of(architecture);
    parameters.exposed_memory_seconds = parameters.tensor_tiles.persistent ? 1.5e-6 : 2.5e-6;
    // Weights that take turns in L2, ai-dynamo/aiconfigurator: one cache on Ada, two that hold copies on A100 and H100.
    // A result that the next replay overwrites stays on Ada and is written back on A100 and H100 all the same.
    parameters.dirty_share = 0.9;
    if (architecture == Architecture::ampere) parameters.eviction_width = 0.38;
    if (architecture == Architecture::hopper) parameters.eviction_width = 0.78;
    if (architecture == Architecture::ada) {
        parameters.eviction_width = 0.13;
        parameters.dirty_share = 0.25;
    }
    cost_detail::set_quantised_parameters(architecture, parameters);
    return parameters;
}

}  // namespace cupola
