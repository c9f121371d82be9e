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
        {"convolution.l2_share", "share", 0.03, 1, "of the im2col reads that miss the L1",
         [](P& p) -> double& { return p.convolution_l2_share; }},
        {"convolution.prologue_cycles", "cycles", 500, 6000,
         "first loads, drain and epilogue of an implicit-GEMM kernel on matrix units",
         [](P& p) -> double& { return p.convolution_tiles.prologue_cycles; }},
        {"convolution.depthwise_efficiency", "share", 0.3, 1,
         "share of the streaming bandwidth in depthwise convolutions",
         [](P& p) -> double& { return p.depthwise_efficiency; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
