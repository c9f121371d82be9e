#include "builder.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace cupola;
using namespace cupola::test;

namespace {

double written_bytes(const Kernel& kernel) {
    double bytes = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == Access::write) bytes += kernel.operands[i].bytes.value();
    }
    return bytes;
}

std::string norm_labels(NormKind kind, DataType type) {
    GraphBuilder builder(type);
    const ValueId x = builder.input(shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 64}}));
    return text(labels(builder.finish(builder.norm(x, kind)), eager()));
}

}  // namespace

TEST_CASE("GroupNorm is three kernels in eager mode, its statistics one block a group") {
    GraphBuilder builder;
    const ValueId x = builder.input(image(2, 320, 64));
    const KernelSequence sequence = lower(builder.finish(builder.group_norm(x)), eager(), Architecture::ampere);
    CHECK(text(labels_of(sequence)) == "group_norm.statistics group_norm.parameters group_norm.apply");
    const auto& work = std::get<MemoryWork>(kernel_named(sequence, "group_norm.statistics").work);
    CHECK(work.pattern == Pattern::block_reduction);
    CHECK(work.rows == 64);
}

TEST_CASE("norms, gates and rotary embeddings take as many kernels as their ATen calls") {
    CHECK(norm_labels(NormKind::layer, DataType::fp16) == "layer_norm");
    CHECK(norm_labels(NormKind::rms, DataType::bf16) ==
          "norm.to_fp32 rms_norm.square rms_norm.mean rms_norm.add_eps rms_norm.rsqrt rms_norm.normalise "
          "rms_norm.to_type rms_norm.scale");
    CHECK(norm_labels(NormKind::rms, DataType::fp32) ==
          "rms_norm.square rms_norm.mean rms_norm.add_eps rms_norm.rsqrt rms_norm.normalise rms_norm.scale");
    CHECK(norm_labels(NormKind::l2, DataType::fp16) == "l2_norm.norm l2_norm.clamp l2_norm.divide l2_norm.scale");

    GraphBuilder builder;
    const Shape wide = shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 128}});
    const Shape half = shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 64}});
    const ValueId gated = builder.add(GatedActivation{}, {builder.input(wide)}, half);
    CHECK(text(labels(builder.finish(builder.add(Rope{}, {gated}, half)), eager())) ==
          "gelu mul rope.cos rope.negate rope.rotate rope.sin rope.add");
}

TEST_CASE("a rotation is as many kernels, and as wide, as the model's code makes of it") {
    const Shape shape = shape_of({{"batch", 1}, {"tokens", 4096}, {"channels", 3072}});
    const auto sequence = [&](RopeForm form, DataType type) {
        GraphBuilder builder(type);
        const ValueId x = builder.input(shape);
        return lower(builder.finish(builder.add(Rope{128, form}, {x}, shape)), eager(), Architecture::hopper);
    };
    const auto bytes = [](const KernelSequence& kernels) {
        double sum = 0;
        for (const KernelInstance& launch : kernels.launches) {
            sum += compulsory_bytes(kernels.kernels[launch.kernel]).value();
        }
        return sum / (4096.0 * 3072.0);
    };
    const KernelSequence halves = sequence(RopeForm::halves, DataType::bf16);
    const KernelSequence interleaved = sequence(RopeForm::interleaved, DataType::bf16);
    const KernelSequence pairs = sequence(RopeForm::pairs, DataType::bf16);
    CHECK(halves.launches.size() == 5);
    CHECK(interleaved.launches.size() == 8);  // two up-casts and one back
    CHECK(pairs.launches.size() == 8);
    CHECK(sequence(RopeForm::interleaved, DataType::fp32).launches.size() == 5);
    // Bytes an element: negation 3, stack 5, two up-casts 12, two products 16, sum 12, down-cast 6.
    CHECK(bytes(interleaved) == doctest::Approx(54));
    CHECK(bytes(halves) < 0.5 * bytes(interleaved));
}

TEST_CASE("a half-precision convolution in NCHW brings layout copies of its input, filter and output, and its bias") {
    GraphBuilder builder;
    const ValueId x = builder.input(image(2, 320, 64));
    CHECK(text(labels(builder.finish(builder.conv(x, 640)), eager())) ==
          "conv.nchw_to_nhwc conv.filter_layout conv conv.nhwc_to_nchw conv.bias");
}

TEST_CASE(
    "a 1x1 convolution of one image is a matrix product on tensors as they lie, of two it brings copies of both") {
    for (const std::int64_t batch : {1, 2}) {
        GraphBuilder builder;
        const ValueId x = builder.input(image(batch, 320, 64));
        CHECK(text(labels(builder.finish(builder.conv(x, 640, 1)), eager())) ==
              (batch == 1 ? "conv conv.bias" : "conv.nchw_to_nhwc conv conv.nhwc_to_nchw conv.bias"));
    }
}

