// What the layers of the descriptor language do, each seen through the graph it makes.
#include "workload_file.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace cupola;
using cupola::testing::load_text;
using cupola::testing::one_stage;

namespace {

/// "conv 1x8x4x4 -> 1x16x4x4; …" over the first pass of the first stage, paths left out.
std::string operators(const Workload& workload) {
    const Graph& graph = workload.stages.front().passes.front().graph;
    std::string text;
    for (const Operator& op : graph.operators) {
        if (!text.empty()) text += "; ";
        text += std::string(name_of(op.kind)) + " " + graph.output(op).shape.sizes();
    }
    return text;
}

std::string paths(const Workload& workload) {
    const Graph& graph = workload.stages.front().passes.front().graph;
    std::string text;
    for (const Operator& op : graph.operators) text += (text.empty() ? "" : " ") + graph.path(op.scope);
    return text;
}

const std::string image = "{batch: 1, channels: 8, height: 16, width: 12}";

}  // namespace

TEST_CASE("shapes follow from the layers") {
    struct Row {
        std::string input, layers, operators;
    };
    const std::vector<Row> rows{
        {image, "        - conv: {out: 4, kernel: 3}\n", "conv 1x4x16x12"},
        {image, "        - conv: {out: 4, kernel: 3, stride: 2}\n", "conv 1x4x8x6"},
        {image, "        - conv: {out: 4, kernel: 3, stride: 2, padding: 0}\n", "conv 1x4x7x5"},
        {image, "        - conv: {out: 4, kernel: [5, 1]}\n", "conv 1x4x16x12"},
        {image, "        - conv: {out: 4, kernel: 3, stride: 2, padding: [[0, 1], [0, 1]]}\n", "conv 1x4x8x6"},
        {image, "        - conv: {out: 4, kernel: 4, stride: 2, transposed: true}\n", "conv_transpose 1x4x32x24"},
        {image, "        - conv: {out: 8, kernel: 3, groups: 8, dilation: 2}\n", "conv 1x8x16x12"},
        {"{batch: 1, channels: 8, frames: 5, height: 16, width: 12}", "        - conv: {out: 4, kernel: [3, 1, 1]}\n",
         "conv 1x4x5x16x12"},
        {"{batch: 2, channels: 8, length: 50}", "        - conv: {out: 4, kernel: 5, stride: 5, padding: 0}\n",
         "conv 2x4x10"},
        {image, "        - rearrange: batch (height width) channels\n        - linear: 3\n",
         "rearrange 1x192x8; linear 1x192x3"},
        {image,
         "        - rearrange: \"... (height width) channels\"\n        - rearrange: batch channels height width\n",
         "rearrange 1x192x8; rearrange 1x8x16x12"},
        {"{batch: 2, frames: 3, channels: 8}",
         "        - broadcast: {axes: (batch frames) tokens channels, sizes: {tokens: 7}}\n", "broadcast 6x7x8"},
        {"{batch: 2, tokens: 12, channels: 8}", "        - unfold: {axis: tokens, into: {height: 3, width: 4}}\n",
         "rearrange 2x3x4x8"},
        {image, "        - upsample\n", "upsample 1x8x32x24"},
        {image, "        - upsample: {sizes: {height: 3}, mode: bilinear}\n", "upsample 1x8x48x12"},
        {image, "        - average_pool: 4\n", "average_pool 1x8x4x3"},
        {image, "        - pixel_shuffle: 2\n", "pixel_shuffle 1x2x32x24"},
        {image, "        - pixel_unshuffle: 2\n", "pixel_unshuffle 1x32x8x6"},
        {image, "        - pad: {sizes: {height: [1, 2], width: 1}, mode: replicate}\n", "pad 1x8x19x13"},
        {image, "        - slice: {axis: height, start: 4, size: 5}\n", "slice 1x8x5x12"},
        {"{batch: 2, tokens: 6, channels: 8}",
         "        - chunk: {into: [a, b]}\n        - load: b\n        - concat: {with: [a, a], axis: tokens}\n",
         "slice 2x6x4; slice 2x6x4; cat 2x18x4"},
        {"{batch: 2, tokens: 6, channels: 8}", "        - geglu\n        - swiglu\n", "geglu 2x6x4; swiglu 2x6x2"},
        {"{batch: 2, tokens: 6, channels: 8}", "        - mean: {axis: tokens}\n", "mean 2x1x8"},
        {"{batch: 2, tokens: 6, dtype: int64}",
         "        - embedding: {vocabulary: 100, width: 8}\n        - linear: {out: 100}\n        - sample\n",
         "embedding 2x6x8; linear 2x6x100; sample 2x6x1"},
        {"{batch: 2}", "        - sinusoid: 320\n", "sinusoid 2x320"},
        {"{batch: 2, tokens: 6, channels: 64}", "        - attention: {heads: 4}\n", "attention 2x6x64"},
        {"{batch: 2, tokens: 1, channels: 64}",
         "        - cache: {length: 9, to: k}\n        - attention: {heads: 4, key: k, value: k, causal: true}\n",
         "cache_append 2x9x64; attention 2x1x64"},
        {"{heads: 3, rows: 5, dim: 7}",
         "        - state: {heads: 3, columns: 11, dim: 7}\n          to: other\n        - matmul: {with: other, over: "
         "dim}\n",
         "matmul 3x5x11"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.layers);
        std::string found;
        CHECK_NOTHROW(found = operators(load_text(one_stage(row.input, row.layers))));
        CHECK(found == row.operators);
    }
}

