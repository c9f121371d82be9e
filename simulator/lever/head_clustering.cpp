// CHAI: heads that attend alike share one head's scores and keys.
#include "cupola/lever/decoding.hpp"
#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/workload/graph_edit.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace cupola {
namespace {

/// So many layers behind each other with so many clusters of heads each.
struct ClusteredLayers {
    std::int64_t layers = 0, clusters = 0;
    SourcePosition where;  ///< in the user's file; none for a list on the command line
};

/// Clusters of all layers as given.
struct ClusterList {
    std::vector<ClusteredLayers> layers;
    SourcePosition where;  ///< of the list in the user's file; none for one on the command line
};

/// An error at a place of the user's file, or of the lever where there is none.
[[noreturn]] void refuse(const SourcePosition& where, const std::string& key, const std::string& found,
                         const std::string& expected) {
    throw InputError({where, where.file ? key : "--lever chai", found, expected, ""});
}

/// Published clusters a layer, from facebookresearch/chai: params7b.json of 11 December 2024, its first version of
/// 23 July 2024, params33b.json.
struct Preset {
    const char *name, *clusters;
};
constexpr std::array<Preset, 3> presets{{
    {"7b", "18x32+14x4"},
    {"7b-2024-07", "3x28+11x18+2x8+16x4"},
    {"33b", "18x48+8x36+6x24+2x8+26x6"},
}};

/// "18x32+14x4"
std::vector<ClusteredLayers> parse_clusters(const LeverValue& value) {
    std::string text = value.text();
    for (const Preset& preset : presets) {
        if (text == preset.name) text = preset.clusters;
    }
    std::vector<ClusteredLayers> result;
    const char *at = text.data(), *end = at + text.size();
    const auto number = [&](std::int64_t& target) {
        const auto [rest, error] = std::from_chars(at, end, target);
        const bool good = error == std::errc{} && target > 0 && target <= 100'000;
        at = rest;
        return good;
    };
    for (;;) {
        ClusteredLayers next;
        const bool good = number(next.layers) && at != end && *at++ == 'x' && number(next.clusters);
        if (!good) {
            value.fail(
                "7b, 7b-2024-07, 33b, layers x clusters of heads such as 18x32+14x4, or a path such as "
                "./clusters.json");
        }
        result.push_back(next);
        if (at == end) return result;
        if (*at++ != '+') value.fail("a + between numbers of layers, such as 18x32+14x4");
    }
}

bool is_path(const std::string& text) { return text.find('/') != std::string::npos || text.ends_with(".json"); }

ClusterList given_clusters(const LeverContext& context, const LeverValue& value) {
    if (!is_path(value.text())) return {parse_clusters(value), {}};
    if (!context.read_head_clusters) value.fail("a list such as 18x32+14x4", "this program reads no files of clusters");
    const HeadClusters file = context.read_head_clusters(value.text());
    ClusterList list{{}, file.where};
    for (const HeadClusters::Layer& layer : file.layers) list.layers.push_back({1, layer.clusters, layer.where});
    return list;
}

/// The clusters of every layer in order.
std::vector<ClusteredLayers> clusters_by_layer(const ClusterList& list, std::size_t layers) {
    std::vector<ClusteredLayers> result;
    std::int64_t given = 0;
    for (const ClusteredLayers& some : list.layers) {
        given += some.layers;
        if (given <= static_cast<std::int64_t>(layers)) {
            result.insert(result.end(), static_cast<std::size_t>(some.layers), some);
        }
    }
    if (given != static_cast<std::int64_t>(layers)) {
        refuse(list.where, "layer_params", "clusters for " + std::to_string(given) + " layers",
               "for the " + std::to_string(layers) + " layers of the model");
    }
    return result;
}

Shape with_channels(const Shape& shape, std::int64_t channels) {
    Shape result = shape;
    result.replace_axis(shape.rank() - 1, AxisName("channels"), channels);
    return result;
}

/// Narrows what makes the queries or keys of an attention to some heads: from the attention back to the projection.
/// Without pruned projections one copy behind it picks the heads.
class Narrowing {
public:
    Narrowing(GraphEdit& edit, std::int64_t width, bool prune) : edit_(edit), width_(width), prune_(prune) {}

    void apply(ValueId value) {
        const std::uint32_t producer = edit_.graph().values[value].producer;
        if (producer == no_id) return;
        Operator& op = edit_.op(producer);
        const auto inputs = edit_.graph().inputs(op);
        if (auto* linear = std::get_if<Linear>(&op.kind)) {
            if (!prune_) return pick_heads(value, producer);
            prune_weight(op, *linear);
        } else if (auto* norm = std::get_if<Norm>(&op.kind)) {
            norm->rows = norm->rows * width_ / edit_.value(value).shape.axis_size(edit_.value(value).shape.rank() - 1);
            apply(inputs.front());
        } else if (!inputs.empty()) {
            apply(inputs.back());  // rotation, cache: the last input is the new tokens'
        }
        Value& result = edit_.value(value);
        result.shape = with_channels(result.shape, width_);
    }

private:
    void prune_weight(Operator& op, Linear& linear) {
        linear.out = width_;
        // The weight is this operator's alone; a smaller one takes its place.
        edit_.weight(op).parameters = parameters_of(op.kind);
    }

