#include "../stack/builder.hpp"

#include "cupola/lever/lever.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace cupola {
namespace {

using namespace test;

constexpr std::int64_t length = 64, width = 512, heads = 8;

Shape sequence(std::int64_t count) { return shape_of({{"batch", 1}, {"tokens", count}, {"channels", width}}); }

/// Self-attention of `rows` new tokens over a cache of `length`, and a gated feed-forward.
Graph layer(std::int64_t rows, bool cached, DataType type = DataType::bf16) {
    GraphBuilder builder(type);
    const ValueId x = builder.norm(builder.input(sequence(rows)), NormKind::rms);
    const ValueId query = builder.linear(x, width, false);
    ValueId key = builder.linear(x, width, false), value = builder.linear(x, width, false);
    if (cached) {
        for (ValueId* rows_of : {&key, &value}) {
            *rows_of = builder.add(CacheAppend{}, {*rows_of}, sequence(length));
            builder.graph().values[*rows_of].persistent = true;
        }
    }
    const ValueId mixed = builder.linear(builder.attention(query, key, value, heads, true), width, false);
    const ValueId gate = builder.linear(mixed, 1024, false), up = builder.linear(mixed, 1024, false);
    const Shape& wide = builder.graph().values[gate].shape;
    const ValueId gated = builder.add(GatedActivation{ActivationKind::silu, false}, {gate, up}, wide);
    return builder.finish(builder.linear(gated, width, false));
}

Workload model(std::int64_t rows, bool cached, DataType type = DataType::bf16) {
    Workload workload;
    workload.name = "model";
    Stage stage;
    stage.name = stage.component = "decode";
    stage.passes.push_back({1, 0, layer(rows, cached, type)});
    workload.stages.push_back(stage);
    return workload;
}

Scenario with_levers(const std::string& levers, const Stack& stack, const Workload& workload,
                     Architecture architecture) {
    LeverContext context;
    context.workload_name = "model";
    context.stack = stack;
    context.architecture = architecture;
    context.expand = [&](const std::string&, const WorkloadSettings&) { return workload; };
    return apply_levers(std::move(context), parse_levers(levers));
}

Workload changed_model(const std::string& levers, const Workload& workload) {
    return with_levers(levers, eager(), workload, Architecture::ampere).workload;
}

KernelSequence kernels(const std::string& levers, const Stack& stack, const Workload& workload,
                       Architecture architecture = Architecture::ampere) {
    const Scenario scenario = with_levers(levers, stack, workload, architecture);
    return lower(scenario.workload.stages[0].passes[0].graph, scenario.stack, architecture);
}

double moved(const Kernel& kernel, bool written) {
    double bytes = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if ((kernel.operands[i].access == Access::write) == written) bytes += kernel.operands[i].bytes.value();
    }
    return bytes;
}

std::vector<std::int64_t> product_widths(const KernelSequence& sequence) {
    std::vector<std::int64_t> widths;
    for (const KernelInstance& launch : sequence.launches) {
        const auto* work = std::get_if<GemmWork>(&sequence.kernels[launch.kernel].work);
        if (work != nullptr) widths.push_back(work->n);
    }
    return widths;
}

TEST_CASE("queries, keys and values, and gate and input, come from one wider product each") {
    const Workload plain = model(length, false);
    CHECK(product_widths(kernels("", eager(), plain)) ==
          std::vector<std::int64_t>{512, 512, 512, 512, 1024, 1024, 512});
    const KernelSequence merged = kernels("fused-qkv", eager(), plain);
    CHECK(product_widths(merged) == std::vector<std::int64_t>{1536, 512, 1024, 1024, 512});
    CHECK(kernels("", eager(), plain).launches.size() == merged.launches.size() + 2);
    // Attention reads slices in place: rows of one head group, a third of the merged tensor each.
    const Kernel& attention = kernel_named(merged, "attention");
    CHECK(attention.operands[0].bytes.value() == 2 * length * width);
    CHECK(product_widths(kernels("fused-qkv;fused-gate", eager(), plain)) ==
          std::vector<std::int64_t>{1536, 512, 2048, 512});
}

TEST_CASE("a merged product is quantised like any other") {
    const KernelSequence sequence = kernels("int8-dynamic;fused-qkv", compiled(), model(length, false));
    CHECK(product_widths(sequence) == std::vector<std::int64_t>{1536, 512, 1024, 1024, 512});
    CHECK(kernel_named(sequence, "linear").type == DataType::int8);
}

