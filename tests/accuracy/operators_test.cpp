// Measured operators against predictions, test rows: what each adapter states as its tolerance holds, and the 80 %
// interval holds what it says. Skipped without the reference data; `cupola validate --ops validation/datasets` prints
// the same figures.
#include "reference_list.hpp"

#include <unistd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

using namespace cupola::accuracy;

namespace {

/// All data sets compared; empty without the reference data.
nlohmann::json all_comparisons() {
    const auto directory = reference_directory();
    if (!directory) {
        MESSAGE("skipped: no reference data");
        return {};
    }
    const std::string output =
        std::filesystem::temp_directory_path() / ("cupola-operators-" + std::to_string(::getpid()) + ".json");
    const std::string command = "CUPOLA_DATA='" CUPOLA_SOURCE_DIR "' '" CUPOLA_COMMAND "' validate --json --ops '" +
                                std::string(CUPOLA_SOURCE_DIR) + "/validation/datasets' --data '" + *directory +
                                "/data" + "' > '" + output + "'";
    (void)std::system(command.c_str());  // 1 outside a tolerance, which the cases below find by themselves
    nlohmann::json comparison = nlohmann::json::parse(std::ifstream(output));
    std::filesystem::remove(output);
    return comparison;
}

}  // namespace

TEST_CASE("errors on rows never fitted to are within the tolerance of each data set") {
    const nlohmann::json comparison = all_comparisons();
    if (comparison.is_null()) return;
    std::size_t judged = 0;
    for (const nlohmann::json& group : comparison.at("groups")) {
        if (group.at("split") != "test" || group.at("within_tolerance").is_null()) continue;
        ++judged;
        CAPTURE(group.dump());
        CHECK(group.at("within_tolerance").get<bool>());
    }
    CHECK(judged >= 35);
}

TEST_CASE("the 80 % interval holds 72 to 88 % of the measurements of each kind") {
    const nlohmann::json comparison = all_comparisons();
    if (comparison.is_null()) return;
    struct Sum {
        double rows = 0, inside = 0;
    };
    std::map<std::string, Sum> kinds;
    for (const nlohmann::json& set : comparison.at("datasets")) {
        for (const nlohmann::json& group : set.at("breakdown").at("kind")) {
            if (group.at("split") != "test") continue;
            Sum& sum = kinds[group.at("name").get<std::string>()];
            sum.rows += group.at("rows").get<double>();
            sum.inside += group.at("rows").get<double>() * group.at("coverage").get<double>();
        }
    }
    for (const auto& [kind, sum] : kinds) {
        if (sum.rows < 200) continue;
        CAPTURE(kind);
        CAPTURE(sum.rows);
        const double coverage = sum.inside / sum.rows;
        MESSAGE(kind << ": " << 100 * coverage << " % of " << sum.rows << " test rows");
        CHECK(coverage >= 0.72);
        CHECK(coverage <= 0.88);
    }
}
