#include "probe/host/plan.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "probe/host/builtin_plan.hpp"

using namespace cupola::probe;

TEST_CASE("a line is read with its defaults, in canonical order") {
    const Plan plan = parse_plan("  gemm  k=64 type=fp16 m=4Ki n=128 priority=2   # a comment\n\n# nothing\n", "p");
    REQUIRE(plan.problems.empty());
    REQUIRE(plan.cases.size() == 1);
    const Case& gemm = plan.cases.front();
    CHECK(gemm.text() == "gemm type=fp16 batch=1 m=4096 n=128 k=64 epilogue=none data=random cache=cold");
    CHECK(gemm.priority() == 2);
    CHECK(gemm.integer("m") == 4096);
    CHECK(gemm.word("cache") == "cold");
    CHECK(gemm.has("epilogue"));
    CHECK_FALSE(gemm.has("heads"));
    CHECK_THROWS_AS((void)gemm.word("heads"), std::out_of_range);
}

TEST_CASE("canonical text reads back as itself") {
    const Plan plan = parse_plan(builtin_plan(), "built-in");
    for (const Case& each : plan.cases) {
        const Plan again = parse_plan(each.text(), "again");
        REQUIRE(again.cases.size() == 1);
        CHECK(again.cases.front().text() == each.text());
    }
}

TEST_CASE("a repeated case counts once, at its highest priority") {
    const Plan plan = parse_plan("launch mode=graph\nfacts\nlaunch mode=graph chain=256 priority=1\n", "p");
    REQUIRE(plan.cases.size() == 2);
    CHECK(plan.cases[0].priority() == 1);
    CHECK(plan.cases[1].text() == "facts");
}

TEST_CASE("a bad line is reported with its place and left out") {
    struct Bad {
        const char* line;
        const char* problem;
    };
    const Bad table[] = {
        {"gem m=1", "p:2:1: unknown kind \"gem\"; known: facts, launch, "},
        {"gemm type=fp16 m=1 n=1", "p:2:1: gemm needs k="},
        {"gemm type=fp12 m=1 n=1 k=1", "p:2:11: type: found \"fp12\", expected one of fp16, bf16, "},
        {"gemm type=fp16 m=0 n=1 k=1", "p:2:18: m: found \"0\", expected a whole number from 1 to "},
        {"gemm type=fp16 m=-1 n=1 k=1", "p:2:18: m: found \"-1\""},
        {"gemm type=fp16 m=1e3 n=1 k=1", "p:2:18: m: found \"1e3\""},
        {"gemm type=fp16 m= n=1 k=1", "p:2:18: m: found \"\""},
        {"gemm type=fp16 m=99999999999999999999 n=1 k=1", "p:2:18: m: found"},
        {"gemm type=fp16 m=9999999999999999Gi n=1 k=1", "p:2:18: m: found"},
        {"gemm type=fp16 m=1 n=1 k=1 m=2", "p:2:28: m is given twice"},
        {"gemm type=fp16 m=1 n=1 k=1 q=2", "p:2:28: gemm has no field \"q\"; it has: type, batch, "},
        {"gemm type=fp16 m=1 n=1 k=1 fast", "p:2:28: expected name=value, found fast"},
        {"launch mode=graph priority=0", "p:2:28: priority: found \"0\", expected 1 (first) to 9 (last)"},
        {"sustained type=fp16 m=1 n=1 k=1 seconds=nan", "p:2:41: seconds: found \"nan\""},
        {"\tstream op=copy bytes=1Ti", "p:2:23: bytes: found \"1Ti\""},
        {"\x01\x02", "p:2:1: unknown kind \"  \""},
        {"gemm type=fp16 m=1 n=1 k=1 count=0", "p:2:34: count: found \"0\", expected a number above 0"},
        {"gemm type=fp16 m=1 n=1 k=1 count=nan", "p:2:34: count: found \"nan\""},
        {"gemm type=fp16 m=1 n=1 k=1 id=0", "p:2:31: id: found \"0\", expected a whole number above 0"},
        {"replay mode=graph name=a order=1,2", "p:2:1: order: no line of the plan that can be launched has id=1"},
        {"replay mode=graph name=a order=", "p:2:32: order: found \"\", expected ids of other lines such as 1,2,5-9"},
        {"replay mode=graph name=a order=3-1", "p:2:32: order: found \"3-1\""},
        {"replay mode=graph name=a order=1-200000,1", "p:2:32: order: found"},
        {"replay mode=graph name=a order=1-99999999999999999999", "p:2:32: order: found"},
        {"replay mode=graph name=a;b order=1", "p:2:24: name: found \"a;b\", expected 1 to 100 letters, digits and"},
    };
    for (const Bad& bad : table) {
        CAPTURE(bad.line);
        const Plan plan = parse_plan(std::string("facts\n") + bad.line + "\r\nlaunch mode=sync\n", "p");
        REQUIRE(plan.problems.size() == 1);
        CHECK(plan.problems.front().substr(0, std::string(bad.problem).size()) == bad.problem);
        CHECK(plan.cases.size() == 2);  // the rest of the plan stays
    }
}