TEST_CASE("repeat, for, when and residual shape the list of operators and its paths") {
    const Workload workload =
        load_text(one_stage("{batch: 1, channels: 8}",
                            "        - for: {level: 0 .. 2}\n"
                            "          name: down\n"
                            "          layers:\n"
                            "            - when: level < 2\n"
                            "              layers: [{linear: {out: 8 * (level + 1), name: grow}}]\n"
                            "              else: [{residual: [silu, {linear: size(channels)}]}]\n"
                            "        - repeat: 2\n"
                            "          layers: [relu]\n"));
    CHECK(operators(workload) == "linear 1x8; linear 1x16; silu 1x16; linear 1x16; add 1x16; relu 1x16; relu 1x16");
    CHECK(paths(workload) ==
          "down.0.grow down.1.grow down.2.silu down.2.linear down.2.add layer.0.relu "
          "layer.1.relu");
}

TEST_CASE("siblings of one name are different modules with their own weights") {
    const Workload workload =
        load_text(one_stage("{batch: 1, channels: 8}", "        - linear: 8\n        - linear: 8\n"));
    CHECK(paths(workload) == "linear linear_2");
    CHECK(workload.components.front().parameters == 2 * 72);
}

TEST_CASE("a loop runs the same weights again and carries state; a for does not share") {
    const std::string body =
        "          layers:\n"
        "            - when: remembers(last)\n"
        "              layers: [{recall: last}]\n"
        "              else: [{slice: {axis: tokens, size: 2}}]\n"
        "            - linear: 8\n"
        "            - remember: last\n";
    const std::string input = "{batch: 1, tokens: 6, channels: 8}";
    const Workload loop = load_text(one_stage(input, "        - loop: {i: 0 .. 2}\n" + body));
    CHECK(operators(loop) == "slice 1x2x8; linear 1x2x8; linear 1x2x8; linear 1x2x8");
    CHECK(loop.components.front().parameters == 72);
    const Workload unrolled =
        load_text(one_stage(input, "        - for: {i: 0 .. 2}\n          layers: [{linear: 8}]\n"));
    CHECK(unrolled.components.front().parameters == 3 * 72);
}

TEST_CASE("weights of one name are counted once") {
    const Workload workload = load_text(one_stage("{batch: 1, tokens: 6, dtype: int64}",
                                                  "        - embedding: {vocabulary: 100, width: 8, weights: table}\n"
                                                  "        - linear: {out: 100, bias: false, weights: table}\n"));
    CHECK(workload.components.front().parameters == 800);
}

TEST_CASE("a module sees its arguments and nothing else; defaults may speak of them") {
    const std::string modules =
        "modules:\n"
        "  grow:\n"
        "    arguments: {factor: int, out: {default: factor * size(channels)}, extra: {type: tensor, default: none}}\n"
        "    layers:\n"
        "      - linear: out\n"
        "      - when: has(extra)\n"
        "        layers: [{add: extra}]\n";
    const Workload workload = load_text(one_stage("{batch: 1, channels: 8}",
                                                  "        - save: start\n"
                                                  "        - grow: {factor: 2}\n"
                                                  "        - grow: {factor: 9, out: 8, extra: start}\n",
                                                  modules));
    CHECK(operators(workload) == "linear 1x16; linear 1x8; add 1x8");
}