TEST_CASE("transposes move tiles of 32 channels and 32 positions, channels of the copy padded to 16 bytes") {
    GraphBuilder builder;
    const ValueId x = builder.input(image(2, 3, 64));
    const KernelSequence sequence = lower(builder.finish(builder.conv(x, 320)), eager(), Architecture::ampere);
    const Kernel& copy = kernel_named(sequence, "conv.nchw_to_nhwc");
    CHECK(std::get<MemoryWork>(copy.work).rows == 2 * 64 * 64 / 32);
    CHECK(written_bytes(copy) == 2.0 * 2 * 8 * 64 * 64);
}

TEST_CASE("a strided 1x1 convolution reads only the positions it keeps") {
    Convolution conv;
    conv.batch = 2;
    conv.in_channels = conv.out_channels = 320;
    conv.input = {1, 64, 64};
    conv.output = {1, 32, 32};
    conv.stride = {1, 2, 2};
    GraphBuilder builder;
    const ValueId x = builder.input(image(2, 320, 64));
    const KernelSequence sequence =
        lower(builder.finish(builder.add(conv, {x}, image(2, 320, 32))), eager(), Architecture::ampere);
    CHECK(kernel_named(sequence, "conv").operands[0].bytes.value() == 2.0 * 2 * 320 * 32 * 32);
}

TEST_CASE("a convolution copies nothing on fp32 lanes, depthwise, or with channels-last tensors and weights") {
    {
        GraphBuilder builder(DataType::fp32);
        const ValueId x = builder.input(image(2, 320, 64));
        CHECK(text(labels(builder.finish(builder.conv(x, 640)), eager(), Architecture::turing)) == "conv conv.bias");
    }
    {
        GraphBuilder builder;
        const ValueId x = builder.input(image(2, 320, 64));
        CHECK(text(labels(builder.finish(builder.conv(x, 320, 3, 320)), eager())) == "conv");
    }
    GraphBuilder builder;
    const ValueId x = builder.input(image(2, 320, 64));
    const ValueId y = builder.conv(builder.conv(x, 320), 320);
    Stack stack = eager();
    stack.layout = TensorLayout::channels_last;
    // Only the input of the pass is not yet channels-last, and PyTorch converts it.
    CHECK(text(labels(builder.finish(y), stack)) == "conv.input_layout conv conv.bias conv conv.bias");
}

TEST_CASE("fp32 convolutions run as TF32 in channels-last order where the stack allows and the GPU has it") {
    const auto lowered = [](const Stack& stack, Architecture architecture, std::int64_t groups = 1) {
        GraphBuilder builder(DataType::fp32);
        const ValueId x = builder.input(image(2, 320, 64));
        return lower(builder.finish(builder.conv(x, 320, 3, groups)), stack, architecture);
    };
    for (const Architecture architecture : {Architecture::ampere, Architecture::ampere_consumer, Architecture::ada,
                                            Architecture::hopper, Architecture::blackwell}) {
        const KernelSequence sequence = lowered(eager(), architecture);
        CHECK(text(labels_of(sequence)) == "conv.nchw_to_nhwc conv.filter_layout conv conv.nhwc_to_nchw conv.bias");
        CHECK(kernel_named(sequence, "conv").type == DataType::tf32);
        CHECK(written_bytes(kernel_named(sequence, "conv")) == 4.0 * 2 * 320 * 64 * 64);
    }
    for (const Architecture architecture : {Architecture::volta, Architecture::turing}) {
        CHECK(kernel_named(lowered(eager(), architecture), "conv").type == DataType::fp32);
    }
    CHECK(kernel_named(lowered(eager(), Architecture::ampere, 320), "conv").type == DataType::fp32);
    Stack exact = eager();
    exact.tf32_convolution = false;
    CHECK(text(labels_of(lowered(exact, Architecture::ampere))) == "conv conv.bias");
    CHECK(kernel_named(lowered(exact, Architecture::ampere), "conv").type == DataType::fp32);
}

