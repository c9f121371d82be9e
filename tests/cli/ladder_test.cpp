#include "run_command.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace {

using nlohmann::json;

TEST_CASE("ladder applies levers one after another; each rung is what predict says with the same levers") {
    const std::string model = " stable-diffusion-1.5 --gpu a100-sxm4-80gb --set dtype=fp32 --set steps=4";
    const Outcome outcome =
        cupola("ladder" + model + " --lever dtype=fp16 --lever 'steps=2;cuda-graphs' --lever steps=1 --json");
    CAPTURE(outcome.output);
    REQUIRE(outcome.status == 0);
    const json rungs = json::parse(outcome.output)["rungs"];
    REQUIRE(rungs.size() == 4);
    CHECK(rungs[1]["replaces"] == "dtype=fp32");
    CHECK(rungs[3]["replaces"] == "steps=2");
    const json last = json::parse(cupola("predict stable-diffusion-1.5 --gpu a100-sxm4-80gb --json --set dtype=fp16 "
                                         "--set steps=1 --lever cuda-graphs")
                                      .output);
    CHECK(rungs[3]["latency_s"].get<double>() == doctest::Approx(last["latency_s"].get<double>()));
    double product = 1;
    for (const json& rung : rungs) product *= rung["step_speedup"].get<double>();
    CHECK(product == doctest::Approx(rungs[3]["speedup"].get<double>()));
    CHECK(rungs[0]["changes"].empty());
    for (std::size_t i = 1; i < rungs.size(); ++i) {
        double change = 0;
        for (const json& kernel : rungs[i]["changes"])
            change += kernel["time_s"][1].get<double>() - kernel["time_s"][0].get<double>();
        CHECK(change ==
              doctest::Approx(rungs[i]["gpu_busy_s"].get<double>() - rungs[i - 1]["gpu_busy_s"].get<double>()));
    }
}

TEST_CASE("ladder prints a line a rung, and what changed") {
    const Outcome outcome = cupola("ladder stable-diffusion-1.5 --lever steps=10 --lever cuda-graphs --top 1");
    REQUIRE(outcome.status == 0);
    CHECK(contains(outcome.output, "as it is"));
    CHECK(contains(outcome.output, "cuda-graphs"));
    CHECK(contains(outcome.output, "GPU idle"));
    CHECK(contains(outcome.output, "more kinds of kernel"));
}

TEST_CASE("ladder shows the host's time, and marks rungs that do not fit the GPU's memory") {
    const Outcome large = cupola("ladder flux.1-dev --gpu rtx-4090 --stack pytorch-2.2 --lever steps=4");
    REQUIRE(large.status == 0);
    CHECK(contains(large.output, " host "));
    CHECK(contains(large.output, "GiB !"));
    CHECK(contains(large.output, "! does not fit"));
    CHECK_FALSE(contains(cupola("ladder flux.1-dev --gpu b200-sxm-180gb --lever steps=4").output, "does not fit"));
}

TEST_CASE("ladder refuses what predict refuses") {
    CHECK(cupola("ladder stable-diffusion-1.5 --lever stepps=10").status == 2);
    CHECK(contains(cupola("ladder stable-diffusion-1.5 --lever '' 2>&1").output, "--lever: found \"\", expected NAME"));
    CHECK(cupola("ladder stable-diffusion-1.5 --lever 'steps=10;steps=12'").status == 2);
    CHECK(cupola("ladder stable-diffusion-1.5 --lever steps=10 --top -1").status == 2);
}

}  // namespace
