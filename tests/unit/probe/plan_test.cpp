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
    };
    for (const Bad& bad : table) {
        CAPTURE(bad.line);
        const Plan plan = parse_plan(std::string("facts\n") + bad.line + "\r\nlaunch mode=sync\n", "p");
        REQUIRE(plan.problems.size() == 1);
        CHECK(plan.problems.front().substr(0, std::string(bad.problem).size()) == bad.problem);
        CHECK(plan.cases.size() == 2);  // the rest of the plan stays
    }
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
