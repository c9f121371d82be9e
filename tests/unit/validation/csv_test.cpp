#include "cupola/validation/csv.hpp"

#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::validation;

namespace {

std::vector<std::string> cells(const CsvTable& table, std::size_t row) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < table.columns().size(); ++i) cells.emplace_back(table.cell(row, i));
    return cells;
}

std::string error_of(const std::string& text) {
    try {
        (void)parse_csv(text, "t.csv");
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

using Cells = std::vector<std::string>;

}  // namespace

TEST_CASE("cells, quoted or not") {
    struct Row {
        std::string line;
        Cells cells;
    };
    const std::vector<Row> rows{
        {"1,2", {"1", "2"}},
        {" 1 , two words ", {"1", "two words"}},
        {",", {"", ""}},
        {"\"a,b\",\"\"", {"a,b", ""}},
        {"\"say \"\"so\"\"\",x", {"say \"so\"", "x"}},
        {"\" kept \",x", {" kept ", "x"}},
        {"\"two\nlines\",x", {"two\nlines", "x"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.line);
        for (const std::string end : {"\n", "\r\n", ""}) {
            const CsvTable table = parse_csv("a,b" + (end.empty() ? "\n" : end) + row.line + end, "t.csv");
            CHECK(table.columns() == Cells{"a", "b"});
            REQUIRE(table.row_count() == 1);
            CHECK(cells(table, 0) == row.cells);
            CHECK(table.malformed().empty());
        }
    }
}

TEST_CASE("rows know their line") {
    for (const std::string end : {"\n", "\r\n"}) {
        CAPTURE(end);
        const CsvTable table = parse_csv(
            "a,b" + end + end + "1,2" + end + "\"x" + end + "y\",3" + end + end + "4,5" + end + "6,7", "t.csv");
        REQUIRE(table.row_count() == 4);
        CHECK(table.line(0) == 3);
        CHECK(table.line(1) == 4);
        CHECK(table.line(2) == 7);
        CHECK(table.line(3) == 8);
    }
}

TEST_CASE("malformed rows are counted by reason and cost no other row") {
    const CsvTable table = parse_csv("a,b\n1,2\n3\n4,5,6\n7\n8,x\"y\n9,10\n\"p\"q,1\n11,12\n", "t.csv");
    REQUIRE(table.row_count() == 3);
    CHECK(cells(table, 0) == Cells{"1", "2"});
    CHECK(cells(table, 1) == Cells{"9", "10"});
    CHECK(cells(table, 2) == Cells{"11", "12"});
    CHECK(table.line(1) == 7);
    CHECK(table.line(2) == 9);
    REQUIRE(table.malformed().size() == 3);
    CHECK(table.malformed()[0].reason == "1 cell, expected 2 as in the header");
    CHECK(table.malformed()[0].rows == 2);
    CHECK(table.malformed()[0].first_line == 3);
    CHECK(table.malformed()[1].reason == "3 cells, expected 2 as in the header");
    CHECK(table.malformed()[2].rows == 2);
    CHECK(table.malformed()[2].first_line == 6);
}

TEST_CASE("a table that is none is refused") {
    CHECK(error_of("") == "t.csv: found an empty file, expected a line of column names and rows of cells");
    CHECK(error_of("\n\n").find("an empty file") != std::string::npos);
    CHECK(error_of("a,b,a\n").find("t.csv:1: found a second column \"a\"") == 0);
    CHECK(error_of("a,x\"\n").find("t.csv:1: found a quote inside a column's name") == 0);
    CHECK(error_of("a,b\n1,\"2\n3,4\n").find("t.csv:2: found a quote that is never closed") == 0);
}

TEST_CASE("a byte order mark is no part of the first name") {
    CHECK(parse_csv("\xEF\xBB\xBF"
                    "a\n1\n",
                    "t.csv")
              .columns() == Cells{"a"});
}

TEST_CASE("files: plain, gzip, cut off, missing") {
    const auto directory = std::filesystem::temp_directory_path();
    const std::string plain = (directory / "cupola-csv-test.csv").string();
    const std::string packed = plain + ".gz";
    std::string text = "a,b\n";
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i) + "," + std::to_string(i) + "\n";
    std::ofstream(plain, std::ios::binary) << text;
    gzFile file = gzopen(packed.c_str(), "wb");
    REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
    REQUIRE(gzclose(file) == Z_OK);
    for (const std::string& path : {plain, packed}) {
        const CsvTable table = read_csv(path);
        CHECK(table.row_count() == 20'000);
        CHECK(table.cell(19'999, 1) == "19999");
    }
    std::filesystem::resize_file(packed, std::filesystem::file_size(packed) / 2);
    CHECK_THROWS_WITH_AS((void)read_csv(packed), doctest::Contains("whole in gzip"), InputError);
    std::filesystem::remove(plain);
    std::filesystem::remove(packed);
    CHECK_THROWS_WITH_AS((void)read_csv(plain), doctest::Contains("No such file"), InputError);
    CHECK_THROWS_WITH_AS((void)read_csv(directory.string()), doctest::Contains("can be read"), InputError);
}
