#include "cupola/config/node.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::config;

namespace {

Node read(const std::string& text) { return read_yaml_text(text, "f"); }

std::string error_of(const std::string& text, const ReadLimits& limits = {}) {
    try {
        (void)read_yaml_text(text, "f", limits);
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

/// The message of what `use` throws on the value of key `x`.
template <typename Use>
std::string error_in(const std::string& value, Use use) {
    const Node node = read("x: " + value).at("x");
    try {
        (void)use(node);
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("values keep their kind, text, place and path") {
    const Node root = read("a: 1\nb:\n  - x\n  - {c: 'two words', d: }\n");
    CHECK(root.is_map());
    CHECK(root.key_path().empty());
    CHECK(root.at("a").text() == "1");
    const Node list = root.at("b");
    CHECK(list.is_sequence());
    CHECK(list.items().size() == 2);
    const Node c = list.items()[1].at("c");
    CHECK(c.text() == "two words");
    CHECK(c.quoted());
    CHECK(c.key_path() == "b[1].c");
    CHECK(c.position().text() == "f:4:9");
    CHECK(list.items()[1].at("d").is_null());
    CHECK(list.items()[1].at("d").key_path() == "b[1].d");
    CHECK(root.entries()[1].key == "b");
    CHECK(root.entries()[1].key_position.text() == "f:2:1");
}

TEST_CASE("a missing value stands where its key does") {
    CHECK(read("a:\n\n\nb: 1\n").at("a").position().text() == "f:1:1");
}

TEST_CASE("a value keeps its document alive") {
    const Node value = read("a: {b: kept}").at("a").at("b");
    CHECK(value.text() == "kept");
    CHECK(value.position().text() == "f:1:8");
}

TEST_CASE("an alias reads like what it points to") {
    const Node root = read("a: &shape {rows: 3}\nb: *shape\nc: [*shape, *shape]\n");
    CHECK(root.at("b").at("rows").integer(0, 9) == 3);
    CHECK(root.at("c").items()[1].at("rows").integer(0, 9) == 3);
    CHECK(root.at("c").items()[1].position().text() == "f:1:4");
}

TEST_CASE("integers are decimal, unquoted and in range") {
    const auto integer = [](const Node& node) { return node.integer(-5, 20); };
    CHECK(read("x: 20").at("x").integer(-5, 20) == 20);
    CHECK(read("x: -5").at("x").integer(-5, 20) == -5);
    CHECK(error_in("21", integer) == "f:1:4: x: found \"21\", expected an integer from -5 to 20");
    CHECK(error_in("010", integer) == "f:1:4: x: found \"010\", expected an integer from -5 to 20; write 10");
    CHECK(error_in("\"10\"", integer) ==
          "f:1:4: x: found \"10\" in quotes, expected an integer from -5 to 20; remove the quotes");
    for (const std::string& text : std::vector<std::string>{"0x10", "1.0", "1e1", "+1", "1_0", "ten",
                                                            "99999999999999999999", "[1]", "{}", "~", ".inf"}) {
        CAPTURE(text);
        CHECK(error_in(text, integer).find("expected an integer from -5 to 20") != std::string::npos);
    }
}

TEST_CASE("numbers are finite, unquoted and in range") {
    const auto number = [](const Node& node) { return node.number(0.0, 1.0); };
    CHECK(read("x: 0.25").at("x").number(0, 1) == 0.25);
    CHECK(read("x: 1e-3").at("x").number(0, 1) == 1e-3);
    CHECK(error_in("1.5", number) == "f:1:4: x: found \"1.5\", expected a number from 0 to 1");
    for (const std::string& text : std::vector<std::string>{".nan", ".inf", "nan", "inf", "1e999", "0x1", "00.5",
                                                            "'0.5'", "0,5", "0.5 s", "[]"}) {
        CAPTURE(text);
        CHECK(error_in(text, number).find("expected a number from 0 to 1") != std::string::npos);
    }
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(error_in(".inf", [&](const Node& node) { return node.number(0, infinity); }) ==
          "f:1:4: x: found \".inf\", expected a number of at least 0");
}

TEST_CASE("quantities need their unit and a value in range") {
    const auto bandwidth = [](const Node& node) { return node.quantity(BytesPerSecond(1e9), BytesPerSecond(1e13)); };
    CHECK(read("x: 3.35 TB/s").at("x").quantity(BytesPerSecond(0), BytesPerSecond(1e13)).value() == 3.35e12);
    CHECK(error_in("3350", bandwidth) ==
          "f:1:4: x: found \"3350\", expected a bandwidth such as 3.35 TB/s; add the unit");
    CHECK(error_in("3.35 TB", bandwidth) == "f:1:4: x: found \"3.35 TB\", expected a bandwidth such as 3.35 TB/s");
    CHECK(error_in("3.35 PB/s", bandwidth) == "f:1:4: x: found \"3.35 PB/s\", expected a value from 1 GB/s to 10 TB/s");
    CHECK(error_in("[1 GB/s]", bandwidth) == "f:1:4: x: found a list of 1, expected a bandwidth such as 3.35 TB/s");
}

TEST_CASE("booleans are true or false and nothing else") {
    const auto boolean = [](const Node& node) { return node.boolean(); };
    CHECK(read("x: true").at("x").boolean());
    CHECK_FALSE(read("x: false").at("x").boolean());
    for (const std::string& text : std::vector<std::string>{"yes", "on", "True", "1", "'true'", "~", "[]"}) {
        CAPTURE(text);
        CHECK(error_in(text, boolean).find("expected true or false") != std::string::npos);
    }
}

TEST_CASE("a choice refuses other names with a suggestion") {
    const std::vector<std::string> names{"volta", "ampere"};
    CHECK(read("x: ampere").at("x").one_of(names) == 1);
    CHECK(error_in("amper", [&](const Node& node) { return node.one_of(names); }) ==
          "f:1:4: x: found \"amper\", expected one of volta, ampere; did you mean \"ampere\"?");
    CHECK(error_in("q", [&](const Node& node) { return node.one_of(names); }) ==
          "f:1:4: x: found \"q\", expected one of volta, ampere");
}

TEST_CASE("maps refuse unknown and report missing keys") {
    const Node root = read("outer:\n  width: 3\n  hight: 4\n");
    CHECK_THROWS_WITH_AS(
        root.at("outer").allow_only({"width", "height"}),
        "f:3:3: outer: found the unknown key \"hight\", expected a known one; did you mean \"height\"?", InputError);
    CHECK_THROWS_WITH_AS((void)root.at("outer").at("height"),
                         "f:2:3: outer: found no key \"height\", expected height: and a value", InputError);
    CHECK_THROWS_WITH_AS((void)root.at("outer").at("width").at("x"), "f:2:10: outer.width: found \"3\", expected a map",
                         InputError);
    CHECK_FALSE(root.find("inner").has_value());
}

TEST_CASE("a text is quoted in messages on one line and cut where it is long") {
    CHECK(read("x: \"a\\nb\\ec\"").at("x").description() == "\"a b c\"");
    CHECK(read("x: " + std::string(100, 'a')).at("x").description() == "\"" + std::string(60, 'a') + "…\"");
    const std::string umlauts = read("x: aä" + std::string(57, 'a') + "öäü").at("x").description();
    CHECK(umlauts == "\"aä" + std::string(57, 'a') + "…\"");
}

TEST_CASE("YAML that says two things or nothing is refused") {
    struct Refusal {
        std::string text, message;
    };
    const std::vector<Refusal> table{
        {"", "f: found an empty file, expected a YAML document"},
        {"# only a comment\n", "f: found an empty file, expected a YAML document"},
        {"---\n", "f: found an empty file, expected a YAML document"},
        {"a: 1\na: 2\n", "f:2:1: a: found the key \"a\" again, expected each key once; first seen in line 1"},
        {"x: [{a: 1, a: 2}]",
         "f:1:12: x[0].a: found the key \"a\" again, expected each key once; first seen in line 1"},
        {"a: 1\n---\nb: 2\n",
         "f:2:1: found a second document, expected one document a file; remove the \"---\" or split the file"},
        {"[1]: 2\n", "f:1:1: found a list as a key, expected a plain name"},
        {"{a: 1}: 2\n",
         "f:1:1: found a map as a key, expected a plain name; a text that begins with \"{\" needs quotes"},
        {"~: 2\n", "f:1:1: found nothing (or null) as a key, expected a plain name"},
        {"\"\": 2\n", "f:1:1: found an empty key, expected a plain name"},
        {"a: &x 1\n*x : 2\n", "f:2:1: found an alias as a key, expected a plain name"},
        {"&x a: 1\n", "f:1:1: found an anchor on a key, expected a plain name; put the anchor before the value"},
        {"a: &x {b: 1}\nc: {<<: *x}\n",
         "f:2:5: c: found the merge key \"<<\", expected a plain name; merge keys are not read: write the keys out"},
        {"a: !!python/object:os.system 1\n",
         "f:1:4: a: found the tag \"tag:yaml.org,2002:python/object:os.system\", expected a value without a tag; "
         "remove the tag"},
        {"a: &x [*x]\n",
         "f:1:8: a[0]: found an alias to a value that contains it, expected an alias to a value above it that has "
         "ended"},
        {"a: *nowhere\n",
         "f:1:4: found broken YAML (the referenced anchor is not defined), expected well-formed YAML"}};
    for (const Refusal& row : table) {
        CAPTURE(row.text);
        CHECK(error_of(row.text) == row.message);
    }
}

TEST_CASE("broken YAML is refused with its place") {
    for (const std::string& text : std::vector<std::string>{
             "a: [1, 2\n", "a: \"open\n", "a: b: c\n", "a: 'x\n\nb: 2", "{", "}", "]", "a: 1\n]", "@", "- a\nb: 1\n",
             "a: 1\n  b: 2\n", "%YAML 9.9\n---\na: 1\n", "? ", "a: |x\n", "\"\\q\"", "*"}) {
        CAPTURE(text);
        CHECK(error_of(text) != "no error");
    }
    CHECK(error_of("a: \"open\n").find("close the quote") != std::string::npos);
    CHECK(error_of("a: 'open\n\nb: 2\n").find("close the quote") != std::string::npos);
    CHECK(error_of("a:\n\tb: 1\n").find("indent with spaces, not with tabs") != std::string::npos);
}

TEST_CASE("what is not text is refused") {
    using namespace std::string_literals;
    CHECK(error_of("a: 1\nb: \0"s) == "f:2:4: found the byte 0x00, expected a text file in UTF-8");
    CHECK(error_of("\x7f"
                   "ELF\x02") == "f:1:1: found the byte 0x7f, expected a text file in UTF-8");
    CHECK(error_of("a: \xff") == "f:1:4: found the byte 0xff, expected a text file in UTF-8");
    CHECK(error_of("a: \xc3") == "f:1:4: found the byte 0xc3, expected a text file in UTF-8");
    CHECK(read("\xef\xbb\xbf"
               "a: ä")
              .at("a")
              .text() == "ä");
}

TEST_CASE("a file beyond the limits is refused before it costs memory or stack") {
    const std::string deep = std::string(1000, '[') + std::string(1000, ']');
    CHECK(error_of("a: " + deep).find("found more than 64 levels of nesting") != std::string::npos);
    CHECK(error_of("a: " + std::string(1'000'000, '[')) != "no error");
    CHECK(error_of("a: " + std::string(1'000'000, '{')) != "no error");
    std::string blocks;
    for (int i = 0; i < 5000; ++i) blocks += "- ";
    CHECK(error_of(blocks + "x").find("found more than 64 levels of nesting") != std::string::npos);

    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string last = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
        for (int k = 1; k < 10; ++k) bomb += ", " + last;
        bomb += "]\n";
    }
    CHECK(error_of(bomb).find("found more than 500000 values") != std::string::npos);

    std::string chain = "a0: &a0 [x]\n";
    for (int i = 1; i < 100; ++i)
        chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
    CHECK(error_of(chain).find("found more than 64 levels of nesting") != std::string::npos);

    CHECK(error_of("a: " + std::string(100, 'x'), {50, 64, 100}) ==
          "f: found more than 50 bytes, expected a smaller file; split it");
    CHECK(error_of("[1, 2, 3, 4]", {100, 64, 4}) ==
          "f:1:11: [3]: found more than 4 values, expected a smaller file; aliases count as often as used");
    CHECK(error_of("[1, 2, 3]", {100, 64, 4}) == "no error");
    CHECK(error_of("[[1]]", {100, 3, 9}) == "no error");
    CHECK(error_of("[[[1]]]", {100, 3, 9}) != "no error");
}

TEST_CASE("repeated keys are found in large maps too") {
    std::string large;
    for (int i = 0; i < 5000; ++i) large += "k" + std::to_string(i) + ": 1\n";
    CHECK(error_of(large) == "no error");
    for (const int repeated : {0, 15, 16, 17, 4999}) {
        CAPTURE(repeated);
        const std::string key = "k" + std::to_string(repeated);
        CHECK(error_of(large + key + ": 2\n") == "f:5001:1: " + key + ": found the key \"" + key +
                                                     "\" again, expected each key once; first seen in line " +
                                                     std::to_string(repeated + 1));
    }
}

TEST_CASE("what cannot be opened is refused by its path") {
    CHECK_THROWS_WITH_AS((void)read_yaml_file("/nowhere/x.yaml"),
                         "/nowhere/x.yaml: found no readable file (No such file or directory), expected a YAML file",
                         InputError);
    CHECK_THROWS_WITH_AS((void)read_yaml_file("/tmp"), "/tmp: found a directory, expected a YAML file", InputError);
    CHECK_THROWS_WITH_AS((void)read_yaml_file("/dev/zero", {1000, 64, 100}),
                         "/dev/zero: found more than 1000 bytes, expected a smaller file; split it", InputError);
}
