// The rules that hold over all of simulator/: who includes whom, and that libraries neither print nor end the process.
#include "house_rules.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;
using namespace cupola::house;

namespace {

struct SourceFile {
    std::string room, name, text;
};

std::vector<SourceFile> simulator_files() {
    std::vector<SourceFile> files;
    const fs::path root = fs::path(CUPOLA_SOURCE_DIR) / "simulator";
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".cpp" && extension != ".hpp") continue;
        const fs::path relative = fs::relative(entry.path(), root);
        std::ostringstream text;
        text << std::ifstream(entry.path()).rdbuf();
        files.push_back({relative.begin()->string(), relative.string(), text.str()});
    }
    return files;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
    return text;
}

}  // namespace

TEST_CASE("every include in simulator/ keeps to the table of rooms") {
    const std::vector<SourceFile> files = simulator_files();
    REQUIRE(files.size() > 15);
    for (const SourceFile& file : files) {
        CAPTURE(file.name);
        CHECK(joined(include_violations(file.room, file.text)) == "");
    }
}

TEST_CASE("no library prints, exits or aborts") {
    for (const SourceFile& file : simulator_files()) {
        if (file.room == "cli") continue;
        CAPTURE(file.name);
        CHECK(joined(output_violations(file.text)) == "");
    }
}

TEST_CASE("public headers exist and include each other only") {
    std::set<std::string> names;
    std::ifstream list(fs::path(CUPOLA_SOURCE_DIR) / "simulator" / "public_headers.txt");
    for (std::string line; std::getline(list, line);) names.insert(line);
    REQUIRE(names.count("predict/prediction.hpp") == 1);
    std::size_t found = 0;
    for (const SourceFile& file : simulator_files()) {
        if (names.count(file.name) == 0) continue;
        CAPTURE(file.name);
        ++found;
        CHECK(joined(public_header_violations(names, file.text)) == "");
    }
    CHECK(found == names.size());
}

TEST_CASE("an include across a closed door is found") {
    struct Row {
        std::string room, include;
        bool allowed;
    };
    const std::vector<Row> rows{
        {"cost", "\"cupola/kernel/kernel.hpp\"", true},
        {"cost", "\"cupola/cost/cost.hpp\"", true},
        {"cost", "\"cupola/workload/graph.hpp\"", false},
        {"cost", "\"cupola/stack/stack.hpp\"", false},
        {"units", "\"cupola/kernel/kernel.hpp\"", false},
        {"predict", "\"cupola/config/load.hpp\"", false},
        {"config", "\"cupola/predict/prediction.hpp\"", false},
        {"config", "<yaml-cpp/yaml.h>", true},
        {"report", "<yaml-cpp/yaml.h>", false},
        {"cli", "<CLI/CLI.hpp>", true},
        {"report", "<CLI/CLI.hpp>", false},
        {"cost", "<Eigen/Dense>", false},
        {"units", "\"text.hpp\"", false},
        {"units", "<cupola/units/text.hpp>", false},
        {"units", "<cuda_runtime.h>", false},
        {"attic", "<vector>", false},
        {"units", "<vector>", true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.room);
        CAPTURE(row.include);
        CHECK(include_violations(row.room, "#include " + row.include + "\n").empty() == row.allowed);
    }
}

TEST_CASE("a public header that needs more than was installed is found") {
    const std::set<std::string> names{"units/text.hpp"};
    CHECK(public_header_violations(names, "#include \"cupola/units/text.hpp\"\n#include <vector>\n").empty());
    for (const std::string include : {"<fmt/format.h>", "<nlohmann/json.hpp>", "\"cupola/units/other.hpp\""}) {
        CAPTURE(include);
        CHECK(public_header_violations(names, "#include " + include + "\n").size() == 1);
    }
}

TEST_CASE("output is found in code, not in comments, literals or longer names") {
    struct Row {
        std::string source;
        std::size_t violations;
    };
    const std::vector<Row> rows{
        {"std::cout << 1;", 1},
        {"printf(\"x\");", 1},
        {"std::exit(2);", 1},
        {"abort();", 1},
        {"fmt::print(\"x\");", 1},
        {"int n = 500'000; exit(1); char c = 'x';", 1},
        {"// printf(\"x\")\n", 0},
        {"/* exit(1) */", 0},
        {"auto s = \"exit(1)\";", 0},
        {"auto s = R\"(abort())\";", 0},
        {"std::snprintf(a, b, c);", 0},
        {"on_exit(1);", 0},
        {"auto s = \"\\\"\"; exit(1);", 1},
    };
    for (const Row& row : rows) {
        CAPTURE(row.source);
        CHECK(output_violations(row.source).size() == row.violations);
    }
}
