#include "probe/host/schedule.hpp"

#include <doctest/doctest.h>

using namespace cupola::probe;

namespace {

std::vector<Case> cases(const char* text) { return parse_plan(text, "p").cases; }

}  // namespace

TEST_CASE("times are read with their unit") {
    CHECK(to_seconds("90s") == 90.0);
    CHECK(to_seconds("8min") == 480.0);
    CHECK(to_seconds("1.5h") == 5400.0);
    for (const char* bad : {"", "8", "min", "8 min", "-8min", "1.2.3s", "8minutes"}) CHECK_FALSE(to_seconds(bad));
}

TEST_CASE("the most valuable case comes first, equal ones in the plan's order") {
    Schedule schedule(cases("launch mode=sync\nlaunch mode=graph priority=1\nlaunch mode=host\n"), {}, 100);
    CHECK(schedule.total() == 3);
    CHECK(schedule.next(0)->word("mode") == "graph");
    CHECK(schedule.next(1)->word("mode") == "sync");
    CHECK(schedule.next(2)->word("mode") == "host");
    CHECK_FALSE(schedule.next(3));
}

TEST_CASE("what is done is left out") {
    const auto all = cases("launch mode=sync\nfacts\n");
    Schedule schedule(all, {all[0].text()}, 100);
    CHECK(schedule.next(0)->text() == "facts");
    CHECK_FALSE(schedule.next(0));
}

TEST_CASE("a case that is not expected to fit the budget is not begun") {
    Schedule schedule(cases("launch mode=sync\nlaunch mode=graph\nlaunch mode=host\n"), {}, 10);
    const auto first = schedule.next(0);
    schedule.took(*first, 4);
    const auto second = schedule.next(4);
    REQUIRE(second);
    schedule.took(*second, 4);
    CHECK_FALSE(schedule.next(8));  // 4 s more would end at 12
    CHECK(schedule.handed_out() == 2);
}