TEST_CASE("fp32 matrix products run as TF32 only where the stack says so") {
    GraphBuilder builder(DataType::fp32);
    const ValueId x = builder.input(shape_of({{"batch", 1}, {"tokens", 256}, {"channels", 512}}));
    const ValueId y = builder.linear(x, 512);
    const Graph graph = builder.finish(builder.attention(y, y, y, 8));
    for (const bool fused : {false, true}) {
        Stack stack = eager(fused ? fused_attention() : math_attention());
        const std::vector<std::string> products =
            fused ? std::vector<std::string>{"linear", "attention"}
                  : std::vector<std::string>{"linear", "attention.scores", "attention.values"};
        for (const std::string& name : products) {
            stack.tf32_matmul = false;
            CHECK(kernel_named(lower(graph, stack, Architecture::ampere), name).type == DataType::fp32);
            stack.tf32_matmul = true;
            CHECK(kernel_named(lower(graph, stack, Architecture::ampere), name).type == DataType::tf32);
            CHECK(kernel_named(lower(graph, stack, Architecture::turing), name).type == DataType::fp32);
        }
    }
}

TEST_CASE("a channels-last input keeps a convolution's output channels-last") {
    GraphBuilder builder;
    const ValueId x = builder.input(tokens(2, 32, 320));
    const ValueId y = builder.rearrange(x, image(2, 320, 32));
    const ValueId z = builder.conv(builder.conv(y, 320), 320);
    CHECK(text(labels(builder.finish(z), eager())) ==
          "conv.filter_layout conv conv.bias conv.filter_layout conv conv.bias");
}

TEST_CASE("tokens of one image are a free transposed view for a linear layer, of two a copy") {
    const auto lowered = [](std::int64_t batch) {
        GraphBuilder builder;
        const ValueId x = builder.input(image(batch, 640, 64));
        const ValueId t = builder.rearrange(x, tokens(batch, 64, 640));
        return text(labels(builder.finish(builder.linear(t, 640)), eager()));
    };
    CHECK(lowered(1) == "linear linear.bias");  // mm, and the bias by itself
    CHECK(lowered(2) == "linear.contiguous linear linear.bias");
}

TEST_CASE("a contiguous linear layer adds its bias in the epilogue") {
    GraphBuilder builder;
    const ValueId x = builder.input(shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 640}}));
    CHECK(text(labels(builder.finish(builder.linear(x, 640)), eager())) == "linear");
}

TEST_CASE("a transposed residual makes the next GroupNorm copy, as in the VAE's decoder") {
    GraphBuilder builder;
    const ValueId image_input = builder.input(image(1, 512, 64));
    const ValueId sequence = builder.input(tokens(1, 64, 512));
    const ValueId restored = builder.rearrange(sequence, image(1, 512, 64));
    const ValueId sum = builder.sum(restored, image_input);  // the first operand gives the order
    const ValueId y = builder.group_norm(sum);
    CHECK(text(labels(builder.finish(y), eager())) ==
          "add group_norm.contiguous group_norm.statistics group_norm.parameters group_norm.apply");

    GraphBuilder other;
    const ValueId first = other.input(image(1, 512, 64));
    const ValueId second = other.rearrange(other.input(tokens(1, 64, 512)), image(1, 512, 64));
    CHECK(text(labels(other.finish(other.group_norm(other.sum(first, second))), eager())) ==
          "add group_norm.statistics group_norm.parameters group_norm.apply");
}

TEST_CASE("views cost host time but no kernel, a reshape that is none costs a copy") {
    GraphBuilder builder;
    const ValueId x = builder.input(image(2, 320, 32));
    const ValueId t = builder.rearrange(x, tokens(2, 32, 320));
    const KernelSequence view = lower(builder.finish(builder.silu(t)), eager(), Architecture::ampere);
    REQUIRE(view.launches.size() == 1);
    CHECK(view.launches[0].host.value() == doctest::Approx(6e-6));

    GraphBuilder other;
    const ValueId y = other.input(image(2, 320, 32));
    const Shape pixels = shape_of({{"batch", 2}, {"height", 32, true}, {"width", 32, true}, {"channels", 320}});
    CHECK(text(labels(other.finish(other.rearrange(y, pixels)), eager())) == "copy.reshape");
}

TEST_CASE("asking for logical order copies only what lies otherwise") {
    GraphBuilder builder;
    const ValueId x = builder.input(tokens(1, 64, 320));
    const ValueId same = builder.add(Contiguous{}, {x}, tokens(1, 64, 320));
    const ValueId turned = builder.rearrange(same, image(1, 320, 64));
    CHECK(text(labels(builder.finish(builder.add(Contiguous{}, {turned}, image(1, 320, 64))), eager())) ==
          "copy.contiguous");
}

