// `cupola validate --cases`: whole models beside measurements.
#include "run_command.hpp"

#include <unistd.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string example = std::string(CUPOLA_SOURCE_DIR) + "/examples/my-cases";
const std::string header = "id,workload,gpu,stack,set,levers,metric,value,unit,source,confidence\n";

/// A directory for one test.
struct Workspace {
    fs::path path = fs::temp_directory_path() / ("cupola-cases-test-" + std::to_string(::getpid()));
    Workspace() {
        fs::remove_all(path);
        fs::create_directories(path);
    }
    ~Workspace() { fs::remove_all(path); }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name, std::ios::binary) << text;
        return (path / name).string();
    }
};

json json_of(const std::string& file) {
    const Outcome outcome = cupola("validate --json --cases " + file);
    CAPTURE(outcome.output);
    REQUIRE(outcome.status == 0);
    return json::parse(outcome.output);
}

}  // namespace

TEST_CASE("a case is what predict says of its workload, GPU, stack, settings and levers") {
    const Workspace space;
    const std::string file = space.write(
        "one.csv", header +
                       "plain,llama-2-7b,t4,pytorch-eager-flash,tokens=32;dtype=fp16,,latency_s,2,s,me,high\n"
                       "graphs,llama-2-7b,t4,pytorch-eager-flash,dtype=fp16;tokens=32,cuda-graphs;batch=2,"
                       "peak_mem_gib,14,GiB,me,high\n");
    const json cases = json_of(file)["cases"];
    REQUIRE(cases.size() == 2);
    const std::string arguments =
        "predict llama-2-7b -g t4 -s pytorch-eager-flash --set tokens=32 --set dtype=fp16 --json";
    const json plain = json::parse(cupola(arguments).output);
    const json graphs = json::parse(cupola(arguments + " --lever cuda-graphs --lever batch=2").output);
    CHECK(cases[0]["id"] == "plain");
    CHECK(cases[0]["predicted"].get<double>() == doctest::Approx(plain["latency_s"].get<double>()).epsilon(1e-12));
    CHECK(cases[0]["measured"] == 2);
    CHECK(cases[0]["error"].get<double>() ==
          doctest::Approx(cases[0]["predicted"].get<double>() / 2 - 1).epsilon(1e-12));
    CHECK(cases[0]["bound"] == "gpu-bound");
    CHECK(cases[0]["limit"] == "dram");
    CHECK(cases[1]["predicted"].get<double>() ==
          doctest::Approx(graphs["peak_memory_bytes"].get<double>() / (1 << 30)).epsilon(1e-12));
}

TEST_CASE("the example of cases is compared whole, from its file and from its directory") {
    const json document = json_of(example + "/cases.csv");
    CHECK(document["skipped"].empty());
    CHECK(document["cases"].size() == 9);
    CHECK(document["groups"][0]["name"] == "all");
    CHECK(document["groups"][0]["rows"] == 9);
    for (const std::string key : {"mape", "median", "p90", "bias", "worst"}) {
        CHECK(document["groups"][0][key].is_number());
    }
    CHECK(json_of(example) == document);
}

