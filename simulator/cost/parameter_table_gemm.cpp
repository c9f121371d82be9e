#include "cupola/cost/parameter_families.hpp"

namespace cupola::cost_detail {

// Parameters of matrix products; README.md states defaults, sources and what identifies each.
std::span<const ParameterInfo> gemm_parameters() {
    using P = CostParameters;
    static constexpr ParameterInfo table[] = {
        {"gemm.prologue_cycles", "cycles", 500, 6000,
         "first loads, drain and synchronisation of a kernel on matrix units that nothing overlaps",
         [](P& p) -> double& { return p.tensor_tiles.prologue_cycles; }},
        {"gemm.overlap_exponent", "", 4, 8,
         "how much two nearly equal bounds of a GEMM disturb each other: exponent of the smooth maximum",
         [](P& p) -> double& { return p.tensor_tiles.overlap_exponent; }},
        {"gemm.efficiency", "share", 0.6, 1, "of the matrix rate, in tiles that fill their SMs",
         [](P& p) -> double& { return p.tensor_tiles.efficiency; }},
        {"gemm.step_seconds", "s", 2e-8, 1.2e-6, "least time of 128 bytes of depth: latency over stages in flight",
         [](P& p) -> double& { return p.tensor_tiles.step_seconds; }},
        {"gemm.epilogue_cycles", "cycles", 100, 6000, "conversion and store of 128 x 128 outputs",
         [](P& p) -> double& { return p.tensor_tiles.epilogue_cycles; }},
        {"gemm.l2_efficiency", "share", 0.4, 1, "of the L2 bandwidth, in reading slices of A and B",
         [](P& p) -> double& { return p.tensor_tiles.l2_efficiency; }},
        {"gemm.multicast", "blocks", 1, 4,
         "blocks of a cluster, along either side, that share one L2 read of an operand slice",
         [](P& p) -> double& { return p.tensor_tiles.multicast; }},
        {"gemm.simt_prologue_cycles", "cycles", 500, 6000, "the prologue of a kernel on FP32 lanes",
         [](P& p) -> double& { return p.simt_tiles.prologue_cycles; }},
        {"gemm.split_minimum_depth", "elements", 64, 1024, "least K that a split of a GEMM works on",
         [](P& p) -> double& { return p.split_minimum_depth; }},
        {"gemm.split_reduction_seconds", "s", 5e-7, 6e-6, "semaphore and second phase of a split-K GEMM",
         [](P& p) -> double& { return p.split_reduction_seconds; }},
        {"gemm.split_grid_share", "share", 0.3, 1,
         "blocks of a split-K kernel fill at most this share of what is resident at once",
         [](P& p) -> double& { return p.split_grid_share; }},
        {"gemm.batched_regret", "", 1, 1.2, "library's choice of tile against the best, batched GEMM, time ratio",
         [](P& p) -> double& { return p.batched_regret; }},
        {"gemm.misaligned_even_efficiency", "share", 0.35, 1,
         "matrix rate with a row length that is no multiple of 16 bytes, even element count",
         [](P& p) -> double& { return p.misaligned_even_efficiency; }},
        {"gemm.misaligned_odd_efficiency", "share", 0.25, 1, "the same, odd element count",
         [](P& p) -> double& { return p.misaligned_odd_efficiency; }},
        {"gemm.gemv_instructions_per_product", "", 1, 4,
         "FMA, conversion and loads of a matrix-vector kernel, an element of the matrix",
         [](P& p) -> double& { return p.gemv_instructions_per_product; }},
        {"gemm.gemv_prologue_cycles", "cycles", 500, 6000, "first loads and final reduction of a matrix-vector kernel",
         [](P& p) -> double& { return p.gemv_prologue_cycles; }},
        {"gemm.dram_efficiency", "share", 0.6, 1, "of the streaming DRAM bandwidth, in kernels on matrix units",
         [](P& p) -> double& { return p.tensor_tiles.dram_efficiency; }},
        {"gemm.dram_ramp_seconds", "s", 0, 4e-5, "most that a transfer from DRAM loses before it is long",
         [](P& p) -> double& { return p.tensor_tiles.dram_ramp_seconds; }},
        {"gemm.store_cost", "", 1, 1.6, "DRAM time of a byte of the output in units of that of a byte read",
         [](P& p) -> double& { return p.tensor_tiles.store_cost; }},
        {"gemm.matrix_dram_efficiency", "share", 0.7, 1,
         "of the streaming DRAM bandwidth, in matrix-vector and Winograd kernels",
         [](P& p) -> double& { return p.matrix_dram_efficiency; }},
        {"gemm.exposed_memory_seconds", "s", 2e-7, 6e-6,
         "ramp and tail of cold reads in attention and Winograd kernels",
         [](P& p) -> double& { return p.exposed_memory_seconds; }},
        {"gemm.sm_link_bytes_per_clock", "B/clk", 32, 128, "L2 to one SM: width of its port",
         [](P& p) -> double& { return p.sm_link_bytes_per_clock; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