TEST_CASE("materialised attention stores the scores, fused attention does not") {
    GraphBuilder builder;
    const Shape shape = shape_of({{"batch", 2}, {"tokens", 4096}, {"channels", 640}});
    const ValueId q = builder.input(shape), k = builder.input(shape), v = builder.input(shape);
    const Graph graph = builder.finish(builder.attention(q, k, v, 10));

    const KernelSequence math = lower(graph, eager(math_attention()), Architecture::ampere);
    CHECK(text(labels_of(math)) ==
          "attention.split_heads attention.split_heads attention.split_heads attention.scores attention.softmax "
          "attention.values attention.merge_heads");
    const double scores = 2.0 * 10 * 4096 * 4096 * 2;
    CHECK(written_bytes(kernel_named(math, "attention.scores")) == scores);
    CHECK(written_bytes(kernel_named(math, "attention.softmax")) == scores);

    const KernelSequence fused = lower(graph, eager(), Architecture::ampere);
    CHECK(text(labels_of(fused)) == "attention");
    CHECK(compulsory_bytes(fused.kernels[0]).value() == 4.0 * 2 * 4096 * 640 * 2);
    CHECK(math.peak_activation_bytes.value() > 2 * scores);
    CHECK(fused.peak_activation_bytes.value() < 0.1 * scores);
}

TEST_CASE("a mask is read by the kernel that adds it: batch x queries x keys elements, whatever the heads") {
    const auto extra_bytes = [](const Stack& stack, const std::string& label) {
        GraphBuilder builder;
        const ValueId q = builder.input(shape_of({{"batch", 2}, {"tokens", 256}, {"channels", 512}}));
        const ValueId k = builder.input(shape_of({{"batch", 2}, {"tokens", 77}, {"channels", 512}}));
        Graph graph = builder.finish(builder.attention(q, k, k, 8, true));
        const auto bytes = [&] {
            return compulsory_bytes(kernel_named(lower(graph, stack, Architecture::ampere), label)).value();
        };
        const double without = bytes();
        std::get<Attention>(graph.operators[0].kind).mask = true;
        return bytes() - without;
    };
    const double mask = 2.0 * 256 * 77 * 2;
    CHECK(extra_bytes(eager(), "attention") == mask);
    CHECK(extra_bytes(eager(math_attention()), "attention.mask") == mask);
    Stack stack = compiled();
    stack.attention = math_attention();
    CHECK(extra_bytes(stack, "attention.softmax") == mask);
}

TEST_CASE("a mask is added for a single query too, causality is not") {
    const auto count = [](bool mask) {
        GraphBuilder builder;
        const ValueId q = builder.input(shape_of({{"batch", 1}, {"tokens", 1}, {"channels", 512}}));
        const ValueId k = builder.input(shape_of({{"batch", 1}, {"tokens", 77}, {"channels", 512}}));
        Graph graph = builder.finish(builder.attention(q, k, k, 8, true));
        std::get<Attention>(graph.operators[0].kind).mask = mask;
        const auto names = labels(graph, eager(math_attention()));
        return std::count(names.begin(), names.end(), "attention.mask");
    };
    CHECK(count(true) == 1);
    CHECK(count(false) == 0);
}

TEST_CASE("heads of one image are split by a view") {
    GraphBuilder builder;
    const Shape shape = shape_of({{"batch", 1}, {"tokens", 256}, {"channels", 640}});
    const ValueId q = builder.input(shape), k = builder.input(shape), v = builder.input(shape);
    CHECK(text(labels(builder.finish(builder.attention(q, k, v, 10)), eager(math_attention()))) ==
          "attention.scores attention.softmax attention.values attention.merge_heads");
}

TEST_CASE("the fused attention kernel follows type, head size, mask and architecture") {
    const auto kernel = [](DataType type, std::int64_t heads, bool mask, Architecture architecture) {
        GraphBuilder builder(type);
        const Shape shape = shape_of({{"batch", 1}, {"tokens", 256}, {"channels", 512}});
        const ValueId x = builder.input(shape);
        Graph graph = builder.finish(builder.attention(x, x, x, heads));
        std::get<Attention>(graph.operators[0].kind).mask = mask;
        return std::get<AttentionWork>(lower(graph, eager(), architecture).kernels.at(0).work).kernel;
    };
    CHECK(kernel(DataType::bf16, 8, false, Architecture::ampere) == AttentionKernel::flash2);
    CHECK(kernel(DataType::fp16, 8, false, Architecture::hopper) == AttentionKernel::flash2);
    CHECK(kernel(DataType::fp16, 2, false, Architecture::ada) == AttentionKernel::flash2);  // 256 is the limit
    CHECK(kernel(DataType::fp16, 1, false, Architecture::ampere) == AttentionKernel::memory_efficient);
    CHECK(kernel(DataType::fp16, 8, true, Architecture::ampere) == AttentionKernel::memory_efficient);
    CHECK(kernel(DataType::fp32, 8, false, Architecture::ampere) == AttentionKernel::memory_efficient);
    CHECK(kernel(DataType::fp16, 8, false, Architecture::volta) == AttentionKernel::memory_efficient);
    CHECK(kernel(DataType::fp16, 8, false, Architecture::turing) == AttentionKernel::memory_efficient);
}

