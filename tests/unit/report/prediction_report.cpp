#include "cupola/report/report.hpp"
#include "example_prediction.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace {

using namespace cupola;
using nlohmann::json;

TEST_CASE("a prediction as JSON has every promised key, times in seconds") {
    const json document = json::parse(prediction_json(example_prediction()));
    for (const std::string key : {"workload", "gpu", "stack", "latency_s", "gpu_busy_s", "gpu_idle_s",
                                  "peak_memory_bytes", "stages", "by_category", "kernels"}) {
        CAPTURE(key);
        CHECK(document.contains(key));
    }
    CHECK(document["latency_s"] == 2.0);
    CHECK(document["peak_memory_bytes"] == 6000000000LL);
    CHECK(document["parameters"]["steps"] == 30);
    CHECK(document["by_category"]["data_movement"] == 0.5);
    CHECK(document["stages"][0]["steps"] == 30);
}

TEST_CASE("a kernel as JSON keeps every bound and its bytes at each level") {
    const json kernels = json::parse(prediction_json(example_prediction()))["kernels"];
    REQUIRE(kernels.size() == 2);
    const json& conv = kernels[0];
    for (const Bound bound : all_bounds) CHECK(conv["bounds_s"].contains(std::string(name_of(bound))));
    CHECK(conv["bound"] == "tensor");
    CHECK(conv["bytes"]["dram"] == 20000000);
    CHECK(conv["bytes"].contains("l2"));
    CHECK(conv["arithmetic_intensity"] == doctest::Approx(500));
    CHECK(conv["example"] == "down.0.resnets.1.conv1");
    CHECK(conv["work"]["out_channels"] == 640);
    CHECK(kernels[1]["arithmetic_intensity"].is_null());  // no DRAM traffic, no quotient
}

TEST_CASE("a prediction that takes no time has no averages, and a stage that did not run no bound") {
    Prediction nothing;
    nothing.workload = "empty";
    nothing.stages.push_back({});
    nothing.stages[0].name = "unused";
    const std::string text = prediction_text(nothing, {}, 8);
    CHECK(text.find("nan") == std::string::npos);
    CHECK(text.find("inf") == std::string::npos);
    CHECK(text.find("on average") == std::string::npos);
    const std::size_t row = text.find("unused");
    REQUIRE(row != std::string::npos);
    const std::string line = text.substr(row, text.find('\n', row) - row);
    CHECK(line.substr(line.find_last_not_of(' ') - 1, 2) == " -");
    CHECK(json::parse(prediction_json(nothing))["arithmetic_intensity"].is_null());
}

std::string golden_path() { return std::string(CUPOLA_SOURCE_DIR) + "/tests/golden/prediction.txt"; }

TEST_CASE("the printed report is the golden one (CUPOLA_UPDATE_GOLDEN=1 rewrites it)") {
    const std::string text = prediction_text(example_prediction(), {}, 8);
    if (std::getenv("CUPOLA_UPDATE_GOLDEN") != nullptr) std::ofstream(golden_path()) << text;
    std::ifstream file(golden_path());
    std::stringstream golden;
    golden << file.rdbuf();
    CHECK(text == golden.str());
}

TEST_CASE("the printed report keeps to 100 columns and to as many kernels as asked for") {
    Prediction prediction = example_prediction();
    for (int i = 0; i < 12; ++i) {
        ParameterSetting parameter;
        parameter.name = "parameter_number_" + std::to_string(i);
        parameter.value = "123";
        prediction.parameters.push_back(parameter);
    }
    prediction.kernels[0].example = std::string(200, 'x') + ".last_part";
    std::istringstream lines(prediction_text(prediction, {}, 1));
    std::string all;
    for (std::string line; std::getline(lines, line); all += line + "\n") {
        CAPTURE(line);
        CHECK(display_width(line) <= 100);
    }
    CHECK(all.find(".last_part") != std::string::npos);
    CHECK(all.find("mid.attn.to_out") == std::string::npos);
}

TEST_CASE("colours appear only when asked for, and change nothing else") {
    TextStyle colours;
    colours.colour = true;
    const std::string plain = prediction_text(example_prediction(), {}, 8);
    std::string painted_text = prediction_text(example_prediction(), colours, 8);
    CHECK(plain.find('\x1b') == std::string::npos);
    CHECK(painted_text.find('\x1b') != std::string::npos);
    for (std::size_t begin; (begin = painted_text.find('\x1b')) != std::string::npos;) {
        painted_text.erase(begin, painted_text.find('m', begin) - begin + 1);
    }
    CHECK(painted_text == plain);
}

TEST_CASE("a model that does not fit is said not to") {
    Prediction prediction = example_prediction();
    prediction.dram_capacity = Bytes(5e9);
    CHECK(prediction_text(prediction, {}, 0).find("does not fit") != std::string::npos);
}

}  // namespace
