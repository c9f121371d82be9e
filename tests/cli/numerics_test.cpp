#include "run_command.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace {

using nlohmann::json;

const std::string small = "numerics --sequence 64,256 --head-dim 16 --queries 4 --trials 2 ";

TEST_CASE("numerics prints a table for each format and preset, the same every time") {
    const Outcome outcome = cupola(small + "--format bf16");
    CAPTURE(outcome.output);
    CHECK(outcome.status == 0);
    for (const std::string part : {"bf16, paper, queries outside", "bf16, flash, queries outside", "rescales", "W1",
                                   "4 queries of head dimension 16", "64x32", "tiled     fp32: accumulator scores"}) {
        CAPTURE(part);
        CHECK(contains(outcome.output, part));
    }
    CHECK(cupola(small + "--format bf16").output == outcome.output);
    CHECK(cupola(small + "--format bf16 --seed 2").output != outcome.output);
}

TEST_CASE("numerics as JSON has a row for each combination, with the precision of every step") {
    const Outcome outcome =
        cupola(small +
               "--json --format fp16,fp32 --preset flash --key-tile 16,32 --query-tile 16 --query-tile 32 "
               "--outer query,key --step sum=bf16");
    CAPTURE(outcome.output);
    REQUIRE(outcome.status == 0);
    const json document = json::parse(outcome.output);
    CHECK(document["queries"] == 4);
    REQUIRE(document["rows"].size() == 2 * 2 * 2 * 2 * 2);
    const json& row = document["rows"][0];
    CHECK(row["format"] == "fp16");
    CHECK(row["rescales"] == 3);
    CHECK(row["precision"]["tiled"]["sum"] == "bf16");
    CHECK(row["precision"]["tiled"]["scores"] == "fp32");
    CHECK(row["precision"]["baseline"]["scores"] == "fp16");
    for (const std::string key : {"baseline", "tiled", "apart"}) {
        for (const std::string measure : {"max", "relative_l2", "wasserstein"}) CHECK(row[key][measure] > 0);
    }
}

TEST_CASE("an overflow is a dash in the table and null in JSON") {
    const std::string overflowing = "numerics --format fp8 --preset paper --sequence 2048 --key-tile 1024 --trials 1";
    const Outcome text = cupola(overflowing);
    CHECK(text.status == 0);
    CHECK(contains(text.output, "-: an output was no finite number"));
    CHECK(json::parse(cupola(overflowing + " --json").output)["rows"][0]["tiled"]["max"].is_null());
}

TEST_CASE("mistakes in what numerics is given are errors of status 2 that name the fix") {
    struct Mistake {
        std::string arguments, message;
    };
    for (const Mistake& mistake : {
             Mistake{"--format bf61", "did you mean \"bf16\"?"},
             {"--preset papper", "did you mean \"paper\"?"},
             {"--outer keys", "did you mean \"key\"?"},
             {"--step sum", "for example --step sum=fp32"},
             {"--step sums=fp32", "did you mean \"sum\"?"},
             {"--step sum=fp23", "did you mean \"fp32\"?"},
             {"--sequence 0", "sequence: found 0, expected 1 to 1,048,576"},
             {"--sequence 12,x", "--sequence"},
             {"--sequence 99999999999999999999", "sequence: found"},
             {"--sequence -5", "sequence"},
             {"--key-tile 1e3", "--key-tile"},
             {"--head-dim 0", "head-dim: found 0"},
             {"--queries 4096 --trials 1000", "billion multiply-adds"},
             {"--seed -1", "seed: found -1"},
             {"--value-mean nan", "value-mean: found nan"},
             {"--value-mean inf", "value-mean: found inf"},
             {"--trials many", "--trials"},
         }) {
        CAPTURE(mistake.arguments);
        const Outcome outcome = cupola("numerics " + mistake.arguments);
        CAPTURE(outcome.output);
        CHECK(outcome.status == 2);
        CHECK(contains(outcome.output, mistake.message));
        CHECK_FALSE(contains(outcome.output, "internal error"));
    }
}

}  // namespace
