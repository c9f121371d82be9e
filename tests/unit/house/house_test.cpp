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
    bool is_header = false;
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
        files.push_back({relative.begin()->string(), relative.string(), text.str(), extension == ".hpp"});
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
        CHECK(joined(include_violations(file.room, file.is_header, file.text)) == "");
    }
}

TEST_CASE("no library prints, exits or aborts") {
    for (const SourceFile& file : simulator_files()) {
        if (file.room == "cli") continue;
        CAPTURE(file.name);
        CHECK(joined(output_violations(file.text)) == "");
    }
}

TEST_CASE("an include across a closed door is found") {
    struct Row {
        std::string room, include;
        bool is_header, allowed;
    };
    const std::vector<Row> rows{
        {"cost", "\"cupola/kernel/kernel.hpp\"", true, true},
        {"cost", "\"cupola/cost/cost.hpp\"", true, true},
        {"cost", "\"cupola/workload/graph.hpp\"", false, false},
        {"cost", "\"cupola/stack/stack.hpp\"", false, false},
        {"units", "\"cupola/kernel/kernel.hpp\"", true, false},
        {"predict", "\"cupola/config/load.hpp\"", false, false},
        {"config", "\"cupola/predict/prediction.hpp\"", false, false},
        {"config", "<yaml-cpp/yaml.h>", false, true},
        {"config", "<yaml-cpp/yaml.h>", true, false},
        {"report", "<yaml-cpp/yaml.h>", false, false},
        {"cli", "<CLI/CLI.hpp>", false, true},
        {"report", "<CLI/CLI.hpp>", false, false},
        {"cost", "<Eigen/Dense>", true, false},
        {"report", "<nlohmann/json.hpp>", false, true},
        {"report", "<nlohmann/json.hpp>", true, false},
        {"units", "\"text.hpp\"", false, false},
        {"units", "<cuda_runtime.h>", false, false},
        {"attic", "<vector>", false, false},
        {"units", "<vector>", true, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.room);
        CAPTURE(row.include);
        CHECK(include_violations(row.room, row.is_header, "#include " + row.include + "\n").empty() == row.allowed);
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
