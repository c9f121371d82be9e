#include "cupola/lever/lever.hpp"

#include "cupola/lever/lever_value.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace cupola {
namespace {

/// A context whose workload has the parameters `steps` and `batch`, and shows the settings that it was made with.
LeverContext context_with(WorkloadSettings settings) {
    LeverContext context;
    context.workload_name = "any";
    context.settings = std::move(settings);
    context.expand = [](const std::string& name, const WorkloadSettings& values) {
        Workload workload;
        workload.name = name;
        for (const char* parameter : {"steps", "batch"}) {
            ParameterSetting setting;
            setting.name = parameter;
            for (const auto& [set, value] : values) {
                if (set == parameter) setting.value = value;
            }
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
        CHECK(scenario.workload.parameters[0].value == "20");
        CHECK(scenario.workload.parameters[1].value == "2");
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
        {"dtype=fp16", {}, "--lever dtype: found any, expected a model with a parameter dtype; known: steps, batch"},
        {"dtype", {}, "--lever dtype: found no value, expected one of fp32, tf32, fp16, bf16"},
        {"steps=3",
         {{"steps", "4"}},
         "--lever steps: found steps=4 beside it, expected steps=3; leave out --set steps or the lever"},
    };
    for (const Refusal& refusal : refusals) {
        CAPTURE(refusal.levers);
        CHECK(message_of(refusal.levers, refusal.settings) == refusal.message);
    }
}

TEST_CASE("levers of parameters set the one that they are called after, and no other") {
    for (const auto& [lever, index] : {std::pair{"steps", 0U}, std::pair{"batch", 1U}}) {
        CAPTURE(lever);
        const Scenario scenario = apply_levers(context_with({}), parse_levers(std::string(lever) + "=3"));
        CHECK(scenario.workload.parameters[index].value == "3");
        CHECK(scenario.workload.parameters[1 - index].value.empty());
    }
}

TEST_CASE("levers that decide the same contradict in either order, and no others do") {
    const std::vector<std::vector<std::string>> expected{
        {"vae-tiling", "vae-slicing"},
        {"layerskip", "speculative", "early-exit"},
        {"deepcache", "step-cache", "teacache", "first-block-cache"},
        {"static-kv", "dynamic-kv"},
        {"sage-attention", "attention"},
        {"int8-dynamic", "smoothquant", "int8-weight", "int4-weight", "fp8", "fp8-block", "fp8-weight", "nvfp4"},
        {"window", "block-sparse"},
    };
    const auto contradict = [&](std::string_view a, std::string_view b) {
        return a == b || std::any_of(expected.begin(), expected.end(), [&](const auto& group) {
                   return std::find(group.begin(), group.end(), a) != group.end() &&
                          std::find(group.begin(), group.end(), b) != group.end();
               });
    };
    for (const Lever& first : all_levers()) {
        for (const Lever& second : all_levers()) {
            const std::string a(first.name), b(second.name);
            CAPTURE(a);
            CAPTURE(b);
            const std::string message = message_of(a + ";" + b);
            const std::string refused = "--lever " + b + ": found --lever " + a +
                                        " beside it, expected one of them: both decide the " +
                                        std::string(first.decides) + "; leave one out";
            CHECK((message == refused) == contradict(a, b));
        }
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