TEST_CASE("counts and ids are read; equal cases of different counts are different") {
    const Plan plan =
        parse_plan("gemm type=fp16 m=1 n=1 k=1 count=2.5 id=7\ngemm type=fp16 m=1 n=1 k=1\nfacts id=7\n", "p");
    REQUIRE(plan.problems.empty());
    REQUIRE(plan.cases.size() == 3);
    CHECK(plan.cases[0].count() == 2.5);
    CHECK(plan.cases[0].id() == 7);
    CHECK(plan.cases[0].text() == plan.cases[1].text() + " count=2.5");
}

TEST_CASE("a replay launches the lines that its order names, and travels with them") {
    const Plan plan = parse_plan(
        "replay mode=stream name=net/pass order=2,1-2,2\n"
        "gemm type=fp16 m=1 n=1 k=1 id=1\nstream op=copy bytes=1Mi id=2\nlaunch mode=sync id=3\n",
        "p");
    REQUIRE(plan.problems.empty());
    const Launches* launches = plan.cases.front().launches();
    REQUIRE(launches != nullptr);
    REQUIRE(launches->cases.size() == 2);
    CHECK(launches->cases[0].kind().name == "stream");
    CHECK(launches->order == std::vector<std::uint32_t>{0, 1, 0, 0});
    CHECK(plan.cases[1].launches() == nullptr);
    const Plan request = parse_request(plan.cases.front().request());
    REQUIRE(request.cases.size() == 1);
    CHECK(request.cases.front().text() == plan.cases.front().text());
    CHECK(request.cases.front().launches()->order == launches->order);
    CHECK(parse_request("replay mode=stream name=a order=1").cases.empty());
    CHECK(parse_request("").cases.empty());
}

TEST_CASE("bad replays are left out, the lines around them stay") {
    const Plan plan = parse_plan(
        "gemm type=fp16 m=1 n=1 k=1 id=1\ngemm type=fp16 m=2 n=1 k=1 id=1\n"
        "replay mode=stream name=a order=1\nreplay mode=stream name=b order=1,9\nfacts\nlaunch mode=sync id=4\n"
        "replay mode=graph name=c order=4\n",
        "p");
    CHECK(plan.cases.size() == 4);
    REQUIRE(plan.problems.size() == 3);
    CHECK(plan.problems[0] == "p:2:1: id=1 is that of an earlier line");
    CHECK(plan.problems[1] == "p:7:1: order: no line of the plan that can be launched has id=4");
    CHECK(plan.problems[2] == "p:4:1: order: no line of the plan that can be launched has id=9");
}

TEST_CASE("the small plan has every kind") {
    std::ifstream file(std::string(CUPOLA_SOURCE_DIR) + "/calibration/probe/small_plan.txt");
    const Plan plan = parse_plan(std::string(std::istreambuf_iterator<char>(file), {}), "small_plan.txt");
    CHECK(plan.problems.empty());
    std::set<std::string_view> names;
    for (const Case& each : plan.cases) names.insert(each.kind().name);
    CHECK(names.size() == kinds().size());
}

TEST_CASE("the built-in plan is sound, covers every section, and puts half-precision memory and convolution first") {
    const Plan plan = parse_plan(builtin_plan(), "built-in");
    CHECK(plan.problems.empty());
    CHECK(plan.cases.size() > 600);
    int sections[9] = {};
    for (const Case& each : plan.cases) {
        ++sections[each.kind().section];
        if (each.priority() == 1) {
            const int section = each.kind().section;
            CHECK((section == 1 || section == 5 || section == 7));
        }
    }
    for (int section = 1; section <= 8; ++section) CHECK(sections[section] > 0);
}
