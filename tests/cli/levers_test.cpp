#include "run_command.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using nlohmann::json;

/// A bar ends a cell of a Markdown table.
std::string cell(const std::string& text) {
    std::string escaped;
    for (const char character : text) escaped += character == '|' ? std::string("\\|") : std::string(1, character);
    return escaped;
}

TEST_CASE("the README's table of levers is what the program says of them") {
    std::ifstream file(std::string(CUPOLA_SOURCE_DIR) + "/README.md");
    const std::string readme{std::istreambuf_iterator<char>(file), {}};
    const Outcome outcome = cupola("list levers --json");
    REQUIRE(outcome.status == 0);
    const json levers = json::parse(outcome.output);
    CHECK(levers.size() > 20);
    for (const json& lever : levers) {
        std::string row = "| `" + lever["name"].get<std::string>() + "`";
        for (const char* key : {"value", "mechanism", "source", "validity"}) row += " | " + cell(lever[key]);
        CAPTURE(row);
        CHECK(contains(readme, row + " |\n"));
    }
}

TEST_CASE("list levers prints how each is used, its source and where it holds") {
    const Outcome outcome = cupola("list levers");
    CHECK(outcome.status == 0);
    for (const char* part : {"attention=math", "cuda-graphs", "Source: ", "Holds for: "})
        CHECK(contains(outcome.output, part));
}

}  // namespace
