#include "cupola/units/data_type.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace cupola;

TEST_CASE("every data type has a name that reads back") {
    const std::vector<DataType> types{DataType::fp32, DataType::tf32, DataType::fp16,  DataType::bf16, DataType::fp8,
                                      DataType::int8, DataType::int4, DataType::int32, DataType::int64};
    for (const DataType type : types) {
        const std::string name(name_of(type));
        CAPTURE(name);
        CHECK(parse_data_type(name) == type);
        CHECK(data_type_names().find(name) != std::string_view::npos);
        CHECK(bytes_per_element(type) > 0.0);
    }
    CHECK_FALSE(parse_data_type("float16").has_value());
    CHECK_FALSE(parse_data_type("").has_value());
}

TEST_CASE("an error message holds the parts that are known") {
    const auto file = std::make_shared<const std::string>("a.yaml");
    CHECK(std::string(InputError({{file, 3, 7}, "gpu.tdp", "\"x\"", "a power", "add W"}).what()) ==
          "a.yaml:3:7: gpu.tdp: found \"x\", expected a power; add W");
    CHECK(std::string(InputError({{file, 3, 7}, "", "a tab", "spaces", ""}).what()) ==
          "a.yaml:3:7: found a tab, expected spaces");
    CHECK(std::string(InputError({{file, 0, 0}, "", "nothing", "", ""}).what()) == "a.yaml: found nothing");
    CHECK(std::string(InputError({{file, 2, 0}, "", "", "a map", ""}).what()) == "a.yaml:2: expected a map");
    CHECK(std::string(InputError({{}, "--gpu", "\"h10\"", "a GPU", "did you mean \"h100\"?"}).what()) ==
          "--gpu: found \"h10\", expected a GPU; did you mean \"h100\"?");
    CHECK(std::string(InputError({{}, "", "", "", "give a file"}).what()) == "give a file");
}

TEST_CASE("a slip of the finger finds the name that was meant") {
    struct Slip {
        std::string typed, meant;
    };
    const std::vector<std::string> names{"sdxl",           "stable-diffusion-1.5", "llama-2-7b",
                                         "modelscope-t2v", "h100-sxm5-80gb",       "a10"};
    const std::vector<Slip> slips{{"sdlx", "sdxl"},                                  // swapped
                                  {"sdxxl", "sdxl"},                                 // doubled
                                  {"sxl", "sdxl"},                                   // left out
                                  {"SDXL", "sdxl"},                                  // case
                                  {"stable_diffusion_1.5", "stable-diffusion-1.5"},  // separator
                                  {"stable-difusion", "stable-diffusion-1.5"},
                                  {"h100", "h100-sxm5-80gb"},  // prefix
                                  {"h10", "h100-sxm5-80gb"},   // rather than one letter off
                                  {"llama-2-7b-chat", "llama-2-7b"}};
    for (const Slip& slip : slips) {
        CAPTURE(slip.typed);
        CHECK(closest_name(slip.typed, names).value_or("nothing") == slip.meant);
    }
}

TEST_CASE("what resembles nothing gets the list instead of a guess") {
    const std::vector<std::string> names{"conv", "linear"};
    CHECK_FALSE(closest_name("attention", names).has_value());
    CHECK_FALSE(closest_name("", names).has_value());
    CHECK_FALSE(closest_name("z", {"a"}).has_value());
    CHECK_FALSE(closest_name(std::string(100'000, 'c'), names).has_value());
    CHECK(suggestion("attention", names) == "known: conv, linear");
    CHECK(suggestion("liner", names) == "did you mean \"linear\"?");
    CHECK(suggestion("x", {}).empty());
}
