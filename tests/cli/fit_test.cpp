#include "run_command.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

namespace {

/// A folder with a few GEMM times, an adapter and a plan; goes away with its owner.
class OwnMeasurements {
public:
    OwnMeasurements() : folder_(fs::temp_directory_path() / ("cupola-fit-test-" + std::to_string(getpid()))) {
        fs::create_directories(folder_);
        std::ofstream csv(folder_ / "own.csv");
        csv << "m,n,k,us\n";
        for (int n = 256; n <= 4096; n *= 2) {
            for (int k = 256; k <= 4096; k *= 2) {
                for (int m = 256; m <= 4096; m *= 2)
                    csv << m << ',' << n << ',' << k << ',' << time_us(m, n, k) << '\n';
            }
        }
        std::ofstream(folder_ / "own.yaml")
            << "name: own\ntitle: own GEMMs\nsource: made for this test\nfile: own.csv\n"
               "gpu: a100-sxm4-80gb\nlibrary: cublas\ntime: us * 1e-6\nsplit: [n, k]\n"
               "rows:\n  - group: gemm bf16\n    cache: {state: cold}\n    kernels:\n"
               "      - gemm: {type: bf16, m: m, n: n, k: k}\n";
        std::ofstream(folder_ / "plan.yaml")
            << "gpu: a100-sxm4-80gb\nblocks:\n  - library: cublas\n    data: [" << (folder_ / "own.yaml").string()
            << "]\n    parameters: [gemm.prologue_cycles, attention.flash2.exposed]\n";
    }
    ~OwnMeasurements() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    OwnMeasurements(const OwnMeasurements&) = delete;
    OwnMeasurements& operator=(const OwnMeasurements&) = delete;
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::ostringstream text;
        text << std::ifstream(folder_ / name).rdbuf();
        return text.str();
    }

private:
    static double time_us(double m, double n, double k) {
        return 4 + 2 * m * n * k / 230e6 + 2 * (m * k + n * k + m * n) / 1.6e6;
    }

    fs::path folder_;
};

}  // namespace

TEST_CASE("fit reports what it fitted and refused, and writes the same file twice") {
    const OwnMeasurements own;
    const std::string arguments = "fit --plan " + own.path("plan.yaml") + " --date 2026-11-21 --output ";
    const Outcome outcome = cupola(arguments + own.path("first.yaml"));
    CAPTURE(outcome.output);
    CHECK(outcome.status == 0);
    CHECK(contains(outcome.output, "gemm.prologue_cycles"));
    CHECK(contains(outcome.output, "refused: no row depends on it"));
    CHECK(contains(outcome.output, "wrote " + own.path("first.yaml")));
    CHECK(cupola(arguments + own.path("second.yaml")).status == 0);
    CHECK(own.text("first.yaml").size() > 200);
    CHECK(own.text("first.yaml") == own.text("second.yaml"));
    const auto files = std::distance(fs::directory_iterator(fs::path(own.path("")).parent_path()), {});
    CHECK(files == 5);  // the three of the test and the two written; nothing half-written
}

TEST_CASE("fit --dry-run writes nothing, and --json is JSON") {
    const OwnMeasurements own;
    const Outcome outcome = cupola("fit --plan " + own.path("plan.yaml") + " --dry-run --json --output " +
                                   own.path("never.yaml") + " 2>/dev/null | head -c 1");
    CHECK(outcome.output == "{");
    CHECK_FALSE(fs::exists(own.path("never.yaml")));
}

TEST_CASE("fit says what it needs") {
    CHECK(cupola("fit").status == 2);
    CHECK(contains(cupola("fit").output, "neither --gpu nor --plan"));
    const Outcome day = cupola("fit --gpu t4 --dry-run --date today");
    CHECK(day.status == 2);
    CHECK(contains(day.output, "--date: found \"today\", expected a date such as 2026-11-21"));
    const Outcome unknown = cupola("fit --gpu a100-sxm4-80g");
    CHECK(unknown.status == 2);
    CHECK(contains(unknown.output, "did you mean \"a100-sxm4-80gb\"?"));
    CHECK(contains(cupola("fit --gpu t4 --data /no/such/place --dry-run").output, "no such file"));
}
