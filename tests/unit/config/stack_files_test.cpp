#include "cupola/config/inherit.hpp"
#include "cupola/config/load.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::config;

namespace {

const std::string data = CUPOLA_SOURCE_DIR;

/// "{a: 1, b: {c: 2}}"
std::string flow(const Node& node) {
    if (node.is_scalar()) return node.text();
    std::string text;
    if (node.is_map()) {
        for (const Node::Entry& entry : node.entries()) {
            text += (text.empty() ? "" : ", ") + entry.key + ": " + flow(entry.value);
        }
        return "{" + text + "}";
    }
    for (const Node& item : node.items()) text += (text.empty() ? "" : ", ") + flow(item);
    return "[" + text + "]";
}

Attention call(std::int64_t head_dim, bool mask = false) {
    Attention attention;
    attention.head_dim = attention.value_dim = head_dim;
    attention.mask = mask;
    return attention;
}

std::string kernel_name(const Stack& stack, const Attention& attention, DataType type, Architecture architecture) {
    const auto kernel = fused_kernel(stack, attention, type, architecture);
    return kernel ? std::string(name_of(*kernel)) : "math";
}

}  // namespace

TEST_CASE("what a stack leaves out comes from its base, map by map; a statement is taken whole") {
    struct Row {
        std::string base, own, merged;
    };
    const std::vector<Row> rows{
        {"{a: 1, b: 2}", "{b: 3}", "{b: 3, a: 1}"},
        {"{a: {x: 1, y: 2}}", "{a: {y: 3}}", "{a: {y: 3, x: 1}}"},
        {"{a: {x: {p: 1}}}", "{a: {x: {q: 2}}}", "{a: {x: {q: 2, p: 1}}}"},
        {"{a: [1, 2]}", "{a: [3]}", "{a: [3]}"},
        {"{a: {x: 1}}", "{a: 2}", "{a: 2}"},
        {"{a: 2}", "{a: {x: 1}}", "{a: {x: 1}}"},
        {"{a: {value: 1, source: s, recalled: true}}", "{a: {value: 2, source: t}}", "{a: {value: 2, source: t}}"},
        {"{a: {kernel: k, masked: false, source: s}}", "{a: {kernel: m}}", "{a: {kernel: m}}"},
        {"{name: base, a: 1}", "{}", "{a: 1}"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.own);
        const Node base = read_yaml_text(row.base, "base.yaml"), own = read_yaml_text(row.own, "own.yaml");
        CHECK(flow(inherit(own, base, {"name"})) == row.merged);
    }
}

TEST_CASE("merged values keep their place in the file where they stand, and their path") {
    const Node base = read_yaml_text("a:\n  x: 1\n  y: 2\n", "base.yaml");
    const Node own = read_yaml_text("\n\na:\n  y: 3\n", "own.yaml");
    const Node merged = inherit(inherit(read_yaml_text("{b: 1}", "last.yaml"), own, {}), base, {});
    CHECK(merged.at("a").at("y").position().text() == "own.yaml:4:6");
    CHECK(merged.at("a").at("x").position().text() == "base.yaml:2:6");
    CHECK(merged.at("a").at("x").key_path() == "a.x");
    CHECK(merged.at("b").position().text() == "last.yaml:1:5");
    CHECK_THROWS_WITH_AS(merged.at("a").allow_only({"y"}),
                         "base.yaml:2:3: a: found the unknown key \"x\", expected a known one; known: y", InputError);
}

TEST_CASE("every stack file loads, gives the source of each fact and closes its attention kernels with math") {
    const std::vector<Listing> listings = list_stacks(data);
    CHECK(listings.size() >= 13);
    for (const Listing& listing : listings) {
        CAPTURE(listing.name);
        const Stack stack = load_stack(data, listing.name);
        CHECK(stack.name == listing.name);
        CHECK_FALSE(listing.title.empty());
        CHECK(stack.facts.size() > 20);
        for (const Fact& fact : stack.facts) CHECK_FALSE(fact.source.empty());
        CHECK_FALSE(stack.attention.back().kernel);  // math closes every list
        CHECK((stack.has_compiler || !stack.compiled));
    }
}

TEST_CASE("one file holds both modes") {
    Stack stack = load_stack(data, "pytorch-2.2");
    CHECK_FALSE(stack.compiled);
    CHECK(stack.mode().dispatch.module_call > Seconds(0));
    CHECK(stack.libraries()[index_of(KernelKind::memory)] == std::vector<std::string>{"pytorch"});
    stack.compiled = true;
    CHECK(stack.mode().dispatch.module_call == Seconds(0));
    CHECK(stack.mode().dispatch.elementwise < stack.eager_mode.dispatch.elementwise);
    CHECK(stack.libraries()[index_of(KernelKind::memory)] == std::vector<std::string>{"pytorch-inductor"});
    stack.max_autotune = true;
    CHECK(stack.libraries()[index_of(KernelKind::gemm)].front() == "autotuned");
    CHECK(load_stack(data, "pytorch-compile").compiled_mode.dispatch.linear == stack.compiled_mode.dispatch.linear);
}

