#include "cupola/lever/lever.hpp"

#include "cupola/lever/lever_value.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace cupola {
namespace {

/// A context whose workload shows the settings that it was made with.
LeverContext context_with(WorkloadSettings settings) {
    LeverContext context;
    context.workload_name = "any";
    context.settings = std::move(settings);
    context.expand = [](const std::string& name, const WorkloadSettings& values) {
        Workload workload;
        workload.name = name;
        for (const auto& [parameter, value] : values) {
            ParameterSetting setting;
            setting.name = parameter;
            setting.value = value;
            workload.parameters.push_back(setting);
        }
        return workload;
    };
    return context;
}

std::string message_of(const std::string& levers, const WorkloadSettings& settings = {}) {
    try {
        (void)apply_levers(context_with(settings), parse_levers(levers));
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

TEST_CASE("every lever says what it does, where it is from and where it holds, once") {
    std::set<std::string_view> names;
    for (const Lever& lever : all_levers()) {
        CAPTURE(lever.name);
        CHECK(names.insert(lever.name).second);
        CHECK_FALSE(lever.mechanism.empty());
        CHECK_FALSE(lever.source.empty());
        CHECK_FALSE(lever.validity.empty());
        CHECK_FALSE(lever.decides.empty());
        CHECK(static_cast<bool>(lever.apply));
    }
}

TEST_CASE("a list of levers is separated by semicolons") {
    const auto levers = parse_levers("steps=20;cuda-graphs");
    REQUIRE(levers.size() == 2);
    CHECK(levers[0].text() == "steps=20");
    CHECK(levers[1].text() == "cuda-graphs");
    CHECK(parse_levers("").empty());
}

TEST_CASE("levers act in any order") {
    for (const char* order : {"steps=20;cuda-graphs", "cuda-graphs;steps=20"}) {
        const Scenario scenario = apply_levers(context_with({{"batch", "2"}}), parse_levers(order));
        CHECK(scenario.stack.cuda_graphs);
        REQUIRE(scenario.workload.parameters.size() == 2);
        CHECK(scenario.workload.parameters[1].value == "20");
    }
}

TEST_CASE("what levers refuse, and how they say it") {
    struct Refusal {
        const char* levers;
        WorkloadSettings settings;
        const char* message;
    };
    const std::vector<Refusal> refusals{
        {"cuda-graph",
         {},
         "--lever: found \"cuda-graph\", expected a lever (cupola list levers); did you mean \"cuda-graphs\"?"},
        {"cuda-graphs=1",
         {},
         "--lever cuda-graphs: found \"1\", expected nothing behind the name; this lever is on or off"},
        {"steps", {}, "--lever steps: found no value, expected a whole number from 1 to 1000000"},
        {"steps=0", {}, "--lever steps: found \"0\", expected a whole number from 1 to 1000000"},
        {"steps=3x", {}, "--lever steps: found \"3x\", expected a whole number from 1 to 1000000"},
        {"steps=", {}, "--lever: found \"steps=\", expected NAME or NAME=VALUE; for example --lever cuda-graphs"},
        {"=3", {}, "--lever: found \"=3\", expected NAME or NAME=VALUE; for example --lever cuda-graphs"},
        {";", {}, "--lever: found \"\", expected NAME or NAME=VALUE; for example --lever cuda-graphs"},
        {"steps=3;steps=4",
         {},
         "--lever steps=4: found --lever steps=3 beside it, expected one of them: both decide the number of steps; "
         "leave one out"},
        {"steps=3",
         {{"steps", "4"}},
         "--lever steps: found steps=4 beside it, expected steps=3; leave out --set steps or the lever"},
    };
    for (const Refusal& refusal : refusals) {
        CAPTURE(refusal.levers);
        CHECK(message_of(refusal.levers, refusal.settings) == refusal.message);
    }
}

TEST_CASE("fields of a value") {
    const LeverValue value("--lever x", "exit:8,acceptance:0.5");
    value.allow_only({"exit", "acceptance", "draft"});
    CHECK(value.field("exit")->whole(1, 100) == 8);
    CHECK(value.field("acceptance")->number(0, 1) == 0.5);
    CHECK_FALSE(value.field("draft").has_value());
    CHECK_THROWS_AS((void)value.field("acceptance")->number(0.6, 1), InputError);
    for (const char* bad : {"exit", "exit:", "exit:1,exit:2", "exit:1,,draft:2", "depth:1", ":1"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(LeverValue("--lever x", bad).allow_only({"exit", "draft"}), InputError);
    }
    for (const char* bad : {"nan", "inf", "1e400", "0x1", " 1", "1 "}) {
        CAPTURE(bad);
        CHECK_THROWS_AS((void)LeverValue("--lever x", bad).number(-1e9, 1e9), InputError);
    }
}

}  // namespace
}  // namespace cupola
