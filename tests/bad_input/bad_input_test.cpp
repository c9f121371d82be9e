// Bad input files and the messages they must get.
//
// To add a case, drop a file into the folder of its loader: gpu/, stack/, calibration/, plan/, workload/, module/ (a
// file of modules, read through a workload that uses it), dataset/ (an adapter; its CSV file lies beside it) or
// clusters/ (clusters of heads for the 32 layers of 32 heads of llama-2-7b; such a file is JSON, but a comment is read
// over). Nothing else needs to be touched. Its first line is
//
//     # expect: <file>:<line>:<column>: key.path: found …, expected …; hint
//
// which the error must start with, directories left out (end it early where the rest is a long list). Lines
// `# set: name=value` after it give settings as --set does. Inputs too large to keep are made by the test cases below.

#include "cupola/config/load.hpp"
#include "cupola/config/load_dataset.hpp"
#include "cupola/config/load_fit.hpp"
#include "cupola/lever/lever.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::config;

namespace {

namespace fs = std::filesystem;

const std::string data = CUPOLA_SOURCE_DIR;
const fs::path cases = fs::path(CUPOLA_SOURCE_DIR) / "tests" / "bad_input";

/// A directory that goes away with its owner.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern = (fs::temp_directory_path() / "cupola-bad-input-XXXXXX").string();
        if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        if (!path_.empty()) fs::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        const std::string path = (path_ / name).string();
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }

private:
    fs::path path_;
};

/// What the first lines of a case ask for.
struct Request {
    std::string expected;
    Settings settings;
};

Request read_request(const fs::path& path) {
    const std::string expect = "# expect: ", set = "# set: ";
    Request request;
    std::ifstream file(path, std::ios::binary);
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, expect.size(), expect) == 0 && request.expected.empty()) {
            request.expected = line.substr(expect.size());
        } else if (line.compare(0, set.size(), set) == 0) {
            const std::size_t equals = line.find('=');
            request.settings.emplace_back(line.substr(set.size(), equals - set.size()), line.substr(equals + 1));
        } else {
            break;
        }
    }
    return request;
}

using Loader = std::function<void(const std::string& path, const Settings& settings)>;

/// The error of loading a file, its directory left out; "no error" if it is accepted.
std::string error_of(const Loader& load, const std::string& path, const Settings& settings) {
    std::string message = "no error";
    try {
        load(path, settings);
    } catch (const InputError& error) {
        message = error.what();
    } catch (const std::exception& error) {
        message = std::string("not an InputError: ") + error.what();
    }
    const std::string directory = fs::path(path).parent_path().string() + "/";
    for (std::size_t at; (at = message.find(directory)) != std::string::npos;) message.erase(at, directory.size());
    return message;
}

bool is_case(const fs::path& file) { return file.extension() == ".yaml" || file.extension() == ".json"; }

void check_folder(const std::string& folder, const Loader& load) {
    std::error_code error;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(cases / folder, error)) {
        if (is_case(entry.path())) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        const std::string name = folder + "/" + file.filename().string();
        CAPTURE(name);
        const Request request = read_request(file);
        CHECK_FALSE(request.expected.empty());
        const std::string message = error_of(load, file.string(), request.settings);
        CAPTURE(message);
        CHECK(message.substr(0, request.expected.size()) == request.expected);
    }
}

