// Where levers find nothing to change, and values that they do not take.
#include "model.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace cupola {
namespace {

using test::Machine;
using test::refusal;

struct Row {
    const char *levers, *model, *message;
    WorkloadSettings settings{};
    Machine machine{};
};

/// The one that refuses.
std::string lever_of(const Row& row) {
    const std::string text = row.levers;
    return text.substr(0, text.find_first_of("=;"));
}

const std::vector<Row> table{
    {"steps=20", "llama-2-7b",
     "found llama-2-7b, expected a model with a parameter steps; known: prompt, tokens, pass_tokens, batch, dtype"},
    {"guidance=split", "llama-2-7b", "found llama-2-7b, expected a model with a parameter guidance"},
    {"guidance=split",
     "chameleon-7b",
     "found 3 branches, expected two, one for each of two GPUs; guidance=sequential takes any number",
     {{"guidance", "3"}}},
    {"guidance=distilled",
     "sdxl",
     "found guidance=2 beside it, expected guidance=1; leave out --set guidance or the lever",
     {{"guidance", "2"}}},
    {"vae-tiling", "dit-xl-2", "found 256 x 256 pixels, expected an image larger than one tile of 512"},
    {"vae-tiling", "llama-2-7b", "found llama-2-7b, expected a model whose last stage is a vae_decoder"},
    {"vae-slicing", "llama-2-7b", "found llama-2-7b, expected a model whose last stage is a vae_decoder"},
    {"layerskip=exit:8,draft:6,acceptance:0.8", "stable-diffusion-1.5", "found stable-diffusion-1.5, expected"},
    {"layerskip=exit:8,draft:6,acceptance:0.8", "muse", "found muse, expected"},
    {"speculative=draft:llama-1.5b,tokens:5,acceptance:0.7", "flux.1-dev", "found flux.1-dev, expected"},
    {"early-exit=4", "pixart-alpha", "found pixart-alpha, expected"},
    {"early-exit=32", "llama-2-7b", "found exit behind layer 32, expected one from 1 to 31, before the last layer"},
    {"deepcache=every:3", "pixart-alpha", "found pixart-alpha, expected a model whose denoiser is a UNet"},
    {"deepcache=every:3", "llama-2-7b", "found llama-2-7b, expected a model whose denoiser is a UNet"},
    {"step-cache=every:3", "sdxl", "found sdxl, expected a model whose denoiser is a chain"},
    {"teacache=every:3", "llama-2-7b", "found llama-2-7b, expected a model whose denoiser is a chain"},
    {"first-block-cache=every:3", "sdxl", "found sdxl, expected a model whose denoiser is a chain"},
    {"token-merging", "llama-2-7b", "found llama-2-7b, expected a denoiser with self-attention"},
    {"chai=clusters:7b", "flux.1-dev", "found flux.1-dev, expected a model that decodes token by token"},
    {"chai=clusters:32x32", "llama-2-7b",
     "found \"32x32\", expected fewer clusters than heads in some layer; otherwise no head shares its scores"},
    {"joined-keys", "llama-2-7b",
     "found no layers to_k and to_v in a stage of several steps of llama-2-7b, expected a denoiser that has some"},
    {"fused-gate", "stable-diffusion-1.5", "found no separate linear layers for the gate"},
    {"static-kv", "sdxl", "found no cache of keys and values in sdxl, expected a model that generates token by token"},
    {"dynamic-kv", "sdxl", "found no cache of keys and values in sdxl, expected a model that generates token by token"},
    {"dynamic-kv",
     "llama-2-7b",
     "found stack pytorch-compile, which launches graphs, expected a stack that does not: the tensors of a graph stay "
     "in place",
     {},
     {"pytorch-compile"}},
    {"kv-cache=fp8", "flux.1-dev", "found no cache of keys and values in flux.1-dev"},
    {"sage-attention=int8",
     "sdxl",
     "found a GPU of the turing architecture, expected Ampere or later",
     {},
     {"pytorch-2.2", Architecture::turing}},
    {"int8-dynamic",
     "llama-2-7b",
     "found a GPU of the volta architecture, expected one whose matrix units",
     {},
     {"pytorch-2.2", Architecture::volta}},
    {"smoothquant",
     "sdxl",
     "found a GPU of the volta architecture, expected one whose matrix units",
     {},
     {"pytorch-2.2", Architecture::volta}},
    {"int8-weight",
     "sdxl",
     "found no linear layer of fp16 or bf16 tensors to quantise in denoiser, expected",
     {{"dtype", "fp32"}}},
    {"int4-weight",
     "llama-2-7b",
     "found no linear layer of fp16 or bf16 tensors to quantise in llama, expected",
     {{"dtype", "tf32"}}},
    {"fp8", "flux.1-dev", "found a GPU of the ampere architecture, expected one whose matrix units multiply fp8"},
    {"fp8-block", "flux.1-dev", "found a GPU of the ampere architecture, expected one whose matrix units multiply fp8"},
    {"fp8-weight", "flux.1-dev", "found no linear layer of fp16 or bf16", {{"dtype", "fp32"}}},
    {"nvfp4",
     "flux.1-dev",
     "found a GPU of the hopper architecture, expected one whose matrix units multiply fp4",
     {},
     {"pytorch-2.8", Architecture::hopper}},
    {"attention=flash2",
     "sdxl",
     "found flash2 on turing, expected a GPU that it was written for",
     {},
     {"pytorch-2.2", Architecture::turing}},
    {"attention=flash2",
     "stable-diffusion-1.5",
     "found no attention that flash2 serves in stable-diffusion-1.5, expected the types, head dimensions and masks "
     "that it was written for; set dtype, or take another kernel",
     {{"dtype", "fp32"}}},
    {"compile",
     "sdxl",
     "found stack pytorch-1.13, expected a stack that can compile; take a PyTorch stack",
     {},
     {"pytorch-1.13"}},
    {"compile",
     "sdxl",
     "found stack pytorch-compile, which compiles as it is, expected a stack that does not; leave the lever out",
     {},
     {"pytorch-compile"}},
    {"compile", "sdxl", "found stack ideal, which compiles as it is, expected", {}, {"ideal"}},
    {"channels-last", "llama-2-7b", "found llama-2-7b, expected a model with convolutions"},
    {"channels-last", "sdxl", "found stack tensorrt, which keeps images in NHWC as it is, expected", {}, {"tensorrt"}},
    {"tf32=on",
     "sdxl",
     "found no product or convolution of fp32 tensors in sdxl, expected a model that has some; set dtype=fp32",
     {{"dtype", "bf16"}}},
    {"tf32=off", "llama-2-7b", "found no product or convolution of fp32 tensors", {{"dtype", "tf32"}}},
    {"tf32=on",
     "sdxl",
     "found a GPU of the turing architecture, expected one whose matrix units multiply tf32",
     {{"dtype", "fp32"}},
     {"pytorch-2.2", Architecture::turing}},
    {"cuda-graphs",
     "sdxl",
     "found stack ideal, which launches graphs as it is, expected a stack that does not; leave the lever out",
     {},
     {"ideal"}},
    {"cuda-graphs;dynamic-kv", "llama-2-7b",
     "found caches that grow in every step (dynamic-kv), expected passes whose tensors stay in place; static-kv gives "
     "caches their final length"},
    {"window=512",
     "stable-diffusion-1.5",
     "found stable-diffusion-1.5 with pytorch-eager-math, expected",
     {},
     {"pytorch-eager-math"}},
    {"window=5000", "stable-diffusion-1.5",
     "found stable-diffusion-1.5 with pytorch-eager-flash, expected self-attention over more than 5000 keys in a fused "
     "kernel"},
    {"block-sparse=density:0.5",
     "flux.1-dev",
     "found flux.1-dev with pytorch-eager-math, expected",
     {},
     {"pytorch-eager-math"}},
    {"conv-precision=fp8", "llama-2-7b", "found no convolutions in llama-2-7b, expected a model that has some"},
    {"conv-precision=int8", "sdxl",
     "found stack pytorch-eager-flash, whose convolutions do not multiply int8, expected a stack with such kernels"},
    {"block-sparse=density:1", "flux.1-dev",
     "found flux.1-dev with pytorch-eager-flash, expected self-attention over more than one block of keys in a fused "
     "kernel"},
};

TEST_CASE("a lever that finds nothing to change says what it found and what it needs") {
    for (const Row& row : table) {
        CAPTURE(std::string(row.levers));
        CAPTURE(std::string(row.model));
        const std::string message = refusal(row.model, row.settings, row.levers, row.machine);
        CHECK_MESSAGE(message.starts_with("--lever " + lever_of(row)), message);
        CHECK_MESSAGE(message.find(": " + std::string(row.message)) != std::string::npos, message);
    }
}

TEST_CASE("every lever is refused somewhere") {
    // Every model has a dtype and a batch, and some linear layers that meet in an attention.
    std::set<std::string> refused{"dtype", "batch", "fused-qkv"};
    for (const Row& row : table) refused.insert(lever_of(row));
    for (const Lever& lever : all_levers()) {
        CAPTURE(lever.name);
        CHECK(refused.count(std::string(lever.name)) == 1);
    }
}

std::string refusal_of_value(const Workload& workload, const std::string& lever, const std::string& value) {
    LeverContext context;
    context.stack = config::load_stack(CUPOLA_SOURCE_DIR, "pytorch-eager-flash");
    context.expand = [&](const std::string&, const WorkloadSettings&) { return workload; };
    const std::vector<LeverSetting> settings{{lever, value}};
    try {
        (void)apply_levers(std::move(context), settings);
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

TEST_CASE("no lever takes a hostile value, and each says what it does take") {
    const std::string zeros(300, '0'), commas(20'000, ',');
    const std::vector<std::string> values{
        "-1",    "0",   "1e300",   "1e-300",           "nan",  "-inf",     "0x10", "99999999999999999999",
        "1.5.2", " 1",  "1 ",      "ünïcödé",          "%s%n", "\xff\xfe", ":",    ",",
        ",,,",   "a:b", "a:b,a:b", "../../etc/passwd", zeros,  commas};
    const std::vector<std::string> fields{"exit",
                                          "exit:",
                                          "exit:0,draft:1,acceptance:1",
                                          "exit:1,draft:0,acceptance:1",
                                          "draft:",
                                          "every:0",
                                          "exit:1,draft:1,acceptance:-0.1",
                                          "exit:1,draft:129,acceptance:0",
                                          "every:1",
                                          "every:-3",
                                          "every:2,every:2",
                                          "every:2,share:0.5",
                                          "share:2",
                                          "share:nan",
                                          "every:2,branch:-1",
                                          "ratio:0",
                                          "ratio:-1",
                                          "ratio:1e9",
                                          "density:0",
                                          "density:2",
                                          "tile:0",
                                          "density:nan",
                                          "density:0.5,block:0",
                                          "tile:-64",
                                          "tile:63",
                                          "tile:512,overlap:1",
                                          "tile:512,overlap:nan",
                                          "frames:-1",
                                          "clusters:",
                                          "clusters:0x0",
                                          "clusters:1x",
                                          "clusters:7b,projection:maybe",
                                          "group:0",
                                          "group:15",
                                          "group:1e3",
                                          "scales:no",
                                          "part:",
                                          "part:no",
                                          "except:",
                                          "except:x",
                                          "except:1x2/",
                                          "except:1x2x3",
                                          "draft:llama-1.5b,tokens:0,acceptance:1",
                                          "draft:llama-1.5b,tokens:4"};
    const std::vector<Workload> models{config::load_workload(CUPOLA_SOURCE_DIR, "stable-diffusion-1.5", {}),
                                       config::load_workload(CUPOLA_SOURCE_DIR, "llama-1.5b", {{"tokens", "1"}})};
    const auto check = [&](const Lever& lever, const std::string& value) {
        for (const Workload& model : models) {
            const std::string name(lever.name), message = refusal_of_value(model, name, value);
            CAPTURE(name);
            CAPTURE(value);
            CHECK_MESSAGE(message.starts_with("--lever " + name), message);
            CHECK(message.find("found ") != std::string::npos);
            CHECK(message.find("expected ") != std::string::npos);
        }
    };
    for (const Lever& lever : all_levers()) {
        for (const std::string& value : values) check(lever, value);
        for (const std::string& field : fields) {
            if (lever.value.find(field.substr(0, field.find(':'))) != std::string_view::npos) check(lever, field);
        }
    }
}

}  // namespace
}  // namespace cupola