TEST_CASE("scores that are no softmax are never fused") {
    GraphBuilder builder;
    const Shape shape = shape_of({{"batch", 1}, {"tokens", 256}, {"channels", 512}});
    const ValueId x = builder.input(shape);
    Graph graph = builder.finish(builder.attention(x, x, x, 8));
    std::get<Attention>(graph.operators[0].kind).score = AttentionScore::silu;
    const auto names = labels(graph, eager());
    CHECK(std::count(names.begin(), names.end(), "attention.silu") == 1);
    CHECK(std::count(names.begin(), names.end(), "attention.softmax") == 0);
}

TEST_CASE("broadcast, sliced and reordered operands take PyTorch's general element-wise kernel") {
    Stack stack = eager();
    stack.eager_mode.code.indexed_element = 0.5F;
    const auto clocks = [&](const KernelSequence& sequence, const std::string& label) {
        return std::get<MemoryWork>(kernel_named(sequence, label).work).sm_clocks_per_element;
    };
    GraphBuilder builder;
    const ValueId x = builder.input(image(2, 320, 64));
    const ValueId shift = builder.input(shape_of({{"batch", 2}, {"channels", 320}}));
    const ValueId shifted = builder.add(Elementwise{ElementwiseKind::add}, {x, shift}, image(2, 320, 64));
    const ValueId result = builder.add(Elementwise{ElementwiseKind::multiply}, {shifted, x}, image(2, 320, 64));
    const KernelSequence sequence = lower(builder.finish(result), stack, Architecture::ampere);
    CHECK(clocks(sequence, "add") == 0.5F);
    CHECK(clocks(sequence, "mul") == 0);

    GraphBuilder halves;
    const ValueId wide = halves.input(shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 128}}));
    const ValueId gated =
        halves.add(GatedActivation{}, {wide}, shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 64}}));
    CHECK(clocks(lower(halves.finish(gated), stack, Architecture::ampere), "gelu") == 0.5F);
}

TEST_CASE("a long softmax row costs a block's loops over it and four more") {
    Stack stack = eager();
    stack.eager_mode.code.softmax_iteration = 100;
    const auto work = [&](std::int64_t width, DataType type) {
        GraphBuilder builder(type);
        const Shape shape = shape_of({{"batch", 4}, {"channels", width}});
        const ValueId x = builder.input(shape);
        const ValueId y = builder.add(Softmax{4, width}, {x}, shape);
        return std::get<MemoryWork>(lower(builder.finish(y), stack, Architecture::ampere).kernels.front().work);
    };
    CHECK(work(1024, DataType::fp32).sm_clocks_per_row == 0);
    CHECK(work(2048, DataType::fp32).row_threads == 256);
    CHECK(work(2048, DataType::fp32).sm_clocks_per_row == doctest::Approx(600.0 / 8));  // two loops of vectors
    CHECK(work(1280, DataType::fp32).sm_clocks_per_row == doctest::Approx(600.0 / 8));  // one, and one of the rest
    CHECK(work(3072, DataType::fp32).row_threads == 512);
    CHECK(work(3072, DataType::fp32).sm_clocks_per_row == doctest::Approx(700.0 / 4));
    CHECK(work(3137, DataType::bf16).sm_clocks_per_row ==
          doctest::Approx(1000.0 / 4));  // one and five, half as many blocks
}

TEST_CASE("a convolution of sizes not met before costs the host a plan, once, and only where a model's sizes are new") {
    const auto host = [](bool new_shapes, bool compiled) {
        GraphBuilder builder;
        ValueId x = builder.input(image(1, 64, 32));
        x = builder.conv(x, 64);
        x = builder.conv(x, 64);   // the same sizes
        x = builder.conv(x, 128);  // others
        Graph graph = builder.finish(x);
        graph.new_shapes = new_shapes;
        Stack stack = eager();
        stack.eager_mode.dispatch.convolution_plan = Seconds(1e-3);
        stack.compiled = compiled;
        double sum = 0;
        for (const KernelInstance& launch : lower(graph, stack, Architecture::ampere).launches) {
            sum += launch.host.value();
        }
        return sum;
    };
    CHECK(host(true, false) - host(false, false) == doctest::Approx(2e-3));
    CHECK(host(true, true) == host(false, true));
}
