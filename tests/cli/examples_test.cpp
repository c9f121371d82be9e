#include "run_command.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("the example of a user's own model counts its temporal layers and is predicted on two GPUs") {
    const std::string model = std::string(CUPOLA_SOURCE_DIR) + "/examples/new-model/sd15-temporal.yaml";
    // Stable Diffusion 1.5's UNet of 859,520,964, and along the frames a group norm, two projections, three layer
    // norms, two attentions and a gated feed-forward, in 11 blocks: 5 of width 640, 6 of width 1,280.
    const auto temporal = [](long long c) {
        return 2 * c + 2 * (c * c + c) + 6 * c + 2 * (4 * c * c + c) + 12 * c * c + 9 * c;
    };
    const long long denoiser = 859520964 + 5 * temporal(640) + 6 * temporal(1280);
    const Outcome count = cupola("count " + model + " --json");
    CHECK(count.status == 0);
    CHECK(contains(count.output, "\"params\": " + std::to_string(denoiser)));
    CHECK(contains(cupola("graph " + model + " --stage denoiser").output, "span=temporal"));
    for (const std::string gpu : {"a100-sxm4-80gb", "rtx-4090"}) {
        CHECK(cupola("predict " + model + " --gpu " + gpu).status == 0);
    }
}
