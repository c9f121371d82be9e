#include "cupola/validation/dataset.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace cupola::validation;

TEST_CASE("FNV-1a gives the published test vectors") {
    // Landon Curt Noll, test_fnv.c of the reference distribution: fnv1a_64 of strings without their final NUL
    struct Row {
        std::string text;
        std::uint64_t hash;
    };
    const Row rows[] = {{"", 0xcbf29ce484222325U},       {"a", 0xaf63dc4c8601ec8cU},
                        {"b", 0xaf63df4c8601f1a5U},      {"foo", 0xdcb27518fed9d577U},
                        {"foobar", 0x85944171f73967e8U}, {"chongo was here!\n", 0x46810940eff5f915U}};
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(fnv1a(row.text) == row.hash);
    }
}

TEST_CASE("a quarter of shapes are test rows, always the same") {
    CHECK(is_test("foobar"));  // …e8 is a multiple of 4
    CHECK_FALSE(is_test("b"));
    int test = 0;
    for (int n = 0; n < 4000; ++n) test += is_test(std::to_string(32 * n) + ",4096") ? 1 : 0;
    CHECK(test > 900);
    CHECK(test < 1100);
}
