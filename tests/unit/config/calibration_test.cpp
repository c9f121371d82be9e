#include "cupola/config/load.hpp"
#include "cupola/config/load_fit.hpp"
#include "cupola/fit/write.hpp"
#include "cupola/units/input_error.hpp"

#include <unistd.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace cupola;
namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

Calibration example() {
    LibraryCalibration library;
    library.name = "flash-attention-3";
    library.parameters = {{"attention.flash3.exposed", 0.41, 0.012, "attention \"bf16\" of a set, below 20 us"}};
    library.errors = {
        {KernelKind::attention, "flash3", DataType::bf16, Seconds(0), Seconds(20e-6), 120, -0.1, 0.125, 0.5},
        {KernelKind::attention, "flash3", DataType::bf16, Seconds(20e-6), Seconds(1e6), 80, -0.0625, 0.25, 1}};
    library.ranges = {{KernelKind::attention, "flash3", DataType::bf16, {1, 1, 1, 64}, {4096, 32768, 32768, 128}}};
    library.data = {{"encoder", "attention/encoder.csv.gz", "00ff00ff00ff00ff", 200, 60}};
    return {"some-gpu", "2026-11-21", "cupola fit --gpu some-gpu", {library}};
}

}  // namespace

TEST_CASE("a calibrated file reads back as it was written") {
    const fs::path path = fs::temp_directory_path() / ("cupola-calibration-" + std::to_string(::getpid()) + ".yaml");
    const std::string text = fit::calibration_yaml(example());
    fit::write_atomically(path.string(), text);
    const Calibration read = config::load_calibration_file(path.string());
    CHECK(fit::calibration_yaml(read) == text);
    const LibraryCalibration& library = *read.find("flash-attention-3");
    CHECK(library.parameters[0].value == 0.41);
    CHECK(library.parameters[0].pinned_by == "attention \"bf16\" of a set, below 20 us");
    CHECK(library.errors[0].to == Seconds(20e-6));
    CHECK(library.errors[1].high == 0.25);
    CHECK(library.ranges[0].high[1] == 32768);
    CHECK(library.data[0].fnv1a == "00ff00ff00ff00ff");
    fs::remove(path);
}

TEST_CASE("a write that fails leaves nothing behind and says why") {
    const fs::path folder = fs::temp_directory_path() / "cupola-no-such-folder";
    CHECK_THROWS_AS(fit::write_atomically((folder / "x.yaml").string(), "text"), InputError);
    CHECK_FALSE(fs::exists(folder));
}

TEST_CASE("every calibrated file that comes with cupola can be read and is of its GPU") {
    for (const config::Listing& gpu : config::list_gpus(CUPOLA_SOURCE_DIR)) {
        CAPTURE(gpu.name);
        const auto calibration = config::load_calibration(CUPOLA_SOURCE_DIR, gpu.name);
        if (!calibration) continue;
        CHECK(calibration->gpu == gpu.name);
        CHECK(fit::calibration_yaml(*calibration) ==
              text_of(std::string(CUPOLA_SOURCE_DIR) + "/hwmodels/calibrated/" + gpu.name + ".yaml"));
    }
    CHECK_FALSE(config::load_calibration(CUPOLA_SOURCE_DIR, "no-such-gpu"));
    CHECK_FALSE(config::load_calibration(CUPOLA_SOURCE_DIR, "../gpus/t4"));
}

TEST_CASE("every fit plan that comes with cupola can be read and names a GPU that has facts") {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(fs::path(CUPOLA_SOURCE_DIR) / "calibration/plans", none)) {
        CAPTURE(entry.path().string());
        const fit::FitPlan plan = config::load_fit_plan(CUPOLA_SOURCE_DIR, entry.path().stem().string());
        CHECK(config::load_gpu(CUPOLA_SOURCE_DIR, plan.gpu).name == plan.gpu);
    }
}