TEST_CASE("caches in one byte: half is written and read, attention computes in the tensors' type") {
    const KernelSequence wide = kernels("", eager(), model(1, true));
    const KernelSequence narrow = kernels("kv-cache=fp8", eager(), model(1, true));
    CHECK(labels_of(wide) == labels_of(narrow));
    CHECK(moved(kernel_named(wide, "cache.append"), true) == 2 * width);
    CHECK(moved(kernel_named(narrow, "cache.append"), true) == width);
    const double query = 2 * width;
    CHECK(moved(kernel_named(wide, "attention"), false) == query + 2 * 2 * length * width);
    CHECK(moved(kernel_named(narrow, "attention"), false) == query + 2 * length * width);
    CHECK(kernel_named(narrow, "attention").type == DataType::bf16);
    CHECK(wide.peak_activation_bytes - narrow.peak_activation_bytes == Bytes(2 * length * width));

    const auto type_of_caches = [](const char* lever) {
        const Workload workload = changed_model(lever, model(1, true));
        const Graph& graph = workload.stages[0].passes[0].graph;
        std::set<DataType> types;
        for (const Operator& op : graph.operators) {
            if (std::holds_alternative<CacheAppend>(op.kind)) types.insert(graph.output(op).type);
        }
        return types;
    };
    CHECK(type_of_caches("kv-cache=fp8") == std::set{DataType::fp8});
    CHECK(type_of_caches("kv-cache=int8") == std::set{DataType::int8});

    // A cache that comes in as a tensor is as narrow as what is written to it.
    GraphBuilder builder(DataType::bf16);
    const ValueId cache = builder.input(sequence(length), true), rows = builder.input(sequence(1));
    Workload given = model(1, true);
    given.stages[0].passes[0].graph = builder.finish(builder.add(CacheAppend{}, {cache, rows}, sequence(length)));
    const Graph graph = changed_model("kv-cache=fp8", given).stages[0].passes[0].graph;
    CHECK(graph.values[cache].type == DataType::fp8);
    CHECK(graph.values[rows].type == DataType::bf16);
}

TEST_CASE("a static cache is read whole, a dynamic one copied in every step") {
    const KernelSequence whole = kernels("static-kv=256", eager(), model(1, true));
    CHECK(std::get<AttentionWork>(kernel_named(whole, "attention").work).keys == 256);
    CHECK(moved(kernel_named(whole, "cache.append"), true) == 2 * width);
    CHECK(whole.peak_activation_bytes > kernels("", eager(), model(1, true)).peak_activation_bytes);

    // All of it, under a mask that says which rows hold tokens yet; as long as the text unless given.
    const KernelSequence exact = kernels("static-kv", eager(), model(1, true));
    CHECK(std::get<AttentionWork>(kernel_named(exact, "attention").work).keys == length);
    CHECK(std::get<AttentionWork>(kernel_named(exact, "attention").work).kernel == AttentionKernel::memory_efficient);
    CHECK_FALSE(std::get<AttentionWork>(kernel_named(whole, "attention").work).causal);
    CHECK(moved(kernel_named(whole, "attention"), false) >= 2 * width + 2 * 2 * 256 * width);
    CHECK(whole.peak_activation_bytes - exact.peak_activation_bytes >= Bytes(2 * 2 * (256 - length) * width));

    const KernelSequence grown = kernels("dynamic-kv", eager(), model(1, true));
    const Kernel& copy = kernel_named(grown, "cache.cat");
    CHECK(moved(copy, true) == 2 * length * width);
    CHECK(moved(copy, false) == 2 * length * width);
    // The first rows are the cache.
    const auto first = labels_of(kernels("dynamic-kv", eager(), model(length, true)));
    for (const std::string& label : first) CHECK(label.rfind("cache", 0) == std::string::npos);
    Stack stream = compiled();
    stream.cuda_graphs = false;
    CHECK(labels_of(kernels("dynamic-kv", stream, model(1, true))).size() ==
          labels_of(kernels("", stream, model(1, true))).size());
}

TEST_CASE("SageAttention quantises queries and keys in kernels before its own") {
    GraphBuilder builder(DataType::bf16);
    const ValueId x = builder.input(sequence(length));
    Workload workload = model(length, false);
    workload.stages[0].passes[0].graph = builder.finish(builder.attention(x, x, x, heads));
    const KernelSequence int8 = kernels("sage-attention=int8", eager(), workload);
    CHECK(text(labels_of(int8)) == "attention.key_mean attention.quantise_query attention.quantise_key attention");
    const auto work = std::get<AttentionWork>(kernel_named(int8, "attention").work);
    CHECK(work.scores == DataType::int8);
    CHECK_FALSE(work.values.has_value());
    CHECK(moved(kernel_named(int8, "attention.quantise_key"), true) == length * width);
    CHECK(moved(kernel_named(int8, "attention"), false) == 4 * length * width);
    const KernelSequence fp8 = kernels("sage-attention=fp8", eager(), workload, Architecture::hopper);
    CHECK(fp8.launches.size() == int8.launches.size() + 2);
    CHECK(moved(kernel_named(fp8, "attention"), false) == 3 * length * width);
    CHECK(std::get<AttentionWork>(kernel_named(fp8, "attention").work).kernel == AttentionKernel::flash3);
}

