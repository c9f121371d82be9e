#include "cupola/validation/cases.hpp"

#include "cupola/validation/csv.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::validation;

namespace {

const std::string header = "id,workload,gpu,stack,set,levers,metric,value,unit,source,confidence\n";

CaseList list_of(const std::string& rows) { return parse_cases(header + rows, "f.csv"); }

std::string error_of(const std::string& text) {
    try {
        (void)parse_cases(text, "f.csv");
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a row becomes a case, its cells with their places") {
    const CaseList list = list_of(
        "E1,sdxl,t4,pytorch-compile, steps=30; batch = 2;,dtype=fp16;cuda-graphs,latency_s,"
        "3.31,s,\"a \"\"blog\"\", part 3\",high\n");
    CHECK(list.skipped.empty());
    REQUIRE(list.cases.size() == 1);
    const Case& read = list.cases.front();
    CHECK(read.id == "E1");
    CHECK(read.workload == "sdxl");
    CHECK(read.settings == std::vector<std::pair<std::string, std::string>>{{"steps", "30"}, {"batch", "2"}});
    CHECK(read.levers == "dtype=fp16;cuda-graphs");
    CHECK(read.metric == Metric::latency);
    CHECK(read.measured == 3.31);
    CHECK(read.source == "a \"blog\", part 3");
    CHECK(read.confidence == "high");
    CHECK(read.where(CaseColumn::id).text() == "f.csv:2:1");
    CHECK(read.where(CaseColumn::workload).text() == "f.csv:2:4");
    CHECK(read.where(CaseColumn::confidence).text() == "f.csv:2:111");
}

TEST_CASE("columns stand in any order, some may be missing, others are not read") {
    const std::string text = "value,metric,note,stack,gpu,workload,id\n0.5,it_per_s,x,s,g,w,1\n";
    const CaseList list = parse_cases(text, "f.csv");
    REQUIRE(list.cases.size() == 1);
    CHECK(list.cases[0].metric == Metric::iterations_per_s);
    CHECK(list.cases[0].settings.empty());
    CHECK(list.cases[0].where(CaseColumn::value).column == 1);
    CHECK(list.cases[0].where(CaseColumn::levers).text() == "f.csv:2");
    CHECK(list.other_columns == std::vector<std::string>{"note"});
}

TEST_CASE("byte order mark, CRLF, empty lines and line breaks in quotes leave places right") {
    const CaseList list = parse_cases("\xEF\xBB\xBF" + header.substr(0, header.size() - 1) +
                                          "\r\n\r\na,w,g,s,,,latency_s,1,s,\"two\nlines\",low\r\nb,w,g,s,,,latency_s,"
                                          "x,s,,\r\n",
                                      "f.csv");
    REQUIRE(list.cases.size() == 1);
    CHECK(list.cases[0].id == "a");
    CHECK(list.cases[0].where(CaseColumn::value).text() == "f.csv:3:21");
    CHECK(list.cases[0].where(CaseColumn::confidence).text() == "f.csv:4:8");
    REQUIRE(list.skipped.size() == 1);
    CHECK(list.skipped[0].where.text() == "f.csv:5:21");
}

TEST_CASE("a cell that says nothing sensible makes its row a skip at that cell") {
    struct Row {
        std::string row, where, reason;
    };
    for (const Row& row : {
             Row{",w,g,s,,,latency_s,1,s,,", "f.csv:2:1", "found nothing, expected the id"},
             {"a,,g,s,,,latency_s,1,s,,", "f.csv:2:3", "found nothing, expected the workload"},
             {"a,w,g,,,,latency_s,1,s,,", "f.csv:2:7", "found nothing, expected the stack"},
             {"a,w,g,s,steps,,latency_s,1,s,,", "f.csv:2:9", "found \"steps\", expected name=value;name=value"},
             {"a,w,g,s,steps=,,latency_s,1,s,,", "f.csv:2:9", "found \"steps=\""},
             {"a,w,g,s,=3,,latency_s,1,s,,", "f.csv:2:9", "found \"=3\""},
             {"a,w,g,s,,,latency,1,s,,", "f.csv:2:11", "did you mean \"latency_s\"?"},
             {"a,w,g,s,,,,1,s,,", "f.csv:2:11", "found \"\", expected a metric"},
             {"a,w,g,s,,,latency_s,,s,,", "f.csv:2:21", "found \"\", expected a number above 0"},
             {"a,w,g,s,,,latency_s,fast,s,,", "f.csv:2:21", "found \"fast\""},
             {"a,w,g,s,,,latency_s,1.5x,s,,", "f.csv:2:21", "found \"1.5x\""},
             {"a,w,g,s,,,latency_s,0,s,,", "f.csv:2:21", "expected a number above 0"},
             {"a,w,g,s,,,latency_s,-2,s,,", "f.csv:2:21", "expected a number above 0"},
             {"a,w,g,s,,,latency_s,nan,s,,", "f.csv:2:21", "expected a number above 0"},
             {"a,w,g,s,,,latency_s,inf,s,,", "f.csv:2:21", "expected a number above 0"},
             {"a,w,g,s,,,latency_s,1e999,s,,", "f.csv:2:21", "expected a number above 0"},
             {"a,w,g,s,,,latency_s,12,ms,,", "f.csv:2:24", "found \"ms\", expected s for latency_s"},
             {"a,w,g,s,,,peak_mem_gib,12,GB,,", "f.csv:2:27", "found \"GB\", expected GiB"},
             {"a,w,g,s", "f.csv:2", "found 4 cells, expected 11 as in the header"},
             {"a,w,\"g\"x,s,,,latency_s,1,s,,", "f.csv:2", "found a quote inside a cell"},
         }) {
        CAPTURE(row.row);
        const CaseList list = list_of(row.row + "\nok,w,g,s,,,latency_s,1,s,,\n");
        CHECK(list.cases.size() == 1);
        REQUIRE(list.skipped.size() == 1);
        CHECK(list.skipped[0].where.text() == row.where);
        CHECK(list.skipped[0].rows == 1);
        CAPTURE(list.skipped[0].reason);
        CHECK(list.skipped[0].reason.find(row.reason) != std::string::npos);
    }
}

TEST_CASE("the second row of an id is a skip that names the first") {
    const CaseList list = list_of("a,w,g,s,,,latency_s,1,s,,\nb,w,g,s,,,latency_s,1,s,,\na,w,g,s,,,latency_s,2,s,,\n");
    CHECK(list.cases.size() == 2);
    REQUIRE(list.skipped.size() == 1);
    CHECK(list.skipped[0].where.text() == "f.csv:4:1");
    CHECK(list.skipped[0].reason == "found a second \"a\", expected ids once; line 2");
}

TEST_CASE("rows that are no rows are counted by reason") {
    const CaseList list = list_of("a\nb\nok,w,g,s,,,latency_s,1,s,,\nc\n");
    REQUIRE(list.skipped.size() == 1);
    CHECK(list.skipped[0].rows == 3);
    CHECK(list.skipped[0].where.line == 2);
}

TEST_CASE("a file without the columns of cases is an error that names them") {
    struct Row {
        std::string text, message;
    };
    for (const Row& row : {
             Row{"", "f.csv: found an empty file"},
             {"id,workload,gpu,stack,metric\n", "f.csv:1: found no column \"value\", expected id,workload,gpu,stack"},
             {"id,workload,gpu,stack,metric,valeu\n", "found a column \"valeu\", expected"},
             {"id,workload,gpu,stack,metric,value,lever\n", "did you mean \"levers\"?"},
             {"id,id,workload\n", "found a second column \"id\""},
             {"model,steps\n", "found no column \"id\""},
             {header + "\"a,w,g\n", "found a quote that is never closed"},
             {header, "no error"},
         }) {
        CAPTURE(row.text);
        const std::string message = error_of(row.text);
        CAPTURE(message);
        CHECK(message.find(row.message) != std::string::npos);
    }
}

TEST_CASE("places of cells count bytes and see commas in quotes as part of a cell") {
    const auto columns = [](std::string_view row) {
        std::vector<int> result;
        for (const CellPosition& cell : cell_positions(row, 7)) {
            if (cell.line == 7) result.push_back(cell.column);
        }
        return result;
    };
    CHECK(columns("a,b,c") == std::vector<int>{1, 3, 5});
    CHECK(columns("\"a,b\",c\nx,y") == std::vector<int>{1, 7});
    CHECK(columns("\"a\nb\",c") == std::vector<int>{1});
    CHECK(columns("") == std::vector<int>{1});
    CHECK(line_starts("\xEF\xBB\xBF"
                      "a\nb\n") == std::vector<std::size_t>{3, 5, 7});
}
