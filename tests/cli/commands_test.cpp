#include "run_command.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace {

using nlohmann::json;

/// The JSON that a command prints; fails the test where it does not succeed.
json json_of(const std::string& arguments) {
    const Outcome outcome = cupola(arguments + " --json");
    CAPTURE(outcome.output);
    REQUIRE(outcome.status == 0);
    return json::parse(outcome.output);
}

TEST_CASE("list names the models, GPUs and stacks, and show explains each") {
    for (const std::string kind : {"workloads", "gpus", "stacks"}) {
        for (const json& item : json_of("list " + kind)) {
            CAPTURE(item.dump());
            const Outcome shown = cupola("show " + item["name"].get<std::string>());
            CHECK(shown.status == 0);
            CHECK(contains(shown.output, item["name"].get<std::string>()));
        }
    }
}

TEST_CASE("show of a path finds out what the file is") {
    const std::string data = CUPOLA_SOURCE_DIR;
    CHECK(json_of("show " + data + "/hwmodels/gpus/t4.yaml")["kind"] == "gpu");
    CHECK(json_of("show " + data + "/hwmodels/stacks/pytorch-compile.yaml")["kind"] == "stack");
    CHECK(json_of("show " + data + "/workloads/sdxl.yaml")["kind"] == "workload");
}

TEST_CASE("count gives whole numbers whose total is the sum of the components") {
    const json count = json_of("count stable-diffusion-1.5 --set height=256");
    std::int64_t parameters = 0, conv = 0;
    for (const json& component : count["components"]) {
        parameters += component["params"].get<std::int64_t>();
        conv += component["macs"]["conv"].get<std::int64_t>();
    }
    CHECK(parameters > 800'000'000);
    CHECK(count["total"]["params"] == parameters);
    CHECK(count["total"]["macs"]["conv"] == conv);
    CHECK(count["parameters"]["height"] == 256);
}

TEST_CASE("predict has stated defaults and says the same by name, option and path") {
    const json prediction = json_of("predict sdxl");
    CHECK(prediction["gpu"] == "h100-sxm5-80gb");
    CHECK(prediction["stack"] == "pytorch-eager-flash");
    CHECK(prediction["latency_s"].get<double>() ==
          doctest::Approx(prediction["gpu_busy_s"].get<double>() + prediction["gpu_idle_s"].get<double>()));
    const std::string data = CUPOLA_SOURCE_DIR;
    CHECK(json_of("predict -w sdxl") == prediction);
    CHECK(json_of("predict " + data + "/workloads/sdxl.yaml -g " + data + "/hwmodels/gpus/h100-sxm5-80gb.yaml") ==
          prediction);
}

TEST_CASE("--set may be repeated and changes the run") {
    const json few = json_of("predict sdxl --set steps=5 --set batch=1"), many = json_of("predict --set steps=10 sdxl");
    CHECK(few["parameters"]["steps"] == 5);
    CHECK(many["latency_s"] > few["latency_s"]);
}

TEST_CASE("the printed prediction has its sections, without colours when it is not read from a terminal") {
    const Outcome outcome = cupola("predict sdxl --top 3");
    CHECK(outcome.status == 0);
    for (const std::string part : {"latency", "memory", "Time by stage", "Time by category", "Top kernels (3 of "}) {
        CAPTURE(part);
        CHECK(contains(outcome.output, part));
    }
    CHECK_FALSE(contains(outcome.output, "\x1b"));
}

TEST_CASE("a type that the GPU's matrix units do not multiply is said, in text and JSON") {
    CHECK(contains(cupola("predict sdxl --gpu t4 --set steps=1").output, "no matrix instructions for bf16"));
    CHECK(json_of("predict sdxl --gpu t4 --set steps=1")["lacks_matrix_instructions"] == true);
    const std::string narrow = "predict sdxl --gpu t4 --set steps=1 --set dtype=fp16 --set vae_dtype=fp16";
    CHECK_FALSE(contains(cupola(narrow).output, "no matrix instructions"));
    CHECK(json_of("predict sdxl --set steps=1")["lacks_matrix_instructions"] == false);
}

TEST_CASE("the ideal stack waits for no host, also around what other stacks leave out of a graph") {
    const json prediction = json_of("predict seamless-m4t-v2-large --stack ideal");
    CHECK(prediction["gpu_idle_s"].get<double>() < 1e-9);
    CHECK(prediction["gpu_busy_s"].get<double>() > 1e-3);
}

TEST_CASE("graph prints one operator or kernel a line, every line with the header's fields") {
    for (const std::string arguments : {"graph sdxl --stage denoiser", "graph sdxl --stage denoiser --kernels"}) {
        CAPTURE(arguments);
        std::istringstream lines(cupola(arguments).output);
        std::string header, line;
        std::getline(lines, header);
        CHECK(header.rfind("stage\tpass\tindex\t", 0) == 0);
        const auto tabs = std::count(header.begin(), header.end(), '\t');
        std::size_t rows = 0, odd = 0;
        for (; std::getline(lines, line); ++rows) {
            if (std::count(line.begin(), line.end(), '\t') != tabs || line.rfind("denoiser\t", 0) != 0) ++odd;
        }
        CHECK(rows > 1000);
        CHECK(odd == 0);
    }
}

TEST_CASE("graph as JSON has as many entries as the list has lines") {
    const std::string text = cupola("graph stable-diffusion-1.5 --stage vae_decoder").output;
    const auto lines = std::count(text.begin(), text.end(), '\n');
    CHECK(json_of("graph stable-diffusion-1.5 --stage vae_decoder").size() == static_cast<std::size_t>(lines - 1));
}

TEST_CASE("seqlen lists every attention call of one pass and how often the pass runs") {
    const json lengths = json_of("seqlen stable-diffusion-1.5 --stage denoiser");
    REQUIRE(lengths["stages"].size() == 1);
    CHECK(lengths["self_attention"] == json{{"min", 64}, {"max", 4096}, {"ratio", 64}});
    const json& pass = lengths["stages"][0]["passes"][0];
    CHECK(pass["steps"] == 50);
    CHECK(lengths["calls"] == 50 * pass["calls"].size());
    CHECK(lengths["frames"].is_null());

    std::istringstream lines(cupola("seqlen stable-diffusion-1.5 --stage denoiser --csv").output);
    std::string header, line;
    std::getline(lines, header);
    CHECK(header.rfind("stage,first_step,steps,module,span,", 0) == 0);
    std::size_t rows = 0;
    for (; std::getline(lines, line); ++rows) {
        CHECK(std::count(line.begin(), line.end(), ',') == std::count(header.begin(), header.end(), ','));
    }
    CHECK(rows == pass["calls"].size());
}

TEST_CASE("seqlen follows frames to the cross-over, or to the numbers that were asked for") {
    const json sweep = json_of("seqlen modelscope-t2v")["frames"];
    CHECK(sweep["points"].back()["temporal_to_spatial"] >= 1.0);
    CHECK(sweep["cross_over"]["where"] == "inside the sweep");
    const json chosen = json_of("seqlen modelscope-t2v --set frames=4 --frames 32,8")["frames"]["points"];
    REQUIRE(chosen.size() == 2);
    CHECK(chosen[0]["frames"] == 8);
    CHECK(contains(cupola("seqlen modelscope-t2v").output, "cross-over at "));
}

}  // namespace
