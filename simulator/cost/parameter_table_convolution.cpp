#include "cupola/cost/parameter_families.hpp"

namespace cupola::cost_detail {

// Parameters of convolutions; README.md states defaults, sources and what identifies each.
std::span<const ParameterInfo> convolution_parameters() {
    using P = CostParameters;
    static constexpr ParameterInfo table[] = {
        {"convolution.regret", "", 1, 1.5, "library's heuristic choice against the best tile, time ratio",
         [](P& p) -> double& { return p.convolution_regret; }},
        {"convolution.efficiency", "share", 0.5, 1, "of the GEMM tile's, long channel lists",
         [](P& p) -> double& { return p.convolution_efficiency; }},
        {"convolution.tap_channels", "channels", 0, 16, "address work of one filter tap, in channels of main loop",
         [](P& p) -> double& { return p.convolution_tap_channels; }},
        {"convolution.split_grid_share", "share", 0, 1,
         "blocks of a split-K convolution fill at most this share of what is resident at once",
         [](P& p) -> double& { return p.convolution_split_grid_share; }},
        {"convolution.step_bytes", "B", 16, 128, "of channels that one step of the main loop takes",
         [](P& p) -> double& { return p.convolution_step_bytes; }},
        {"convolution.setup_seconds", "s", 0, 8e-6, "kernel that precomputes addresses before the convolution",
         [](P& p) -> double& { return p.convolution_setup_seconds; }},
        {"convolution.l2_share", "share", 0.03, 1, "of the im2col reads that miss the L1",
         [](P& p) -> double& { return p.convolution_l2_share; }},
        {"convolution.prologue_cycles", "cycles", 500, 6000,
         "first loads, drain and epilogue of an implicit-GEMM kernel on matrix units",
         [](P& p) -> double& { return p.convolution_tiles.prologue_cycles; }},
        {"convolution.epilogue_cycles", "cycles", 0, 8000, "conversion and store of 128 x 128 outputs",
         [](P& p) -> double& { return p.convolution_tiles.epilogue_cycles; }},
        {"convolution.step_seconds", "s", 0, 6e-7, "least time of 128 bytes of depth: latency over stages in flight",
         [](P& p) -> double& { return p.convolution_tiles.step_seconds; }},
        {"convolution.depthwise_efficiency", "share", 0.3, 1,
         "share of the streaming bandwidth in depthwise convolutions",
         [](P& p) -> double& { return p.depthwise_efficiency; }},
        {"convolution.winograd_efficiency", "share", 0.5, 1,
         "of the FP32 rate in the products of the one-kernel Winograd algorithm",
         [](P& p) -> double& { return p.winograd_efficiency; }},
        {"convolution.winograd_block_cycles", "cycles", 500, 8000,
         "first loads, output transform and store of one block of the one-kernel Winograd algorithm",
         [](P& p) -> double& { return p.winograd_block_cycles; }},
        {"convolution.winograd_transform_efficiency", "share", 0.3, 1,
         "of the streaming bandwidth in Winograd's transforms of input and output",
         [](P& p) -> double& { return p.winograd_transform_efficiency; }},
        {"convolution.winograd_filter_efficiency", "share", 0.1, 1,
         "of the streaming bandwidth in Winograd's transform of the filter",
         [](P& p) -> double& { return p.winograd_filter_efficiency; }},
        {"convolution.winograd_misaligned_share", "share", 0.3, 1,
         "of the bandwidth of that, where rows of input channels are no whole sectors",
         [](P& p) -> double& { return p.winograd_misaligned_share; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