TEST_CASE("cases are printed as groups, worst rows and skips, and fail outside the tolerance") {
    const Workspace space;
    const std::string file = space.write(
        "some.csv", header +
                        "good,dit-xl-2,t4,pytorch-compile,steps=2,,latency_s,1e-6,s,me,high\n"
                        "model,dit-xl-3,t4,pytorch-compile,,,latency_s,1,s,me,high\n"
                        "gpu,dit-xl-2,t5,pytorch-compile,,,latency_s,1,s,me,high\n"
                        "stack,dit-xl-2,t4,tensorflow,,,latency_s,1,s,me,high\n"
                        "set,dit-xl-2,t4,pytorch-compile,stepz=1,,latency_s,1,s,me,high\n"
                        "range,dit-xl-2,t4,pytorch-compile,steps=-1,,latency_s,1,s,me,high\n"
                        "lever,dit-xl-2,t4,pytorch-compile,,warp-speed,latency_s,1,s,me,high\n"
                        "unfit,dit-xl-2,t4,pytorch-compile,,\"layerskip=exit:2,draft:2,acceptance:1\",latency_s,1,s,,\n"
                        "metric,dit-xl-2,t4,pytorch-compile,,,tokens_per_s,1,tok/s,me,high\n"
                        "value,dit-xl-2,t4,pytorch-compile,,,latency_s,NaN,s,me,high\n"
                        "good,dit-xl-2,t4,pytorch-compile,,,latency_s,1,s,me,high\n"
                        "short,dit-xl-2\n");
    const Outcome outcome = cupola("validate --cases " + file + " --tolerance mape=0.25");
    CAPTURE(outcome.output);
    CHECK(outcome.status == 1);
    for (const std::string part :
         {"1 case compared, 11 rows skipped", "OUTSIDE", "MAPE", "gpu-bound", "Worst rows", "Skipped",
          "some.csv:3:7: found no workload named \"dit-xl-3\"", "some.csv:4:14: found no GPU named \"t5\"",
          "some.csv:5:19: found no stack named \"tensorflow\"", "some.csv:6:33: --set: found \"stepz\"",
          "some.csv:7:35: --set steps: found \"-1\"", "some.csv:8:36: --lever: found \"warp-speed\"",
          "some.csv:9:36: --lever layerskip", "some.csv:10:38: found tokens_per_s", "some.csv:11:47: found \"NaN\"",
          "some.csv:12:1: found a second \"good\"", "some.csv:13: found 2 cells, expected 11"}) {
        CAPTURE(part);
        CHECK(contains(outcome.output, part));
    }
    CHECK(cupola("validate --cases " + file).status == 0);
    const std::string none = space.write("none.csv", header + "a,b,c,d,,,latency_s,1,s,,\n");
    CHECK(cupola("validate --cases " + none).status == 0);
    CHECK(contains(cupola("validate --cases " + none).output, "Nothing compared, 1 row skipped"));
    const std::string same = space.write("same.csv", header + "a,dit-xl-2,t5,ideal,,,latency_s,1,s,,\n" +
                                                         "b,dit-xl-2,t5,ideal,,,latency_s,1,s,,\n" +
                                                         "c,flux.1-dev,t4,ideal,,,latency_s,1,s,,\n");
    const Outcome grouped = cupola("validate --cases " + same);
    CAPTURE(grouped.output);
    CHECK(contains(grouped.output, "(2 rows)"));
    CHECK(contains(grouped.output, "1 case beyond the GPU's memory: c"));
    CHECK(cupola("validate --cases " + none + " --tolerance 10").status == 1);
}

TEST_CASE("mistakes in what validate --cases is given are errors of status 2 that name the fix") {
    const Workspace space;
    const std::string good = space.write("good.csv", header);
    fs::create_directories(space.path / "empty");
    struct Mistake {
        std::string arguments, message;
    };
    for (const Mistake& mistake : {
             Mistake{"/no/such/cases.csv", "/no/such/cases.csv: found No such file"},
             {(space.path / "empty").string(), "without a .csv file"},
             {space.write("nothing.csv", ""), "nothing.csv: found an empty file"},
             {space.write("columns.csv", "id,workload,gpu,stack,metric\n"), "found no column \"value\""},
             {space.write("typo.csv", "id,workload,gpu,stack,metric,value,leverz\n"), "did you mean \"levers\"?"},
             {good + " --ops x.yaml", "--cases: found --ops beside it"},
             {good + " --csv rows.csv", "--csv: found --cases beside it"},
             {good + " --data .", "--data: found --cases beside it"},
             {good + " --tolerance mape", "--tolerance mape=0.07,bias=0.03"},
             {good + " --tolerance mape=0.1,mape=0.2", "--tolerance"},
             {good + " --tolerance bias=0.1,0.2,", "--tolerance"},
         }) {
        CAPTURE(mistake.arguments);
        const Outcome outcome = cupola("validate --cases " + mistake.arguments);
        CAPTURE(outcome.output);
        CHECK(outcome.status == 2);
        CHECK(contains(outcome.output, mistake.message));
        CHECK_FALSE(contains(outcome.output, "internal error"));
    }
}
