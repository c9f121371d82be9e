#include "cupola/report/describe.hpp"
#include "cupola/report/report.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace {

using namespace cupola;
using nlohmann::json;

Shape image(std::int64_t channels, std::int64_t height, std::int64_t width) {
    Shape shape;
    shape.push_axis(AxisName("batch"), 1);
    shape.push_axis(AxisName("channels"), channels);
    shape.push_axis(AxisName("height"), height);
    shape.push_axis(AxisName("width"), width);
    return shape;
}

/// One 3x3 convolution from 4 to 8 channels at 16x16: 288 + 8 parameters, 73,728 MACs.
Graph one_convolution() {
    Graph graph;
    graph.values = {{image(4, 16, 16), DataType::fp16, no_id, false}, {image(8, 16, 16), DataType::fp16, 0, false}};
    graph.operands = {0};
    graph.scopes = {{no_id, "unet"}, {0, "conv_in"}};
    Weight weight;
    weight.parameters = 296;
    graph.weights = {weight};
    Convolution conv;
    conv.in_channels = 4;
    conv.out_channels = 8;
    conv.input = conv.output = {1, 16, 16};
    conv.kernel = {1, 3, 3};
    conv.pad_before = conv.pad_after = {0, 1, 1};
    Operator op;
    op.kind = conv;
    op.input_count = 1;
    op.output = 1;
    op.weight = 0;
    op.scope = 1;
    graph.operators = {op};
    return graph;
}

Workload two_stages() {
    Workload workload;
    workload.name = "two";
    workload.components = {{"unet", 296, 592.0}, {"vae", 296, 592.0}};
    Stage unet, vae;
    unet.name = "denoiser";
    unet.component = "unet";
    unet.passes = {{2.5, 0, one_convolution()}};
    vae.name = "decoder";
    vae.component = "vae";
    vae.passes = {{1, 0, one_convolution()}};
    workload.stages = {unet, vae};
    return workload;
}

TEST_CASE("counts as JSON are whole numbers; the total is the sum of the components, the run counts steps") {
    const json document = json::parse(count_json(two_stages()));
    REQUIRE(document["components"].size() == 2);
    const json& unet = document["components"][0];
    CHECK(unet["name"] == "unet");
    CHECK(unet["params"] == 296);
    CHECK(unet["macs"]["conv"].is_number_integer());
    CHECK(unet["macs"]["conv"] == 73728);
    CHECK(unet["macs"]["linear"] == 0);
    CHECK(document["total"]["params"] == 592);
    CHECK(document["total"]["macs"]["conv"] == 2 * 73728);
    CHECK(document["stages"][0]["steps"] == 2.5);
    CHECK(document["stages"][0]["passes"][0]["macs"]["conv"] == 73728);
    CHECK(document["run"]["macs"]["conv"] == 258048);  // 3.5 x 73,728
}

TEST_CASE("counts for a person show MACs, and FLOPs as two per MAC") {
    const std::string text = count_text(two_stages(), {});
    CHECK(text.find("73,728") != std::string::npos);
    CHECK(text.find("147 kFLOP") != std::string::npos);
}

TEST_CASE("an operator is one line of tab-separated fields") {
    const Workload workload = two_stages();
    const std::string text = operators_text({{&workload.stages[0], 0}});
    const std::string expected =
        "denoiser\t0\t0\tunet.conv_in\tconv\t1x4x16x16\t1x8x16x16\tfp16\t296\t73728\t147456\t6736\t"
        "kernel=3x3 stride=1x1 pad=1x1 groups=1 bias=1\n";
    CHECK(text.substr(text.find('\n') + 1) == expected);
    const json list = json::parse(operators_json({{&workload.stages[1], 0}}));
    REQUIRE(list.size() == 1);
    CHECK(list[0]["stage"] == "decoder");
    CHECK(list[0]["inputs"][0] == "1x4x16x16");
}

TEST_CASE("a kernel launch is one line that names its operator") {
    const Workload workload = two_stages();
    Kernel kernel;
    kernel.label = "gemm";
    kernel.category = Category::linear;
    kernel.work = GemmWork{1, 64, 32, 16};
    add_operand(kernel, Operand{Bytes(1000)});
    KernelSequence sequence;
    sequence.kernels = {kernel};
    sequence.launches = {{0, 0, Seconds(12e-6)}, {0, 0, Seconds(2e-6)}};
    const std::string text = kernels_text({{{&workload.stages[0], 0}, sequence}});
    CHECK(text.find("denoiser\t0\t1\tunet.conv_in\tconv\t0\tgemm\tlinear\tfp16\tm64 n32 k16\t1000\t2.00\n") !=
          std::string::npos);
    const json list = json::parse(kernels_json({{{&workload.stages[0], 0}, sequence}}));
    CHECK(list.size() == 2);
    CHECK(list[0]["host_s"] == doctest::Approx(12e-6));
}

TEST_CASE("facts are shown with their source, recalled ones marked") {
    Stack stack;
    stack.name = "mine";
    stack.title = "A stack";
    stack.facts = {{"sync", "12 us", "a trace", false}, {"kernel_gap", "1 us", "a guess", true}};
    const std::string text = stack_text(stack, {});
    CHECK(text.find("sync        12 us  a trace") != std::string::npos);
    CHECK(text.find("[recalled] a guess") != std::string::npos);
    CHECK(json::parse(stack_json(stack))["facts"][1]["recalled"] == true);
}

TEST_CASE("sizes of every kind of kernel fit in a few words") {
    CHECK(sizes_text(ConvolutionWork{2, 320, 640, 1, {1, 128, 96}, {1, 64, 48}, {1, 3, 3}, {1, 2, 2}}) ==
          "2x320x128x96 > 640x64x48 3x3");
    CHECK(sizes_text(GemmWork{8, 77, 1280, 640}) == "b8 m77 n1280 k640");
    CHECK(sizes_text(GemmWork{1, 77, 1280, 640, DataType::int4}) == "m77 n1280 k640 w-int4");
    CHECK(sizes_text(GemmWork{1, 77, 1280, 640, {}, true}) == "m77 n1280 k640 block-scaled");
    CHECK(sizes_text(AttentionWork{2, 10, 10, 4096, 77, 64, 64, false, AttentionKernel::flash2}) ==
          "b2 h10 q4096 k77 d64 flash2");
    CHECK(sizes_text(MemoryWork{Pattern::row_reduction, 640, 10, 1, 0}) == "640 elements row_reduction 10 rows");
    CHECK(count_text(12.5) == "12.50");
    CHECK(count_text(12345.0) == "12,345");
    CHECK(count_text(8320.000000000002) == "8,320");  // a sum over fractional repeats
}

}  // namespace