const Loader gpu_loader = [](const std::string& path, const Settings&) { (void)load_gpu(data, path); };
const Loader stack_loader = [](const std::string& path, const Settings&) { (void)load_stack(data, path); };
const Loader calibration_loader = [](const std::string& path, const Settings&) { (void)load_calibration_file(path); };
const Loader plan_loader = [](const std::string& path, const Settings&) { (void)load_fit_plan(data, path); };
const Loader workload_loader = [](const std::string& path, const Settings& settings) {
    (void)load_workload(data, path, settings);
};
const Loader dataset_loader = [](const std::string& path, const Settings&) {
    (void)load_dataset(data, path, (cases / "dataset").string());
};
const Loader module_loader = [](const std::string& path, const Settings& settings) {
    const TemporaryDirectory directory;
    const std::string workload = directory.write("uses.yaml", "name: uses\nsources: []\nuses: [" + path +
                                                                  "]\nstages:\n  - all: {input: {channels: 1}, "
                                                                  "layers: [{relu: {}}]}\n");
    (void)load_workload(data, workload, settings);
};
const Loader clusters_loader = [](const std::string& path, const Settings&) {
    LeverContext context;
    context.workload_name = "llama-2-7b";
    context.settings = {{"prompt", "16"}, {"tokens", "1"}};
    context.stack = load_stack(data, "pytorch-eager-flash");
    context.expand = [](const std::string& name, const WorkloadSettings& settings) {
        return load_workload(data, name, settings);
    };
    context.read_head_clusters = load_head_clusters;
    const std::vector<LeverSetting> levers{{"chai", "clusters:" + path}};
    (void)apply_levers(std::move(context), levers);
};

}  // namespace

TEST_CASE("bad GPU files get their message") { check_folder("gpu", gpu_loader); }
TEST_CASE("bad stack files get their message") { check_folder("stack", stack_loader); }
TEST_CASE("bad calibrated files get their message") { check_folder("calibration", calibration_loader); }
TEST_CASE("bad fit plans get their message") { check_folder("plan", plan_loader); }
TEST_CASE("bad workload files get their message") { check_folder("workload", workload_loader); }
TEST_CASE("bad module files get their message") { check_folder("module", module_loader); }

TEST_CASE("bad adapters and bad measurements get their message") { check_folder("dataset", dataset_loader); }
TEST_CASE("bad files of head clusters get their message") { check_folder("clusters", clusters_loader); }

TEST_CASE("every file kept here is in a folder that is tested") {
    const std::vector<std::string> tested{"gpu",      "stack",  "calibration", "plan",
                                          "workload", "module", "dataset",     "clusters"};
    for (const auto& entry : fs::recursive_directory_iterator(cases)) {
        if (!is_case(entry.path())) continue;
        CAPTURE(entry.path().string());
        const std::string folder = entry.path().parent_path().filename().string();
        CHECK(std::find(tested.begin(), tested.end(), folder) != tested.end());
    }
}

TEST_CASE("inputs too large to keep are refused, by every loader, in little time") {
    const TemporaryDirectory directory;
    std::string blocks;
    for (int i = 0; i < 2000; ++i) blocks += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    std::string wide = "name: [";
    for (int i = 0; i < 600'000; ++i) wide += "x,";
    wide += "]\n";
    const std::vector<std::pair<std::string, std::string>> inputs{
        {"deep-lists.yaml", "name: " + std::string(1000, '[') + std::string(1000, ']')},
        {"deep-maps.yaml", blocks},
        {"open-lists.yaml", std::string(200'000, '[')},
        {"open-maps.yaml", std::string(200'000, '{')},
        {"dashes.yaml", std::string(100'000, '-')},
        {"question-marks.yaml", std::string(100'000, '?')},
        {"wide.yaml", wide},
        {"long-key.yaml", std::string(1'000'000, 'k') + ": 1\n"},
        {"long-text.yaml", "name: " + std::string(1'000'000, 'x') + "\n"},
        {"too-large.yaml", "# " + std::string(5'000'000, '#') + "\nname: x\n"},
        {"zeros.yaml", std::string(10'000, '\0')}};
    for (const auto& [name, text] : inputs) {
        CAPTURE(name);
        const std::string path = directory.write(name, text);
        for (const Loader& load : {gpu_loader, stack_loader, calibration_loader, plan_loader, workload_loader,
                                   module_loader, dataset_loader, clusters_loader}) {
            const auto start = std::chrono::steady_clock::now();
            const std::string message = error_of(load, path, {});
            CHECK(message.substr(0, name.size() + 1) == name + ":");
            CHECK(message.size() < 500);
            // Generous: sanitizers and busy machines are slow, a hang is slower.
            CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
        }
    }
}