TEST_CASE("SageAttention leaves alone what its kernels do not take") {
    const auto quantised = [](std::int64_t count, bool mask) {
        GraphBuilder builder(DataType::bf16);
        const ValueId x = builder.input(sequence(length));
        const ValueId y = builder.attention(x, x, x, heads);  // one that they do take beside it
        const ValueId other = builder.attention(y, y, y, count);
        std::get<Attention>(builder.graph().operators.back().kind).mask = mask;
        Workload workload = model(length, false);
        workload.stages[0].passes[0].graph = builder.finish(other);
        const auto labels = labels_of(kernels("sage-attention=int8", eager(), workload));
        return std::count(labels.begin(), labels.end(), "attention.quantise_query");
    };
    CHECK(quantised(width / 128, false) == 2);
    CHECK(quantised(width / 256, false) == 1);
    CHECK(quantised(heads, true) == 1);
}

TEST_CASE("layers that differ in bias stay apart, and a wide product has the weights of its parts") {
    const auto widths = [](bool value_bias) {
        GraphBuilder builder(DataType::bf16);
        const ValueId x = builder.input(sequence(length));
        const ValueId query = builder.linear(x, width, false), key = builder.linear(x, width, false);
        const ValueId value = builder.linear(x, width, value_bias);
        Workload workload = model(length, false);
        workload.stages[0].passes[0].graph = builder.finish(builder.attention(query, key, value, heads));
        return product_widths(kernels("fused-qkv", eager(), workload));
    };
    CHECK(widths(false) == std::vector<std::int64_t>{1536});
    CHECK(widths(true) == std::vector<std::int64_t>{1024, 512});
    const KernelSequence merged = kernels("fused-qkv", eager(), model(length, false));
    const Kernel& wide = kernel_named(merged, "linear");
    double weights = 0;
    for (std::size_t i = 0; i < wide.operand_count; ++i) {
        if (wide.operands[i].access == Access::weight) weights += wide.operands[i].bytes.value();
    }
    CHECK(weights == 3 * 2.0 * width * width);
    const Graph graph = changed_model("fused-qkv", model(length, false)).stages[0].passes[0].graph;
    std::int64_t parameters = 0;
    for (const Operator& op : graph.operators) {
        if (std::holds_alternative<Linear>(op.kind)) parameters += graph.weights[op.weight].parameters;
    }
    CHECK(parameters == 4 * width * width + 3 * width * 1024);
}

TEST_CASE("what levers of layers refuse, and how they say it") {
    GraphBuilder builder(DataType::bf16);
    Workload pictures = model(1, false);
    pictures.stages[0].passes[0].graph = builder.finish(builder.conv(builder.input(image(1, 8, 8)), 8));
    struct Refusal {
        const char* levers;
        const Workload workload;
        const char* message;
    };
    const std::vector<Refusal> refusals{
        {"fused-qkv", pictures,
         "--lever fused-qkv: found no linear layers of one input that make queries, keys and values in model, expected "
         "a "
         "model that has some"},
        {"fused-gate", pictures,
         "--lever fused-gate: found no separate linear layers for the gate and the input of a gated activation in "
         "model, "
         "expected a model that has some"},
        {"kv-cache=int8", pictures,
         "--lever kv-cache: found no cache of keys and values in model, expected a model that generates token by "
         "token"},
        {"static-kv", pictures,
         "--lever static-kv: found no cache of keys and values in model, expected a model that generates token by "
         "token"},
        {"kv-cache=fp4", model(1, true),
         "--lever kv-cache: found \"fp4\", expected one of fp8, int8; did you mean \"fp8\"?"},
        {"static-kv=8", model(1, true),
         "--lever static-kv: found a length of 8, expected at least the 64 tokens that decode comes to"},
        {"static-kv;dynamic-kv", model(1, true),
         "--lever dynamic-kv: found --lever static-kv beside it, expected one of them: both decide the length of "
         "caches; "
         "leave one out"},
        {"sage-attention=fp8", model(length, false),
         "--lever sage-attention: found a GPU of the ampere architecture, expected Ada or later"},
        {"sage-attention=int8", pictures,
         "--lever sage-attention: found no attention that its kernels take in model, expected fp16 or bf16, no mask, "
         "head dimensions up to 128, more than one query"},
        {"sage-attention=int8", model(length, false, DataType::fp32),
         "--lever sage-attention: found no attention that its kernels take in model, expected fp16 or bf16, no mask, "
         "head dimensions up to 128, more than one query"},
    };
    for (const Refusal& refusal : refusals) {
        CAPTURE(refusal.levers);
        try {
            (void)kernels(refusal.levers, eager(), refusal.workload);
            FAIL("no error");
        } catch (const InputError& error) {
            CHECK(std::string(error.what()) == refusal.message);
        }
    }
}

}  // namespace
}  // namespace cupola