TEST_CASE("which attention kernel a version runs follows GPU, type, head size and mask") {
    struct Row {
        std::string stack;
        Architecture architecture;
        DataType type;
        std::int64_t head_dim;
        bool mask;
        std::string kernel;
    };
    using enum Architecture;
    const std::vector<Row> rows{
        {"pytorch-1.12", hopper, DataType::fp16, 64, false, "math"},
        {"pytorch-1.13", ampere, DataType::fp16, 64, false, "math"},
        {"pytorch-2.0", ampere, DataType::fp16, 64, false, "memory_efficient"},  // FlashAttention-1, by that law
        {"pytorch-2.1", turing, DataType::fp16, 64, false, "memory_efficient"},
        {"pytorch-2.2", volta, DataType::fp16, 64, false, "memory_efficient"},
        {"pytorch-2.2", turing, DataType::fp16, 64, false, "memory_efficient"},
        {"pytorch-2.2", ampere, DataType::fp16, 40, false, "flash2"},
        {"pytorch-2.2", ampere, DataType::bf16, 256, false, "flash2"},
        {"pytorch-2.2", ampere, DataType::bf16, 512, false, "memory_efficient"},
        {"pytorch-2.2", ampere, DataType::fp32, 64, false, "memory_efficient"},
        {"pytorch-2.2", hopper, DataType::bf16, 128, false, "flash2"},
        {"pytorch-2.2", hopper, DataType::bf16, 128, true, "memory_efficient"},
        {"pytorch-2.4", hopper, DataType::bf16, 128, false, "flash2"},
        {"pytorch-2.5", hopper, DataType::bf16, 128, false, "flash2"},
        {"pytorch-2.5", hopper, DataType::bf16, 128, true, "memory_efficient"},
        {"pytorch-2.5", hopper, DataType::bf16, 160, false, "flash2"},
        {"pytorch-2.5", hopper, DataType::bf16, 100, false, "flash2"},
        {"pytorch-2.5", ampere, DataType::bf16, 128, false, "flash2"},
        {"pytorch-2.5", blackwell, DataType::bf16, 128, false, "flash2"},
        {"pytorch-2.8", hopper, DataType::bf16, 160, false, "flash2"},
        {"pytorch-2.9", blackwell, DataType::bf16, 128, false, "cudnn"},
        {"pytorch-2.9", hopper, DataType::bf16, 128, true, "cudnn"},
        {"pytorch-2.9", hopper, DataType::bf16, 160, false, "cudnn"},
        {"pytorch-2.9", ada, DataType::fp16, 64, false, "flash2"},
        {"tensorrt", ada, DataType::fp16, 64, false, "fmha"},
        {"tensorrt", volta, DataType::fp16, 64, false, "math"},
        {"onnxruntime", ampere, DataType::fp32, 64, false, "memory_efficient"},
        {"ideal", volta, DataType::fp32, 1000, true, "flash2"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.stack);
        CAPTURE(name_of(row.architecture));
        CAPTURE(row.head_dim);
        CHECK(kernel_name(load_stack(data, row.stack), call(row.head_dim, row.mask), row.type, row.architecture) ==
              row.kernel);
    }
}

TEST_CASE("kernels that no version prefers can be asked for by name") {
    const Stack stack = load_stack(data, "pytorch-1.13");
    REQUIRE(find_attention(stack, "memory_efficient") != nullptr);
    CHECK(find_attention(stack, "math") != nullptr);
    CHECK(find_attention(stack, "flash9") == nullptr);
    const Stack latest = load_stack(data, "pytorch-2.8");
    const AttentionRule* const flash3 = find_attention(latest, "flash3");
    REQUIRE(flash3 != nullptr);
    CHECK(flash3->serves(Architecture::hopper));
    CHECK_FALSE(flash3->serves(Architecture::ampere));
}

TEST_CASE("a user's file may rest on a named stack or on a file beside it") {
    namespace fs = std::filesystem;
    const fs::path folder = fs::temp_directory_path() / "cupola-stack-files-test";
    fs::create_directories(folder);
    std::ofstream(folder / "mine.yaml") << "name: mine\ntitle: my host\nbase: pytorch-1.13\n"
                                           "launch: {host_speed: {value: 2, source: a slow laptop}}\n";
    std::ofstream(folder / "next.yaml")
        << "name: next\ntitle: on mine\nbase: ./mine.yaml\nattention: [memory_efficient]\n";
    const Stack stack = load_stack(data, (folder / "next.yaml").string());
    fs::remove_all(folder);
    CHECK(stack.name == "next");
    CHECK(stack.host_speed == 2);
    CHECK_FALSE(stack.has_compiler);
    CHECK(stack.attention.front().name == "memory_efficient");
    CHECK(stack.host_factor(Architecture::ampere) == doctest::Approx(2.68));
}
