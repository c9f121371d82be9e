#include "run_command.hpp"

#include <unistd.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

const std::string example = std::string(CUPOLA_SOURCE_DIR) + "/examples/my-measurements/gemm-a100.yaml";

std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// A directory for one test, with two adapters of a table of three rows, of which two are good.
struct Workspace {
    fs::path path = fs::temp_directory_path() / ("cupola-validate-test-" + std::to_string(::getpid()));
    Workspace() {
        fs::remove_all(path);
        fs::create_directories(path / "adapters");
        fs::create_directories(path / "data");
        for (const std::string name : {"one", "two"}) {
            std::ofstream(path / "adapters" / (name + ".yaml"))
                << "name: " << name << "\ntitle: t\nsource: s\nfile: rows.csv\ngpu: t4\nlibrary: l\ntime: us * 1e-6\n"
                << "split: [n]\nrows:\n  - group: \"a, b\"\n    cache: {state: cold}\n    kernels: [{gemm: {type: "
                   "fp16, "
                << "m: n, n: n, k: n}}]\n";
        }
        // FNV-1a of "256" and of "512" mod 4 is not 0: rows to train on
        std::ofstream(path / "data" / "rows.csv") << "n,us\n256,30\nx,1\n512,60\n";
    }
    ~Workspace() { fs::remove_all(path); }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
};

}  // namespace

TEST_CASE("validate reports errors by group and split, and fails outside the tolerance") {
    const Outcome wide = cupola("validate --ops " + example + " --tolerance 10,10");
    CAPTURE(wide.output);
    CHECK(wide.status == 0);
    for (const std::string part : {"my-gemm-a100", "gemm bf16", "test", "train", "MAPE", "bias", "by size",
                                   "0.1 to 1 ms", "Worst rows", "m=16 n=4096 k=2048"}) {
        CAPTURE(part);
        CHECK(contains(wide.output, part));
    }
    const Outcome narrow = cupola("validate --ops " + example + " --tolerance 0.0001");
    CHECK(narrow.status == 1);
    CHECK(contains(narrow.output, "OUTSIDE"));
    CHECK(contains(cupola("validate --ops " + example + " --defaults").output, "defaults of ampere"));
}

TEST_CASE("validate prints JSON whose groups are fractions") {
    const Outcome outcome = cupola("validate --json --ops " + example + " --tolerance 10");
    CHECK(outcome.status == 0);
    for (const std::string key : {"groups", "name", "split", "rows", "mape", "median", "p90", "bias", "worst",
                                  "datasets", "breakdown", "skipped", "within_tolerance"}) {
        CAPTURE(key);
        CHECK(contains(outcome.output, "\"" + key + "\": "));
    }
    CHECK(contains(outcome.output, "\"split\": \"test\""));
}

TEST_CASE("validate takes several adapters, a directory of them, and writes every row to a file") {
    const Workspace space;
    const std::string data = " --data " + (space.path / "data").string();
    const std::string adapters = (space.path / "adapters").string();
    const std::string rows = (space.path / "rows.csv").string();
    for (const std::string& given : {"--ops " + adapters, "--ops " + adapters + "/one.yaml " + adapters + "/two.yaml",
                                     "--ops " + adapters + "/one.yaml --ops " + adapters + "/two.yaml"}) {
        CAPTURE(given);
        const Outcome outcome = cupola("validate " + given + data + " --csv " + rows);
        CAPTURE(outcome.output);
        CHECK(outcome.status == 0);
        CHECK(contains(outcome.output, "1 row from line 3"));
        const std::string table = read(rows);
        CHECK(std::count(table.begin(), table.end(), '\n') == 5);
        CHECK(contains(table, "\none,2,\"a, b\",train,n=256,t4,gemm,fp16,256,3e-05,"));
        CHECK(contains(table, "\ntwo,4,\"a, b\",train,n=512,"));
    }
}

TEST_CASE("mistakes in what validate is given are errors of status 2 that name the fix") {
    const Workspace space;
    const std::string adapter = (space.path / "adapters" / "one.yaml").string();
    struct Mistake {
        std::string arguments, message;
    };
    for (const Mistake& mistake : {
             Mistake{"", "for example --ops validation/datasets"},
             {"--ops " + adapter + " --data " + space.path.string(), "--data is the directory that holds \"rows.csv\""},
             {"--ops " + adapter + " --tolerance 7%", "for example --tolerance 0.07,0.03"},
             {"--ops " + adapter + " --tolerance 0.1,", "--tolerance"},
             {"--ops " + (space.path / "data").string(), "without a .yaml file"},
             {"--ops /no/such/file.yaml", "/no/such/file.yaml"},
             {"--ops " + example + " --csv /no/such/rows.csv", "--csv: found /no/such/rows.csv"},
             {"--ops no-such-dataset", "no data set named \"no-such-dataset\""},
         }) {
        CAPTURE(mistake.arguments);
        const Outcome outcome = cupola("validate " + mistake.arguments);
        CAPTURE(outcome.output);
        CHECK(outcome.status == 2);
        CHECK(contains(outcome.output, mistake.message));
    }
}
