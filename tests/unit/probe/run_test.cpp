#include "probe/host/run.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "probe/host/error.hpp"
#include "probe/host/row.hpp"

using namespace cupola::probe;

namespace {

// A worker in shell: answers each kind of case in its own way.
const char* const fake_worker = R"(
echo ready >&4
while read -r kind rest <&3; do
  case "$kind $rest" in
    *mode=graph*) sleep 100 ;;
    *mode=host*)  kill -9 $$ ;;
    *mode=sync*)  exit 3 ;;
    pair*)        echo "row $kind $rest,8,pair,failed$PADDING" >&4
                  echo "broken" >&4
                  exit 3 ;;
    facts*)       echo "done" >&4 ;;
    *)            echo "say working" >&4
                  echo "row $kind $rest,1,launch,ok$PADDING" >&4
                  echo "done" >&4 ;;
  esac
done
)";

struct Fixture {
    std::string path = std::filesystem::temp_directory_path() / ("run-" + std::to_string(::getpid()) + ".csv");
    std::vector<std::string> said;
    WorkerProcess::Say say = [this](const std::string& line) { said.push_back(line); };
    Fixture() { std::filesystem::remove(path); }
    ~Fixture() { std::filesystem::remove(path); }
};

/// A command that runs `script`, where $PADDING ends a row of four cells.
std::vector<std::string> shell(const std::string& script) {
    return {"/bin/sh", "-c", "PADDING=" + std::string(columns().size() - 4, ',') + "\n" + script};
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a worker that hangs, dies or stays silent costs its case, not the run") {
    WorkerProcess worker(shell(fake_worker));
    worker.start(10, say);
    const Plan plan = parse_plan(
        "launch mode=stream chain=1\nlaunch mode=graph\nlaunch mode=host\nlaunch mode=sync\nfacts\npair "
        "bytes=1Mi\nlaunch mode=stream "
        "chain=2\n",
        "p");
    Results results(path);
    const RunSummary summary = run_plan(plan, Options{}, results, measure_in(worker, 0.5, say), say);
    CHECK(summary.ok == 2);
    CHECK(summary.failed == 5);
    CHECK(summary.left == 0);
    Results again(path);
    CHECK(again.done(false).size() == 7);
    CHECK(again.done(true).size() == 2);
    std::string all;
    for (const std::string& line : said) all += line + "\n";
    CHECK(all.find("hung  (no answer within 0.5 s)") != std::string::npos);
    CHECK(all.find("failed  (killed by signal Killed)") != std::string::npos);
    CHECK(all.find("failed  (exit status 3)") != std::string::npos);
    CHECK(all.find("failed  (no row came back)") != std::string::npos);
    CHECK(all.find("working") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a worker without a GPU ends the run with its words") {
    WorkerProcess worker(shell("echo 'fatal no CUDA device' >&4"));
    CHECK_THROWS_WITH_AS(worker.start(10, say), "no CUDA device", FatalError);
    WorkerProcess dying(shell("exit 7"));
    CHECK_THROWS_WITH_AS(dying.start(10, say), "the worker could not start: exit status 7", FatalError);
    WorkerProcess silent(shell("sleep 100"));
    CHECK_THROWS_WITH_AS(silent.start(0.2, say), doctest::Contains("did not start within 0.2 s"), FatalError);
    WorkerProcess missing({"/no/such/program"});
    CHECK_THROWS_WITH_AS(missing.start(10, say), doctest::Contains("exit status 127"), FatalError);
}

TEST_CASE_FIXTURE(Fixture, "a second run measures only what is missing, within its section and budget") {
    const Plan plan = parse_plan("launch mode=sync\nlaunch mode=host\npair bytes=1Mi\nfacts\n", "p");
    const Measure measure = [](const Case& each) {
        Row row;
        row.set("case", each.text());
        row.set("status", "ok");
        return WorkerProcess::Answer{WorkerProcess::End::done, {row.csv()}, ""};
    };
    Options options;
    {
        Results results(path);
        options.section = 8;
        CHECK(run_plan(plan, options, results, measure, say).ok == 1);
    }
    options.section.reset();
    {
        Results results(path);
        CHECK(run_plan(plan, options, results, measure, say).ok == 3);
    }
    Results results(path);
    CHECK(run_plan(plan, options, results, measure, say).ok == 0);
    options.budget = 0.1;
    const Plan more = parse_plan("launch mode=graph\n", "p");
    CHECK(run_plan(more, options, results, measure, say).left == 1);
}

TEST_CASE("options are read, bad ones refused") {
    const Options options =
        parse_options({"--plan", "p.txt", "--budget", "8min", "--section", "5", "--retry", "--counters"});
    CHECK(options.plan == "p.txt");
    CHECK(options.budget == 480.0);
    CHECK(options.section == 5);
    CHECK(options.retry);
    CHECK(options.counters);
    CHECK(options.use_cupti);
    CHECK_FALSE(parse_options({"--no-cupti"}).use_cupti);
    CHECK(parse_options({"--compare", "a", "b"}).compare[1] == "b");
    CHECK_THROWS_WITH_AS(parse_options({"--budget", "8"}), doctest::Contains("expected a time"), FatalError);
    CHECK_THROWS_WITH_AS(parse_options({"--section", "9"}), doctest::Contains("from 1 to 8"), FatalError);
    CHECK_THROWS_WITH_AS(parse_options({"--out"}), doctest::Contains("needs a value"), FatalError);
    CHECK_THROWS_WITH_AS(parse_options({"--fast"}), doctest::Contains("unknown option --fast"), FatalError);
}
