#include "cupola/config/data_files.hpp"
#include "cupola/config/fact.hpp"
#include "cupola/config/load.hpp"
#include "cupola/config/node.hpp"

#include <cstddef>
#include <initializer_list>

namespace cupola::config {
namespace {

/// Reads the facts of one GPU file: `key: {value: …, source: …, recalled: true}`, each kept with its origin.
class FactReader {
public:
    FactReader(Node file, Gpu& gpu) : map_(std::move(file)), gpu_(gpu) {}

    [[nodiscard]] double number(const std::string& key, double min, double max) {
        return value_of(map_.at(key), key).number(min, max);
    }
    [[nodiscard]] int integer(const std::string& key, int min, int max) {
        return static_cast<int>(value_of(map_.at(key), key).integer(min, max));
    }
    template <typename Q>
    [[nodiscard]] Q quantity(const std::string& key, Q min, Q max) {
        return value_of(map_.at(key), key).quantity(min, max);
    }
    template <typename Q>
    [[nodiscard]] std::optional<Q> optional_quantity(const std::string& key, Q min, Q max) {
        const auto fact = map_.find(key);
        if (!fact) return std::nullopt;
        return value_of(*fact, key).quantity(min, max);
    }

    /// tensor_rates: a map of data types the matrix instructions take; those left out do not exist.
    [[nodiscard]] TensorRates tensor_rates() {
        const Node rates = map_.at("tensor_rates");
        rates.allow_only({"fp16", "bf16", "tf32", "fp8", "int8", "fp4"});
        const auto rate = [&](const std::string& type) {
            const auto fact = rates.find(type);
            return fact ? value_of(*fact, "tensor_rates." + type).number(1, 1e6) : 0.0;
        };
        return {rate("fp16"), rate("bf16"), rate("tf32"), rate("fp8"), rate("int8"), rate("fp4")};
    }

private:
    Node value_of(const Node& fact, const std::string& field) { return read_fact(fact, field, gpu_.facts); }

    Node map_;
    Gpu& gpu_;
};

const std::vector<std::string>& known_keys() {
    static const std::vector<std::string> keys{"name",
                                               "product",
                                               "architecture",
                                               "sm_count",
                                               "boost_clock",
                                               "sustained_tensor_clock",
                                               "sustained_simt_clock",
                                               "tensor_rates",
                                               "fp32_lanes_per_sm",
                                               "mufu_per_clock_per_sm",
                                               "max_warps_per_sm",
                                               "shared_memory_per_sm",
                                               "dram_capacity",
                                               "dram_bandwidth",
                                               "dram_efficiency",
                                               "dram_latency",
                                               "l2_capacity",
                                               "l2_usable_fraction",
                                               "l2_bandwidth",
                                               "stream_kernel_slot",
                                               "graph_kernel_slot",
                                               "tdp",
                                               "pcie_bandwidth",
                                               "nvlink_bandwidth"};
    return keys;
}

Architecture read_architecture(const Node& node) {
    std::vector<std::string> names;
    for (const Architecture architecture : all_architectures) names.emplace_back(name_of(architecture));
    return all_architectures[node.one_of(names)];
}

std::string read_name(const Node& node, const std::string& required) {
    if (node.text().empty()) node.fail("an empty text", "the name of the GPU");
    if (!required.empty() && node.text() != required) {
        node.fail(node.description(), "\"" + required + "\", the name of the file");
    }
    return node.text();
}

// The ranges are wide enough for any GPU of two decades around today and tight enough to catch a wrong prefix.

void read_processors(FactReader& facts, Gpu& gpu) {
    const Hertz slowest(1e8), fastest(1e10);
    gpu.sm_count = facts.integer("sm_count", 1, 10'000);
    gpu.boost_clock = facts.quantity("boost_clock", slowest, fastest);
    // A device cannot sustain more than its highest clock, so that bounds the other two.
    gpu.sustained_tensor_clock = facts.quantity("sustained_tensor_clock", slowest, gpu.boost_clock);
    gpu.sustained_simt_clock = facts.quantity("sustained_simt_clock", slowest, gpu.boost_clock);
    gpu.tensor_rates = facts.tensor_rates();
    gpu.fp32_lanes_per_sm = facts.number("fp32_lanes_per_sm", 1, 4096);
    gpu.mufu_per_clock_per_sm = facts.number("mufu_per_clock_per_sm", 1, 1024);
    gpu.max_warps_per_sm = facts.integer("max_warps_per_sm", 1, 256);
    gpu.shared_memory_per_sm = facts.quantity("shared_memory_per_sm", Bytes(0x1p12), Bytes(0x1p24));
}

void read_memory(FactReader& facts, Gpu& gpu) {
    const BytesPerSecond slowest(1e9), fastest(1e15);
    gpu.dram_capacity = facts.quantity("dram_capacity", Bytes(0x1p27), Bytes(0x1p43));
    gpu.dram_bandwidth = facts.quantity("dram_bandwidth", slowest, fastest);
    gpu.dram_efficiency = facts.number("dram_efficiency", 0.1, 1.0);
    gpu.dram_latency = facts.quantity("dram_latency", Seconds(1e-8), Seconds(1e-5));
    gpu.l2_capacity = facts.quantity("l2_capacity", Bytes(0x1p16), Bytes(0x1p34));
    gpu.l2_usable_fraction = facts.number("l2_usable_fraction", 0.1, 1.0);
    gpu.l2_bandwidth = facts.quantity("l2_bandwidth", slowest, fastest);
}

void read_launch_and_links(FactReader& facts, Gpu& gpu) {
    gpu.stream_kernel_slot = facts.quantity("stream_kernel_slot", Seconds(1e-8), Seconds(1e-3));
    gpu.graph_kernel_slot = facts.quantity("graph_kernel_slot", Seconds(1e-8), Seconds(1e-3));
    gpu.tdp = facts.quantity("tdp", Watts(1), Watts(10'000));
    gpu.pcie_bandwidth = facts.quantity("pcie_bandwidth", BytesPerSecond(1e8), BytesPerSecond(1e13));
    gpu.nvlink_bandwidth = facts.optional_quantity("nvlink_bandwidth", BytesPerSecond(1e8), BytesPerSecond(1e14));
}

}  // namespace

Gpu load_gpu(const std::string& data, const std::string& name_or_path) {
    const DataFile file = find_data_file(data, gpu_files, name_or_path);
    const Node root = read_yaml_file(file.path);
    root.allow_only(known_keys());
    Gpu gpu;
    gpu.name = read_name(root.at("name"), file.required_name);
    gpu.product = root.at("product").text();
    gpu.architecture = read_architecture(root.at("architecture"));
    FactReader facts(root, gpu);
    read_processors(facts, gpu);
    read_memory(facts, gpu);
    read_launch_and_links(facts, gpu);
    return gpu;
}

}  // namespace cupola::config
