#include "run_command.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace {

const std::string results = std::string(CUPOLA_SOURCE_DIR) + "/tests/data/probe-synthetic.csv";

std::string temporary(const std::string& name) {
    return (std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()))).string();
}

}  // namespace

TEST_CASE("plan lists a workload's kernels as cases of the probe") {
    const Outcome outcome = cupola("plan --workload llama-2-7b --set tokens=2 --gpu h200-sxm-141gb");
    CAPTURE(outcome.output);
    CHECK(outcome.status == 0);
    for (const std::string part :
         {"# llama-2-7b on h200-sxm-141gb with", "\nfacts\n", "\ngemm type=fp16 m=1 ", " count=", " id=1  # ",
          "replay mode=stream name=llama-2-7b/decode order=", "replay mode=graph name=llama-2-7b/prefill order="}) {
        CAPTURE(part);
        CHECK(contains(outcome.output, part));
    }
    CHECK_FALSE(contains(cupola("plan llama-2-7b --set tokens=2 --stage prefill").output, "/decode"));
    const Outcome stage = cupola("plan llama-2-7b --stage prefil");
    CHECK(stage.status == 2);
    CHECK(contains(stage.output, "did you mean \"prefill\"?"));
}

TEST_CASE("validate compares results of the probe without an adapter") {
    const Outcome text = cupola("validate --ops " + results + " --defaults");
    CAPTURE(text.output);
    CHECK(text.status == 0);
    for (const std::string part : {"probe-gemm", "gemm bf16 cold", "convolution bf16 nhwc hot", "NVIDIA H200",
                                   "A run by its kernels", "Replays", "as one graph", "20.0 %"}) {
        CAPTURE(part);
        CHECK(contains(text.output, part));
    }
    const Outcome json = cupola("validate --json --ops " + results);
    CHECK(json.status == 0);
    for (const std::string key : {"\"probe\": ", "\"run_by_kernels\": ", "\"replays\": ", "\"counters\": "}) {
        CHECK(contains(json.output, key));
    }
    const Outcome other = cupola("validate --ops " + results + " --gpu t4");
    CHECK(other.status == 2);
    CHECK(contains(other.output, "that is h200-sxm-141gb"));
    CHECK(cupola("validate --ops /no/such/file.csv").status == 2);
}

TEST_CASE("fit takes results of the probe, with or without a plan of the GPU") {
    const std::string output = temporary("cupola-probe-fit-");
    const Outcome outcome =
        cupola("fit --gpu h200-sxm-141gb --probe " + results + " --date 2026-11-21 --dry-run --plan x");
    CHECK(outcome.status == 2);  // --gpu and --plan
    // a GPU without a plan, and a file that does not say what it measured
    std::ifstream file(results);
    std::string text(std::istreambuf_iterator<char>(file), {});
    for (std::size_t at; (at = text.find("NVIDIA H200")) != std::string::npos;) text.replace(at, 11, "Test Board");
    std::ofstream(output + ".csv") << text;
    const Outcome fitted =
        cupola("fit --gpu b200-sxm-180gb --probe " + output + ".csv --date 2026-11-21 -o " + output + ".yaml");
    CAPTURE(fitted.output);
    CHECK(fitted.status == 0);
    std::ifstream written(output + ".yaml");
    const std::string calibration(std::istreambuf_iterator<char>(written), {});
    CHECK(contains(calibration, "probe-gemm"));
    CHECK(contains(calibration, "--probe cupola-probe-fit-"));
    CHECK(cupola("fit --leave-one-out --probe " + results).status == 2);
    for (const char* ending : {".csv", ".yaml"}) std::filesystem::remove(output + ending);
}
