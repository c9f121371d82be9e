#include "cupola/cost/parameter_table.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace cupola;

namespace {

constexpr Architecture architectures[] = {Architecture::volta,           Architecture::turing, Architecture::ampere,
                                          Architecture::ampere_consumer, Architecture::ada,    Architecture::hopper,
                                          Architecture::blackwell};

}  // namespace

TEST_CASE("every parameter that can be fitted is documented by its name") {
    std::ostringstream readme;
    readme << std::ifstream(CUPOLA_SOURCE_DIR "/simulator/cost/README.md").rdbuf();
    const std::string text = readme.str();
    REQUIRE(text.size() > 1000);
    for (const ParameterInfo& info : parameter_table()) {
        CAPTURE(info.name);
        CHECK(text.find("`" + std::string(info.name) + "`") != std::string::npos);
        CHECK(!info.meaning.empty());
    }
}

TEST_CASE("every default lies in its parameter's physical range") {
    for (const Architecture architecture : architectures) {
        CostParameters parameters = default_parameters(architecture);
        CAPTURE(name_of(architecture));
        for (const ParameterInfo& info : parameter_table()) {
            CAPTURE(info.name);
            CHECK(info.low < info.high);
            CHECK(info.of(parameters) >= info.low);
            CHECK(info.of(parameters) <= info.high);
        }
    }
}

TEST_CASE("a parameter is found by its name, and each is a number of its own") {
    CostParameters parameters = default_parameters(Architecture::ampere);
    std::set<const double*> places;
    for (const ParameterInfo& info : parameter_table()) {
        CHECK(find_parameter(info.name) == &info);
        CHECK(places.insert(&info.of(parameters)).second);
    }
    CHECK(find_parameter("gemm.colour") == nullptr);
}
