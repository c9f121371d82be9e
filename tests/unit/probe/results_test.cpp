#include "probe/host/results.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "probe/host/error.hpp"
#include "probe/host/row.hpp"

using namespace cupola::probe;

namespace {

/// A path for a results file that is removed with it.
struct TemporaryFile {
    std::string path = std::filesystem::temp_directory_path() / ("probe-" + std::to_string(::getpid()) + ".csv");
    TemporaryFile() { std::filesystem::remove(path); }
    ~TemporaryFile() { std::filesystem::remove(path); }
    std::string text() const {
        std::ifstream file(path);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
};

std::string row(const std::string& text, const std::string& status, double median = 0) {
    Row row;
    row.set("case", text);
    row.set("status", status);
    if (median > 0) row.set("median_s", median);
    return row.csv();
}

}  // namespace

TEST_CASE("a row has all columns and survives quotes, commas and line breaks") {
    Row row;
    row.set("case", "a, \"b\"\nc");
    row.set("median_s", 1.25e-6);
    const auto cells = csv_cells(row.csv());
    REQUIRE(cells.size() == columns().size());
    CHECK(cells.front() == "a, \"b\" c");
    CHECK(row.get("median_s") == "1.25e-06");
    CHECK(row.get("note").empty());
    CHECK_THROWS_AS(row.set("no_such_column", 1.0), std::out_of_range);
}

TEST_CASE("column names are identifiers, each once") {
    auto names = columns();
    for (const auto& name : names)
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos);
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("the PyTorch cross-check writes the same columns") {
    std::ifstream file(std::string(CUPOLA_SOURCE_DIR) + "/calibration/torch/probe_torch.py");
    std::ostringstream text;
    text << file.rdbuf();
    const std::string source = text.str();
    const std::size_t begin = source.find("COLUMNS = \"\"\"") + 13;
    std::istringstream words(source.substr(begin, source.find("\"\"\"", begin) - begin));
    const std::vector<std::string> names{std::istream_iterator<std::string>(words), {}};
    CHECK(names == columns());
}

TEST_CASE("a results file is continued") {
    const TemporaryFile file;
    {
        Results results(file.path);
        results.append(row("one", "ok", 1e-6));
        results.append(row("two", "failed"));
    }
    Results results(file.path);
    CHECK(results.done(false) == std::set<std::string>{"one", "two"});
    CHECK(results.done(true) == std::set<std::string>{"one"});
    results.append(row("three", "ok", 3e-6));
    CHECK(medians(file.path) == std::map<std::string, double>{{"one", 1e-6}, {"three", 3e-6}});
}

TEST_CASE("a line that a killed run left incomplete is cut off") {
    const TemporaryFile file;
    { Results(file.path).append(row("one", "ok", 1e-6)); }
    const std::string before = file.text();
    std::ofstream(file.path, std::ios::app) << "two,4,gemm,ok";
    { CHECK(Results(file.path).done(false) == std::set<std::string>{"one"}); }
    CHECK(file.text() == before);
}

TEST_CASE("a file with other columns, or that cannot be opened, is refused") {
    const TemporaryFile file;
    std::ofstream(file.path) << "a,b\n1,2\n";
    CHECK_THROWS_WITH_AS(Results{file.path}, doctest::Contains("choose another --out"), FatalError);
    CHECK_THROWS_WITH_AS(Results{"/no/such/folder/x.csv"}, doctest::Contains("cannot be opened"), FatalError);
    CHECK_THROWS_WITH_AS(medians("/no/such/file"), doctest::Contains("cannot be read"), FatalError);
}

TEST_CASE("a full disk ends the run with a message, and the rows before stay") {
    const TemporaryFile file;
    Results results(file.path);
    results.append(row("one", "ok", 1e-6));
    const std::string before = file.text();
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const rlimit limit{before.size() + 20, old.rlim_max};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_THROWS_WITH_AS(results.append(row("two", "ok", 2e-6)), doctest::Contains("the rows before stay"), FatalError);
    ::setrlimit(RLIMIT_FSIZE, &old);
    CHECK(file.text() == before);
}

TEST_CASE("two runs are compared case by case") {
    const Agreement agreement = cupola::probe::agreement({{"a", 1.0}, {"b", 1.0}, {"c", 1.0}, {"d", 1.0}},
                                                         {{"a", 1.02}, {"b", 1.05}, {"c", 0.5}}, 0.03);
    CHECK(agreement.common == 3);
    REQUIRE(agreement.apart.size() == 2);
    CHECK(agreement.apart[0] == "  -50.0 %  c");
    CHECK(agreement.apart[1] == "   +5.0 %  b");
}
