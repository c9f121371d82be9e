#include "cupola/config/load.hpp"
#include "cupola/config/node.hpp"

namespace cupola::config {
namespace {

constexpr std::int64_t most_heads = 100'000;

}  // namespace

HeadClusters load_head_clusters(const std::string& path) {
    const Node root = read_yaml_file(path);  // JSON is YAML
    root.allow_only({"layer_params"});
    const Node list = root.at("layer_params");
    HeadClusters result{list.position(), {}};
    for (const Node& layer : list.items()) result.layers.push_back({layer.integer(1, most_heads), layer.position()});
    return result;
}

}  // namespace cupola::config