    void pick_heads(ValueId value, std::uint32_t producer) {
        const Value full = edit_.value(value);
        const std::array<ValueId, 1> inputs{value};
        const ValueId picked =
            edit_.insert(producer + 1, edit_.graph().scopes[edit_.graph().operators[producer].scope].parent,
                         "pick_heads", Gather{}, inputs, with_channels(full.shape, width_), full.type);
        edit_.redirect(value, picked, producer + 1);
    }

    GraphEdit& edit_;
    std::int64_t width_;
    bool prune_;
};

void cluster(GraphEdit& edit, std::uint32_t index, std::int64_t clusters, bool prune) {
    auto& attention = std::get<Attention>(edit.op(index).kind);
    if (attention.kv_heads != attention.heads) {
        does_not_apply("chai",
                       std::to_string(attention.kv_heads) + " heads of keys for " + std::to_string(attention.heads) +
                           " of queries",
                       "a model whose heads have keys of their own");
    }
    if (clusters == attention.heads) return;
    const auto inputs = edit.graph().inputs(edit.graph().operators[index]);
    const ValueId query = inputs[0], key = inputs[1];
    const std::int64_t width = clusters * attention.head_dim;
    attention.score_heads = clusters;
    for (const ValueId value : {query, key}) Narrowing(edit, width, prune).apply(value);
}

void check_heads(const ClusteredLayers& given, std::size_t layer, std::int64_t heads) {
    if (given.clusters <= heads) return;
    refuse(given.where, "layer_params[" + std::to_string(layer) + "]",
           std::to_string(given.clusters) + " clusters for layer " + std::to_string(layer),
           "at most its " + std::to_string(heads) + " heads");
}

/// Whether some attention computes the scores of fewer heads than it has.
bool shares_scores(const Graph& graph) {
    return std::any_of(graph.operators.begin(), graph.operators.end(), [](const Operator& op) {
        const auto* attention = std::get_if<Attention>(&op.kind);
        return attention != nullptr && attention->score_heads > 0;
    });
}

Graph clustered(const Graph& graph, const ClusterList& list, bool prune) {
    const std::vector<LayerRange> layers = main_layers(graph);
    const std::vector<ClusteredLayers> clusters = clusters_by_layer(list, layers.size());
    GraphEdit edit(graph);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        for (std::uint32_t op = layers[i].begin; op < layers[i].end; ++op) {
            const auto* attention = std::get_if<Attention>(&graph.operators[op].kind);
            if (attention == nullptr || !attention->causal) continue;
            check_heads(clusters[i], i, attention->heads);
            cluster(edit, op, clusters[i].clusters, prune);
        }
    }
    return edit.take();
}

void apply_chai(LeverContext& context, const LeverValue& value) {
    value.allow_only({"clusters", "projection"});
    const auto given = value.field("clusters"), projection = value.field("projection");
    if (!given) value.fail("a field clusters", "for example chai=clusters:7b");
    const bool prune = projection && projection->one_of({"off", "on"}) == 1;
    const ClusterList clusters = given_clusters(context, *given);
    const std::string component = context.workload.stages[decode_stage(context.workload, "chai")].component;
    bool shared = false;
    for (Stage& stage : context.workload.stages) {
        if (stage.component != component) continue;
        for (Pass& pass : stage.passes) {
            pass.graph = clustered(pass.graph, clusters, prune);
            shared = shared || shares_scores(pass.graph);
        }
    }
    if (!shared) given->fail("fewer clusters than heads in some layer", "otherwise no head shares its scores");
}

constexpr std::array<Lever, 1> levers{{
    {"chai", "clusters:7b | 7b-2024-07 | 33b | 18x32+14x4 | ./FILE.json, projection:on",
     "in a layer of k clusters QKᵀ and softmax run on k heads and the cache holds k heads of keys; their scores are "
     "copied to all heads for PV; projection: queries and keys of the other heads are not made at all",
     "Agarwal et al. 2024 (CHAI); clusters from facebookresearch/chai, params7b.json and params33b.json",
     "decoders whose heads have keys of their own; scores are stored between kernels; finding the clusters (0.6 ms a "
     "request) is not modelled; a file is as params7b.json and named by its path, relative to the working directory",
     LeverPhase::graph, "heads with scores of their own", apply_chai},
}};

}  // namespace

std::span<const Lever> head_clustering_levers() { return levers; }

}  // namespace cupola