TEST_CASE("a stack gives back what was pushed last, to concatenate or to add") {
    const Workload workload = load_text(one_stage("{batch: 1, channels: 8}",
                                                  "        - push: skip\n"
                                                  "        - linear: 16\n"
                                                  "        - push: skip\n"
                                                  "        - add: {pop: skip}\n"
                                                  "        - concat: {pop: skip}\n"));
    CHECK(operators(workload) == "linear 1x16; add 1x16; cat 1x24");
}

TEST_CASE("two streams are joined and split by the lengths they had") {
    const Workload workload =
        load_text(one_stage("{batch: 1, channels: 8, height: 4, width: 4}",
                            "        - rearrange: batch (height width) channels\n"
                            "        - flatten: {axis: height, into: tokens}\n"
                            "        - save: image\n"
                            "        - parameter: {batch: 1, tokens: 5, channels: 8}\n"
                            "          to: text\n"
                            "        - concat: {before: text, axis: tokens}\n"
                            "        - linear: 8\n"
                            "        - split: {axis: tokens, into: [text, image], like: [text, image]}\n"
                            "        - load: image\n"));
    CHECK(operators(workload) ==
          "rearrange 1x16x8; rearrange 1x16x8; parameter 1x5x8; cat 1x21x8; linear 1x21x8; slice 1x5x8; slice 1x16x8");
}

TEST_CASE("attention tells what attends to what") {
    const auto span = [](const std::string& input, const std::string& layers) {
        const Workload workload = load_text(one_stage(input, layers));
        const Graph& graph = workload.stages.front().passes.front().graph;
        return std::string(name_of(std::get<Attention>(graph.operators.back().kind).span));
    };
    const std::string video = "{batch: 1, frames: 4, channels: 8, height: 4, width: 4}";
    CHECK(
        span(video, "        - rearrange: (batch frames) (height width) channels\n        - attention: {heads: 2}\n") ==
        "spatial");
    CHECK(span(video, "        - rearrange: (batch height width) frames channels\n        - attention: {heads: 2}\n") ==
          "temporal");
    CHECK(span("{batch: 1, tokens: 4, channels: 8}", "        - attention: {heads: 2, causal: true}\n") == "causal");
    CHECK(span("{batch: 1, pixels: 4, channels: 8}",
               "        - state: {batch: 1, tokens: 7, channels: 8}\n          to: text\n        - attention: {heads: "
               "2, key: text, value: text}\n") == "cross");
}

TEST_CASE("steps with equal shapes share one pass, other steps get their own") {
    const std::string text =
        "name: model\nsources: [a test]\nstages:\n  - main:\n      repeat: 10\n      let: {rows: 1 + step // 4}\n"
        "      input: {batch: rows, channels: 8}\n      layers: [{linear: 8}]\n";
    const Workload workload = load_text(text);
    const auto& passes = workload.stages.front().passes;
    REQUIRE(passes.size() == 3);
    CHECK(passes[0].count == 4);
    CHECK(passes[2].count == 2);
    CHECK(run_macs(workload).linear == 64.0 * (4 * 1 + 4 * 2 + 2 * 3));
    CHECK(workload.components.front().parameters == 72);
}

TEST_CASE("many distinct steps are interpolated, exactly where the work is linear in the step") {
    const auto attention = [](std::int64_t steps) {
        const std::string text =
            "name: model\nsources: [a test]\nstages:\n  - main:\n      repeat: " + std::to_string(steps) +
            "\n      let: {length: 5 + step}\n      input: {batch: 1, tokens: 1, channels: 8}\n"
            "      layers:\n        - cache: {length: length, to: k}\n        - attention: {heads: 1, key: k, value: "
            "k}\n";
        return load_text(text);
    };
    for (const std::int64_t steps : {2, 64, 65, 200, 1024}) {
        CAPTURE(steps);
        const Workload workload = attention(steps);
        CHECK(workload.stages.front().passes.size() <= 64);
        CHECK(workload.stages.front().steps() == doctest::Approx(static_cast<double>(steps)).epsilon(1e-12));
        double expected = 0;
        for (std::int64_t step = 0; step < steps; ++step) expected += 16.0 * static_cast<double>(5 + step);
        CHECK(run_macs(workload).attention == doctest::Approx(expected).epsilon(1e-12));
    }
}

