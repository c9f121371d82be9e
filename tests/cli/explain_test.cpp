#include "run_command.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace {

using nlohmann::json;

json explained(const std::string& arguments) {
    const Outcome outcome = cupola("explain stable-diffusion-1.5 --gpu a100-sxm4-80gb --json " + arguments);
    CAPTURE(outcome.output);
    REQUIRE(outcome.status == 0);
    return json::parse(outcome.output);
}

TEST_CASE("explain of everything is the prediction's GPU time, and its parts add up") {
    const json all = explained("");
    const json prediction = json::parse(cupola("predict stable-diffusion-1.5 --gpu a100-sxm4-80gb --json").output);
    CHECK(all["gpu_busy_s"].get<double>() == doctest::Approx(prediction["gpu_busy_s"].get<double>()));
    CHECK(all["run_busy_s"].get<double>() == doctest::Approx(all["gpu_busy_s"].get<double>()));
    CHECK(all["flops"].get<double>() == doctest::Approx(prediction["flops"].get<double>()));
    double stages = 0, kernels = 0;
    for (const json& stage : prediction["stages"])
        stages += explained("--stage " + stage["name"].get<std::string>())["gpu_busy_s"].get<double>();
    for (const json& kernel : all["kernels"]) kernels += kernel["total_s"].get<double>();
    CHECK(stages == doctest::Approx(all["gpu_busy_s"].get<double>()));
    CHECK(kernels == doctest::Approx(all["gpu_busy_s"].get<double>()));
}

TEST_CASE("explain selects by whole segments of module paths and by label") {
    const json block = explained("--stage denoiser --module down.1");
    const json first = explained("--stage denoiser --module down.1.block.0");
    const json convolutions = explained("--stage denoiser --module down.1 --kernel conv");
    CHECK(first["gpu_busy_s"] < block["gpu_busy_s"]);
    CHECK(convolutions["gpu_busy_s"] < block["gpu_busy_s"]);
    for (const json& kernel : convolutions["kernels"]) {
        CHECK(kernel["label"] == "conv");
        CHECK(contains(kernel["module"].get<std::string>(), ".down.1."));
    }
}

TEST_CASE("more of a resource never takes longer, and a bound moves at the factor stated") {
    const json all = explained("");
    for (const json& time : all["with_twice"])
        CHECK(time.get<double>() <= all["gpu_busy_s"].get<double>() * (1 + 1e-12));
    int moved = 0;
    for (const json& kernel : all["kernels"]) {
        CHECK(kernel["terms_s"].contains(kernel["bound"].get<std::string>()));
        if (kernel["bound_moves"].is_null()) continue;
        ++moved;
        CHECK(kernel["bound_moves"]["bound"] != kernel["bound"]);
        CHECK(kernel["bound_moves"]["factor"] > 1.0);
        CHECK(kernel["bound_moves"]["time_s"] <= kernel["time_s"]);
    }
    CHECK(moved > 10);
}

TEST_CASE("explain refuses what is not there and says what is") {
    struct Mistake {
        std::string arguments, message;
    };
    for (const Mistake& mistake :
         {Mistake{"--kernel convx", "did you mean \"conv\"?"}, Mistake{"--module down.9", "cupola graph lists them"},
          Mistake{"--stage denoisr", "did you mean \"denoiser\"?"}, Mistake{"--module own.1", "whole segments"}}) {
        CAPTURE(mistake.arguments);
        const Outcome outcome = cupola("explain stable-diffusion-1.5 " + mistake.arguments);
        CHECK(outcome.status == 2);
        CHECK(contains(outcome.output, mistake.message));
    }
}

TEST_CASE("explain prints every term of the kernels that take longest") {
    const Outcome outcome = cupola("explain stable-diffusion-1.5 --kernel attention --top 1");
    CHECK(outcome.status == 0);
    for (const char* part : {"roofline", "twice as much", "terms: tensor", "mufu", "of DRAM", "times the"}) {
        CAPTURE(part);
        CHECK(contains(outcome.output, part));
    }
}

}  // namespace
