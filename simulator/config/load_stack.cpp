#include "cupola/config/data_files.hpp"
#include "cupola/config/fact.hpp"
#include "cupola/config/load.hpp"
#include "cupola/config/node.hpp"

#include <string>
#include <utility>
#include <vector>

namespace cupola::config {
namespace {

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

private:
    Node value_of(const std::string& key) { return read_fact(map_.at(key), prefix_ + key, facts_); }

    Node map_;
    std::string prefix_;
    std::vector<Fact>& facts_;
};

void read_dispatch(const Node& map, Stack& stack) {
    map.allow_only(
        {"elementwise", "norm", "linear", "convolution", "attention", "copy", "view", "embedding", "extra_kernel"});
    StackFacts facts(map, "dispatch.", stack.facts);
    const auto cost = [&](const std::string& key) { return facts.quantity(key, Seconds(0), Seconds(1e-2)); };
    DispatchCosts& dispatch = stack.dispatch;
    dispatch.elementwise = cost("elementwise");
    dispatch.norm = cost("norm");
    dispatch.linear = cost("linear");
    dispatch.convolution = cost("convolution");
    dispatch.attention = cost("attention");
    dispatch.copy = cost("copy");
    dispatch.view = cost("view");
    dispatch.embedding = cost("embedding");
    dispatch.extra_kernel = cost("extra_kernel");
}

void read_launch_path(const Node& map, Stack& stack) {
    map.allow_only({"cuda_graphs", "sync_each_pass", "start_latency", "kernel_gap", "sync", "graph_launch",
                    "host_per_pass", "host_speed"});
    stack.cuda_graphs = map.at("cuda_graphs").boolean();
    stack.sync_each_pass = map.at("sync_each_pass").boolean();
    StackFacts facts(map, "launch.", stack.facts);
    const auto time = [&](const std::string& key, double max) { return facts.quantity(key, Seconds(0), Seconds(max)); };
    stack.start_latency = time("start_latency", 1e-2);
    stack.kernel_gap = time("kernel_gap", 1e-3);
    stack.sync = time("sync", 1e-2);
    stack.graph_launch = time("graph_launch", 1e-2);
    stack.host_per_pass = time("host_per_pass", 10.0);
    stack.host_speed = facts.number("host_speed", 0.01, 100.0);
}

void read_kernel_code(const Node& map, Stack& stack) {
    map.allow_only({"indexed_element", "softmax_iteration", "layer_norm_element", "layer_norm_row"});
    StackFacts facts(map, "kernel_code.", stack.facts);
    const auto clocks = [&](const std::string& key) { return static_cast<float>(facts.number(key, 0.0, 1e5)); };
    stack.code.indexed_element = clocks("indexed_element");
    stack.code.softmax_iteration = clocks("softmax_iteration");
    stack.code.layer_norm_element = clocks("layer_norm_element");
    stack.code.layer_norm_row = clocks("layer_norm_row");
}

void read_kernels(const Node& root, Stack& stack) {
    static const std::vector<std::string> attention{"math", "fused"};
    static const std::vector<std::string> layouts{"channels_first", "channels_last"};
    stack.attention =
        root.at("attention").one_of(attention) == 0 ? AttentionImplementation::math : AttentionImplementation::fused;
    stack.layout = root.at("layout").one_of(layouts) == 0 ? TensorLayout::channels_first : TensorLayout::channels_last;
    const Node fuse = root.at("fuse");
    if (!fuse.is_map()) fuse.fail(fuse.description(), "a map with the keys pointwise and conv_bias");
    fuse.allow_only({"pointwise", "conv_bias"});
    stack.fuse_pointwise = fuse.at("pointwise").boolean();
    stack.fuse_conv_bias = fuse.at("conv_bias").boolean();
    const Node tf32 = root.at("tf32");
    if (!tf32.is_map()) tf32.fail(tf32.description(), "a map with the keys convolution and matmul");
    tf32.allow_only({"convolution", "matmul"});
    stack.tf32_convolution = tf32.at("convolution").boolean();
    stack.tf32_matmul = tf32.at("matmul").boolean();
}

/// `libraries: {gemm: cublas, attention: [flash-attention-3, flash-attention-2]}`: a name or a list by preference.
void read_libraries(const Node& map, Stack& stack) {
    std::vector<std::string> kinds;
    for (const KernelKind kind : all_kernel_kinds) kinds.emplace_back(name_of(kind));
    map.allow_only(kinds);
    for (const Node::Entry& entry : map.entries()) {
        std::vector<std::string>& names = stack.libraries[index_of(*parse_kernel_kind(entry.key))];
        const std::vector<Node> items =
            entry.value.is_sequence() ? entry.value.items() : std::vector<Node>{entry.value};
        for (const Node& item : items) {
            if (item.text().empty()) item.fail("an empty text", "the name of a library");
            names.push_back(item.text());
        }
    }
}

}  // namespace

Stack load_stack(const std::string& data, const std::string& name_or_path) {
    const DataFile file = find_data_file(data, stack_files, name_or_path);
    const Node root = read_yaml_file(file.path);
    root.allow_only({"name", "title", "attention", "layout", "fuse", "tf32", "libraries", "dispatch", "launch",
                     "kernel_code", "runtime_memory"});
    Stack stack;
    const Node name = root.at("name");
    if (name.text().empty()) name.fail("an empty text", "the name of the stack");
    if (!file.required_name.empty() && name.text() != file.required_name) {
        name.fail(name.description(), "\"" + file.required_name + "\", the name of the file");
    }
    stack.name = name.text();
    stack.title = root.at("title").text();
    read_kernels(root, stack);
    read_dispatch(root.at("dispatch"), stack);
    read_launch_path(root.at("launch"), stack);
    read_kernel_code(root.at("kernel_code"), stack);
    if (const auto libraries = root.find("libraries")) read_libraries(*libraries, stack);
    StackFacts facts(root, "", stack.facts);
    stack.runtime_memory = facts.quantity("runtime_memory", Bytes(0), Bytes(0x1p40));
    return stack;
}

}  // namespace cupola::config
