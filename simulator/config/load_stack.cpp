#include "cupola/config/data_files.hpp"
#include "cupola/config/fact.hpp"
#include "cupola/config/inherit.hpp"
#include "cupola/config/load.hpp"
#include "cupola/config/load_attention_rules.hpp"
#include "cupola/config/node.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace cupola::config {
namespace {

namespace fs = std::filesystem;

/// Reads facts of one map: `key: {value: …, source: …, recalled: true}`, each kept with its origin.
class StackFacts {
public:
    StackFacts(Node map, std::string prefix, std::vector<Fact>& facts)
        : map_(std::move(map)), prefix_(std::move(prefix)), facts_(facts) {}

    template <typename Q>
    [[nodiscard]] Q quantity(const std::string& key, Q min, Q max) {
        return value_of(key).quantity(min, max);
    }
    [[nodiscard]] double number(const std::string& key, double min, double max) {
        return value_of(key).number(min, max);
    }

    [[nodiscard]] int integer(const std::string& key, int min, int max) {
        return static_cast<int>(value_of(key).integer(min, max));
    }

private:
    Node value_of(const std::string& key) { return read_fact(map_.at(key), prefix_ + key, facts_); }

    Node map_;
    std::string prefix_;
    std::vector<Fact>& facts_;
};

DispatchCosts read_dispatch(const Node& map, const std::string& prefix, std::vector<Fact>& origins) {
    map.allow_only({"elementwise", "norm", "linear", "convolution", "attention", "copy", "view", "embedding",
                    "extra_kernel", "matmul", "module_call", "convolution_plan", "host_product"});
    StackFacts facts(map, prefix, origins);
    const auto cost = [&](const std::string& key) { return facts.quantity(key, Seconds(0), Seconds(1e-2)); };
    DispatchCosts dispatch;
    dispatch.elementwise = cost("elementwise");
    dispatch.norm = cost("norm");
    dispatch.linear = cost("linear");
    dispatch.convolution = cost("convolution");
    dispatch.attention = cost("attention");
    dispatch.copy = cost("copy");
    dispatch.view = cost("view");
    dispatch.embedding = cost("embedding");
    dispatch.extra_kernel = cost("extra_kernel");
    dispatch.matmul = cost("matmul");
    dispatch.module_call = cost("module_call");
    if (map.find("host_product")) dispatch.host_product = cost("host_product");
    if (map.find("convolution_plan")) dispatch.convolution_plan = cost("convolution_plan");
    return dispatch;
}

KernelCode read_kernel_code(const Node& map, const std::string& prefix, std::vector<Fact>& origins) {
    map.allow_only({"indexed_element", "softmax_iteration", "layer_norm_element", "layer_norm_row"});
    StackFacts facts(map, prefix, origins);
    const auto clocks = [&](const std::string& key) { return static_cast<float>(facts.number(key, 0.0, 1e5)); };
    KernelCode code;
    code.indexed_element = clocks("indexed_element");
    code.softmax_iteration = clocks("softmax_iteration");
    code.layer_norm_element = clocks("layer_norm_element");
    code.layer_norm_row = clocks("layer_norm_row");
    return code;
}

/// `libraries: {gemm: cublas, attention: [flash-attention-3, flash-attention-2]}`: a name or a list by preference.
LibraryChoice read_libraries(const Node& map) {
    std::vector<std::string> kinds;
    for (const KernelKind kind : all_kernel_kinds) kinds.emplace_back(name_of(kind));
    map.allow_only(kinds);
    LibraryChoice libraries;
    for (const Node::Entry& entry : map.entries()) {
        std::vector<std::string>& names = libraries[index_of(*parse_kernel_kind(entry.key))];
        const std::vector<Node> items =
            entry.value.is_sequence() ? entry.value.items() : std::vector<Node>{entry.value};
        for (const Node& item : items) {
            if (item.text().empty()) item.fail("an empty text", "the name of a library");
            names.push_back(item.text());
        }
    }
    return libraries;
}

/// `eager:` or `compiled:`.
Mode read_mode(const Node& root, const std::string& name, std::vector<Fact>& origins) {
    const Node map = root.at(name);
    map.allow_only({"libraries", "dispatch", "kernel_code", "host_per_pass", "epilogues"});
    const std::string prefix = name + ".";
    Mode mode;
    if (const auto libraries = map.find("libraries")) mode.libraries = read_libraries(*libraries);
    mode.dispatch = read_dispatch(map.at("dispatch"), prefix + "dispatch.", origins);
    mode.host_per_pass = StackFacts(map, prefix, origins).quantity("host_per_pass", Seconds(0), Seconds(10));
    if (const auto epilogues = map.find("epilogues")) {
        mode.epilogues = read_fact(*epilogues, prefix + "epilogues", origins).boolean();
    }
    mode.code = read_kernel_code(map.at("kernel_code"), prefix + "kernel_code.", origins);
    return mode;
}

void read_launch_path(const Node& map, Stack& stack) {
    map.allow_only({"syncs_per_pass", "start_latency", "kernel_gap", "sync", "graph_launch", "host_speed", "host_of",
                    "offload_link_share"});
    StackFacts facts(map, "launch.", stack.facts);
    const auto time = [&](const std::string& key, double max) { return facts.quantity(key, Seconds(0), Seconds(max)); };
    stack.start_latency = time("start_latency", 1e-2);
    stack.kernel_gap = time("kernel_gap", 1e-3);
    stack.sync = time("sync", 1e-2);
    stack.graph_launch = time("graph_launch", 1e-2);
    stack.syncs_per_pass = facts.integer("syncs_per_pass", 0, 1000);
    stack.host_speed = facts.number("host_speed", 0.01, 100.0);
    stack.offload_link_share = facts.number("offload_link_share", 0.01, 1.0);
    const Node hosts = map.at("host_of");
    std::vector<std::string> names;
    for (const Architecture architecture : all_architectures) names.emplace_back(name_of(architecture));
    hosts.allow_only(names);
    StackFacts speeds(hosts, "launch.host_of.", stack.facts);
    for (std::size_t i = 0; i < names.size(); ++i) stack.host_of[i] = speeds.number(names[i], 0.01, 100.0);
}

/// A switch that only a compiler can be behind.
bool read_compiler_switch(const Node& map, const std::string& key, bool has_compiler) {
    const Node node = map.at(key);
    const bool on = node.boolean();
    if (on && !has_compiler) node.fail("true", "false", "the stack has no compiler (has_compiler: false)");
    return on;
}

void read_switches(const Node& root, Stack& stack) {
    static const std::vector<std::string> layouts{"channels_first", "channels_last"};
    stack.has_compiler = root.at("has_compiler").boolean();
    const Node run = root.at("run");
    run.allow_only({"compiled", "cuda_graphs", "max_autotune", "layout", "tf32", "offload", "offload_overlapped"});
    stack.compiled = read_compiler_switch(run, "compiled", stack.has_compiler);
    stack.max_autotune = read_compiler_switch(run, "max_autotune", stack.has_compiler);
    stack.cuda_graphs = run.at("cuda_graphs").boolean();
    stack.layout = run.at("layout").one_of(layouts) == 0 ? TensorLayout::channels_first : TensorLayout::channels_last;
    static const std::vector<std::string> offloads{"none", "component", "sequential"};
    stack.offload = static_cast<WeightOffload>(run.at("offload").one_of(offloads));
    stack.offload_overlapped = run.at("offload_overlapped").boolean();
    const Node tf32 = run.at("tf32");
    tf32.allow_only({"convolution", "matmul"});
    stack.tf32_convolution = tf32.at("convolution").boolean();
    stack.tf32_matmul = tf32.at("matmul").boolean();
}

/// `convolution_products: {types: [int8, fp8], source: …}`: types narrower than tensors that convolutions multiply.
void read_convolution_products(const Node& root, Stack& stack) {
    static constexpr std::array<DataType, 2> known{DataType::int8, DataType::fp8};
    const auto map = root.find("convolution_products");
    if (!map) return;
    map->allow_only({"types", "source", "recalled"});
    std::string text;
    for (const Node& item : map->at("types").items()) {
        const DataType type = known[item.one_of({"int8", "fp8"})];
        std::vector<DataType>& types = stack.convolution_products;
        if (std::find(types.begin(), types.end(), type) != types.end()) {
            item.fail(item.description() + " again", "each type once");
        }
        types.push_back(type);
        text += (text.empty() ? "" : ", ") + std::string(name_of(type));
    }
    if (text.empty()) {
        map->at("types").fail("an empty list", "at least one type", "leave the key out where there are none");
    }
    const Node source = map->at("source");
    if (source.text().empty()) source.fail("an empty text", "where the types come from");
    const auto recalled = map->find("recalled");
    stack.facts.push_back({"convolution_products", text, source.text(), recalled && recalled->boolean()});
}

/// What is said of a file itself, not of the stack.
const std::vector<std::string> own_keys{"name", "title", "base"};

/// The file that `base` names: a stack by its name, or a path as seen from the file that says it.
std::string base_path(const std::string& data, const Node& base, const std::string& file) {
    if (base.text().empty()) base.fail("an empty text", "the name of a stack or a path to its file");
    try {
        const DataFile found = find_data_file(data, stack_files, base.text());
        if (!found.required_name.empty()) return found.path;
    } catch (const InputError& error) {  // it does not know where the name stands
        base.fail(error.fault().found, error.fault().expected, error.fault().hint);
    }
    const fs::path path = (fs::path(file).parent_path() / base.text()).lexically_normal();
    std::error_code error;
    if (!fs::is_regular_file(path, error)) {
        base.fail("no file " + path.string(), "the name of a stack or a path to its file",
                  "a path starts where this file lies");
    }
    return path.string();
}

/// A stack's file with what its bases say, and theirs. `chain` holds the files between the one asked for and this one.
Node read_with_bases(const std::string& data, const std::string& path, std::vector<std::string>& chain) {
    const Node own = read_yaml_file(path);
    const auto base = own.find("base");
    if (!base) return own;
    chain.push_back(path);
    const std::string found = base_path(data, *base, path);
    const auto same = [&](const std::string& other) { return fs::equivalent(other, found); };
    if (std::any_of(chain.begin(), chain.end(), same)) {
        base->fail(base->description() + ", which rests on this file", "another stack", "bases must not form a circle");
    }
    return inherit(own, read_with_bases(data, found, chain), own_keys);
}

}  // namespace

Stack load_stack(const std::string& data, const std::string& name_or_path) {
    const DataFile file = find_data_file(data, stack_files, name_or_path);
    std::vector<std::string> chain;
    const Node root = read_with_bases(data, file.path, chain);
    root.allow_only({"name", "title", "base", "has_compiler", "run", "attention", "attention_kernels", "eager",
                     "compiled", "convolution_products", "launch", "runtime_memory"});
    Stack stack;
    const Node name = root.at("name");
    if (name.text().empty()) name.fail("an empty text", "the name of the stack");
    if (!file.required_name.empty() && name.text() != file.required_name) {
        name.fail(name.description(), "\"" + file.required_name + "\", the name of the file");
    }
    stack.name = name.text();
    stack.title = root.at("title").text();
    read_switches(root, stack);
    read_attention(root, stack);
    read_convolution_products(root, stack);
    stack.eager_mode = read_mode(root, "eager", stack.facts);
    if (stack.has_compiler) stack.compiled_mode = read_mode(root, "compiled", stack.facts);
    read_launch_path(root.at("launch"), stack);
    stack.runtime_memory = StackFacts(root, "", stack.facts).quantity("runtime_memory", Bytes(0), Bytes(0x1p40));
    return stack;
}

}  // namespace cupola::config