TEST_CASE("stages hand on their results, and may be left out") {
    const std::string text =
        "name: model\nsources: [a test]\nparameters:\n  task: {default: long, one_of: [long, short], about: what to "
        "do}\n"
        "stages:\n  - encoder:\n      input: {batch: 2, tokens: 7, dtype: int64}\n      layers:\n"
        "        - embedding: {vocabulary: 10, width: 8}\n        - output: all\n        - gather: {axis: tokens, "
        "rows: 1}\n"
        "  - extra: {when: task == 'long', input: encoder, layers: [{linear: 8}]}\n"
        "  - last: {input: encoder.all, layers: [{linear: 8}], repeat: 2.5, dtype: fp32}\n";
    const Workload workload = load_text(text);
    REQUIRE(workload.stages.size() == 3);
    const Graph& last = workload.stages[2].passes[0].graph;
    CHECK(last.values.front().shape.sizes() == "2x7x8");
    CHECK(last.output(last.operators.front()).type == DataType::fp32);
    CHECK(workload.stages[2].steps() == 2.5);
    CHECK(load_text(text, {{"task", "short"}}).stages.size() == 2);
}

TEST_CASE("the small UNet that workloads/README.md teaches with loads as printed there") {
    std::ifstream file(std::string(CUPOLA_SOURCE_DIR) + "/workloads/README.md");
    const std::string readme((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::string fence = "```yaml\n";
    const std::size_t begin = readme.find(fence) + fence.size();
    const Workload workload = load_text(readme.substr(begin, readme.find("```", begin) - begin), {{"height", "512"}});
    CHECK(workload.stages.front().steps() == 20);
    const Graph& graph = workload.stages.front().passes.front().graph;
    CHECK(graph.output(graph.operators.back()).shape.sizes() == "1x4x64x64");
}

TEST_CASE("interpolation over steps never crosses a switch, whatever the number of steps") {
    // Every other step works; the length grows all the while.
    for (const std::int64_t steps : {64, 65, 128, 129, 1000}) {
        CAPTURE(steps);
        const Workload workload =
            load_text("name: model\nsources: [a test]\nstages:\n  - main:\n      repeat: " + std::to_string(steps) +
                      "\n      let: {length: 5 + step, works: step % 2}\n      input: {batch: length, channels: 8}\n"
                      "      layers:\n        - when: works == 1\n          layers: [{linear: 8}]\n");
        double expected = 0;
        for (std::int64_t step = 1; step < steps; step += 2) expected += 64.0 * static_cast<double>(5 + step);
        CHECK(run_macs(workload).linear == doctest::Approx(expected).epsilon(1e-12));
        CHECK(workload.stages.front().steps() == doctest::Approx(static_cast<double>(steps)).epsilon(1e-12));
    }
}

TEST_CASE("steps that differ in a small real number are told apart") {
    const Workload workload = load_text(
        "name: model\nsources: [a test]\nstages:\n  - main:\n      repeat: 2\n      let: {a: 1.0 + step * 0.00000001}\n"
        "      input: {batch: \"choose(a > 1.000000001, 100, 1)\", channels: 8}\n      layers: [{linear: 8}]\n");
    CHECK(run_macs(workload).linear == 64.0 * 101);
}

TEST_CASE("of a fractional number of steps the last counts in part") {
    const Workload workload = load_text(
        "name: model\nsources: [a test]\nstages:\n  - main:\n      repeat: 2.5\n      let: {rows: 10 * (step + 1)}\n"
        "      input: {batch: rows, channels: 8}\n      layers: [{linear: 8}]\n");
    CHECK(run_macs(workload).linear == 64.0 * (10 + 20 + 0.5 * 30));
}

TEST_CASE("a layer that `when` skips in a module renames no other's weights") {
    const std::string modules =
        "modules:\n  body:\n    arguments: {extra: bool}\n    layers:\n"
        "      - when: extra\n        layers: [{linear: 8}]\n      - linear: 8\n";
    const std::string text =
        "name: model\nsources: [a test]\n" + modules +
        "stages:\n  - first: {component: net, input: {batch: 1, channels: 8}, layers: [{body: {extra: "
        "false}}]}\n  - second: {component: net, input: {batch: 1, channels: 8}, layers: [{body: "
        "{extra: true}}]}\n";
    CHECK(load_text(text).components.front().parameters == 2 * 72);
}

TEST_CASE("a convolution keeps the size at stride 1, with an even kernel too") {
    const std::string input = "{batch: 1, channels: 8, height: 16, width: 12}";
    CHECK(operators(load_text(one_stage(input, "        - conv: {out: 4, kernel: 4}\n"))) == "conv 1x4x16x12");
    CHECK(
        operators(load_text(one_stage(input, "        - conv: {out: 4, kernel: 3, stride: 2, transposed: true}\n"))) ==
        "conv_transpose 1x4x32x24");
}
