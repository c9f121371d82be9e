// The module library is shared: a block that two models need is one module with arguments, not two that nearly agree.
#include "cupola/config/node.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using namespace cupola;
using config::Node;

namespace {

struct Module {
    std::string where;                ///< "unet.yaml: resnet"
    std::vector<std::string> layers;  ///< what it does, in order, names of layers and tensors left out
};

bool is_name(const std::string& key) { return key == "name" || key == "from" || key == "to" || key == "about"; }

/// Appends the layers and their arguments, depth first.
void collect(const Node& node, std::vector<std::string>& layers) {
    if (node.is_scalar()) layers.push_back(node.text());
    if (node.is_sequence()) {
        for (const Node& item : node.items()) collect(item, layers);
    }
    if (!node.is_map()) return;
    for (const auto& entry : node.entries()) {
        if (is_name(entry.key)) continue;
        if (entry.value.is_scalar()) {
            layers.push_back(entry.key + ": " + entry.value.text());
        } else {
            layers.push_back(entry.key);
            collect(entry.value, layers);
        }
    }
}

std::vector<Module> modules_of(const Node& root, const std::string& file) {
    std::vector<Module> modules;
    if (const auto found = root.find("modules")) {
        for (const auto& entry : found->entries()) {
            Module module{file + ": " + entry.key, {}};
            if (const auto layers = entry.value.find("layers")) collect(*layers, module.layers);
            modules.push_back(module);
        }
    }
    return modules;
}

std::vector<Module> all_modules() {
    std::vector<Module> modules;
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(std::string(CUPOLA_SOURCE_DIR) + "/workloads")) {
        if (file.path().extension() != ".yaml") continue;
        const Node root = config::read_yaml_file(file.path().string());
        for (const Module& module : modules_of(root, file.path().filename().string())) modules.push_back(module);
    }
    return modules;
}

/// Length of the longest common subsequence, twice, over both lengths: 1 for copies.
double similarity(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    std::vector<std::size_t> best(b.size() + 1, 0);
    for (const std::string& layer : a) {
        std::size_t diagonal = 0;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t above = best[j + 1];
            best[j + 1] = layer == b[j] ? diagonal + 1 : std::max(above, best[j]);
            diagonal = above;
        }
    }
    return 2.0 * static_cast<double>(best.back()) / static_cast<double>(a.size() + b.size());
}

constexpr std::size_t smallest = 10;  // what is shorter is idiom: norm, linear, activation
constexpr double near_copy = 0.85;    // one or two changes in ten layers

/// "a and b: 0.93" for each pair of near copies.
std::vector<std::string> near_copies(const std::vector<Module>& modules) {
    std::vector<std::string> pairs;
    for (std::size_t i = 0; i < modules.size(); ++i) {
        for (std::size_t j = i + 1; j < modules.size(); ++j) {
            if (std::min(modules[i].layers.size(), modules[j].layers.size()) < smallest) continue;
            const double alike = similarity(modules[i].layers, modules[j].layers);
            if (alike >= near_copy) {
                pairs.push_back(modules[i].where + " and " + modules[j].where + ": " + std::to_string(alike));
            }
        }
    }
    return pairs;
}

const std::string block =
    "modules:\n"
    "  one:\n"
    "    layers: [group_norm, silu, {conv: {out: 64, kernel: 3}}, group_norm, silu, {conv: {out: 64, kernel: 3}}]\n"
    "  two:\n"
    "    layers: [group_norm, silu, {conv: {out: 64, kernel: 3, name: conv1}}, group_norm, silu,\n"
    "             {conv: {out: 32, kernel: 3, name: conv2}}]\n"
    "  other:\n"
    "    layers: [layer_norm, {linear: {out: 64}}, gelu, {linear: {out: 32}}, {scale: 2}, layer_norm, {linear: {out: "
    "1}}]\n";

}  // namespace

TEST_CASE("no module of the library is a near copy of another") {
    const std::vector<Module> modules = all_modules();
    CHECK(modules.size() > 100);
    for (const std::string& pair : near_copies(modules)) FAIL_CHECK(pair);
}

TEST_CASE("a module with other names and one other argument is a near copy") {
    const std::vector<std::string> pairs =
        near_copies(modules_of(config::read_yaml_text(block, "block.yaml"), "block"));
    REQUIRE(pairs.size() == 1);
    CHECK(pairs.front().find("block: one and block: two") == 0);
}
