#include "cupola/workload/expression.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace cupola;

namespace {

/// a = 12, b = 5, half = 0.5, list = [10, 20, 30], mode = 'fast'
struct Scope {
    Names names;
    std::vector<Binding> variables;
    Scope() {
        define("a", Datum(std::int64_t{12}));
        define("b", Datum(std::int64_t{5}));
        define("half", Datum(0.5));
        define("list",
               Datum(std::vector<Datum>{Datum(std::int64_t{10}), Datum(std::int64_t{20}), Datum(std::int64_t{30})}));
        define("mode", Datum(std::string("fast")));
    }
    void define(const std::string& name, Datum value) { variables.push_back({names.intern(name), std::move(value)}); }
    std::string evaluate(const std::string& text) {
        return text_of(Expression::parse(text, {nullptr, 3, 10}, names).evaluate({variables, &names, nullptr}));
    }
    std::string error(const std::string& text) {
        try {
            return "no error: " + evaluate(text);
        } catch (const InputError& error) {
            return std::to_string(error.fault().where.column) + ": " + error.fault().found + " | " +
                   error.fault().expected + (error.fault().hint.empty() ? "" : " | " + error.fault().hint);
        }
    }
};

struct Row {
    std::string text, result;
};

}  // namespace

TEST_CASE("expressions evaluate with the usual precedence") {
    const std::vector<Row> rows{
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"10 - 4 - 3", "3"},
        {"-a + b", "-7"},
        {"a / 4", "3"},
        {"a / b", "2.4"},
        {"a // b", "2"},
        {"-a // b", "-3"},
        {"-a % b", "3"},
        {"a * half", "6"},
        {"a < b or b < a", "1"},
        {"not a == 12", "0"},
        {"a == 12 and b == 5", "1"},
        {"list[1]", "20"},
        {"list[len(list) - 1]", "30"},
        {"[1, [2, 3]][1][0]", "2"},
        {"1 .. 4", "[1, 2, 3, 4]"},
        {"0 .. a - 13", "[]"},
        {"reversed(1 .. 3)", "[3, 2, 1]"},
        {"min(a, b, 7)", "5"},
        {"max(list)", "30"},
        {"sum(list)", "60"},
        {"ceil_div(a, b)", "3"},
        {"ceil(2.1)", "3"},
        {"floor(2.9)", "2"},
        {"choose(mode == 'fast', a, b)", "12"},
        {"mode != 'slow'", "1"},
        {"true", "1"},
        {"none", "none"},
        {"a*b+list[0]", "70"},
        {"12 == 12.0", "1"},
    };
    Scope scope;
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(scope.evaluate(row.text) == row.result);
    }
}

TEST_CASE("a wrong expression is refused at its column with what would be right") {
    const std::vector<Row> rows{
        {"a +", "13: the end | a value"},
        {"a b", "12: \"b\" | an operator or the end of the expression"},
        {"(a", "12: the end | \")\""},
        {"list[3]", "14: index 3 in \"list[3]\" | 0 to 2 for the list [10, 20, 30]"},
        {"list[half]", "14: index 0.5 in \"list[half]\" | a whole number"},
        {"a[0]", "11: 12[…] in \"a[0]\" | a list before \"[\""},
        {"a / 0", "12: a division by zero in \"a / 0\" | another divisor"},
        {"a % (b - 5)", "12: a division by zero in \"a % (b - 5)\" | another divisor"},
        {"mode + 1", "15: 'fast' in \"mode + 1\" | a number"},
        {"mod == 1", "10: \"mod\" in \"mod == 1\" | a variable that is defined here | did you mean \"mode\"?"},
        {"9223372036854775807 + 1",
         "30: 9223372036854775807 and 1 in \"9223372036854775807 + 1\" | a result below 2^63"},
        {"99999999999999999999", "10: 99999999999999999999 | a number below 2^63"},
        {"'open", "10: a text without its closing quote | 'text'"},
        {"maxx(1)", "10: \"maxx\" | a function | did you mean \"max\"?"},
        {"ceil_div(1)", "10: 1 arguments of ceil_div | ceil_div(a, b)"},
        {"size(height)", "10: a question about a tensor in \"size(height)\" | an expression without one here"},
        {"0 .. 9999999", "14: 0 .. 9999999 in \"0 .. 9999999\" | at most a million numbers"},
        {"a & b", "12: \"& b\" | an operator or the end of the expression"},
        {"", "10: the end | a value"},
    };
    Scope scope;
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(scope.error(row.text) == row.result);
    }
}

TEST_CASE("nesting without end is refused, not followed") {
    Scope scope;
    CHECK(scope.error(std::string(500, '(')).find("deeper nesting than 100") != std::string::npos);
    CHECK(scope.error(std::string(500, '-') + "1").find("deeper nesting than 100") != std::string::npos);
    CHECK(scope.error(std::string(3000, '1')).find("at most 2000") != std::string::npos);
}

TEST_CASE("an expression knows the names it speaks of") {
    Names names;
    const Expression expression = Expression::parse("a + list[step]", {}, names);
    CHECK(expression.mentions(names.intern("step")));
    CHECK_FALSE(expression.mentions(names.intern("b")));
    CHECK(expression.single_name() == nullptr);
    const Expression single = Expression::parse(" gelu ", {}, names);
    REQUIRE(single.single_name() != nullptr);
    CHECK(names.text(*single.single_name()) == "gelu");
}
