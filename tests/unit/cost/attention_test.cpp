#include "cupola/cost/cost.hpp"
#include "gpus.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace cupola;
using namespace cupola::test;

namespace {

AttentionWork self_attention(std::int64_t batch, std::int64_t heads, std::int64_t length, std::int64_t head_dim) {
    AttentionWork work;
    work.batch = batch;
    work.heads = work.kv_heads = heads;
    work.queries = work.keys = length;
    work.head_dim = work.value_dim = head_dim;
    return work;
}

double achieved_tflops(const AttentionWork& work, const Gpu& gpu) {
    const KernelCost cost = price(attention(work), gpu);
    return cost.flops.value() / cost.time.value() / 1e12;
}

}  // namespace

TEST_CASE("a head dim of 40 computes as much as one of 64, but for rows that no sector begins with") {
    const Gpu gpu = a100_like();
    const KernelCost narrow = price(attention(self_attention(2, 8, 4096, 40)), gpu);
    const KernelCost wide = price(attention(self_attention(2, 8, 4096, 64)), gpu);
    CHECK(narrow.tensor.value() >= wide.tensor.value());
    CHECK(narrow.time.value() == doctest::Approx(wide.time.value()).epsilon(0.08));
    CHECK(narrow.dram_bytes < wide.dram_bytes);
    CHECK(narrow.flops.value() == doctest::Approx(wide.flops.value() * 40 / 64));
}

TEST_CASE("long causal attention takes about half of the full one, short ones most of it") {
    const Gpu gpu = a100_like();
    AttentionWork work = self_attention(4, 32, 16384, 128);
    const double full = price(attention(work), gpu).time.value();
    work.causal = true;
    const double causal = price(attention(work), gpu).time.value();
    CHECK(causal > 0.49 * full);
    CHECK(causal < 0.56 * full);
    AttentionWork tile = self_attention(4, 32, 64, 128);
    const double short_full = price(attention(tile), gpu).time.value();
    tile.causal = true;
    CHECK(price(attention(tile), gpu).time.value() > 0.9 * short_full);
}

TEST_CASE("causal queries behind a long cache read nearly all its keys, those of a whole sequence half") {
    const Gpu gpu = a100_like();
    AttentionWork work = self_attention(1, 64, 16384, 128);
    const auto read = [&](std::int64_t queries, bool causal) {
        work.queries = queries;
        work.causal = causal;
        return price(attention(work), gpu).l2_bytes.value();
    };
    CHECK(read(1024, true) > 0.94 * read(1024, false));
    CHECK(read(16384, true) == doctest::Approx(0.5 * read(16384, false)).epsilon(0.02));
}

TEST_CASE("temporal attention over S frames uses S of the tile's rows") {
    const Gpu gpu = a100_like();
    AttentionWork work = self_attention(4096, 5, 16, 64);
    work.kernel = AttentionKernel::memory_efficient;  // 64 x 64
    const double sixteen = price(attention(work), gpu).tensor.value();
    work.queries = work.keys = 64;
    CHECK(price(attention(work), gpu).tensor.value() == doctest::Approx(sixteen));
    work.kernel = AttentionKernel::flash2;  // 128 x 128: more is masked
    const double large_tile = price(attention(work), gpu).tensor.value();
    work.queries = work.keys = 128;
    CHECK(price(attention(work), gpu).tensor.value() == doctest::Approx(large_tile));
}

TEST_CASE("the memory-efficient kernel takes what xFormers measured on an A100 and a V100") {
    struct Row {
        DataType type;
        std::int64_t batch, length, head_dim;
        double microseconds;
    };
    constexpr auto fp16 = DataType::fp16, fp32 = DataType::fp32;
    // facebookresearch/xformers pull requests 412 and 434, forward, no bias
    const std::vector<Row> a100{
        {fp16, 16, 4096, 40, 889.5},     {fp16, 16, 16384, 40, 12714.4}, {fp16, 160, 4096, 128, 12897.9},
        {fp16, 160, 8192, 128, 51152.8}, {fp16, 768, 256, 64, 175.6},    {fp16, 1024, 128, 16, 54.6},
        {fp16, 1024, 128, 32, 59.1},     {fp16, 1024, 128, 64, 73.0},    {fp16, 1024, 128, 128, 124.2},
        {fp16, 1024, 197, 64, 220.7},    {fp16, 256, 512, 16, 182.8}};
    // pull request 405
    const std::vector<Row> v100{{fp16, 1024, 512, 64, 2513.9},
                                {fp16, 1024, 512, 128, 4368.7},
                                {fp16, 1024, 1024, 16, 7579.4},
                                {fp32, 1024, 512, 64, 6698.2},
                                {fp32, 1024, 512, 128, 13275.7}};
    const auto deviation = [](const std::vector<Row>& rows, const Gpu& gpu) {
        double sum = 0;
        for (const Row& row : rows) {
            CAPTURE(row.length);
            CAPTURE(row.head_dim);
            AttentionWork work = self_attention(row.batch, 1, row.length, row.head_dim);
            work.kernel = AttentionKernel::memory_efficient;
            const double error = price(attention(work, row.type), gpu).time.value() / (row.microseconds * 1e-6) - 1;
            CHECK(std::abs(error) < 0.3);
            sum += std::abs(error);
        }
        return sum / static_cast<double>(rows.size());
    };
    CHECK(deviation(a100, a100_like()) < 0.12);
    CHECK(deviation(v100, v100_like()) < 0.12);
}

TEST_CASE("77 text keys cost as many as a whole tile of 128") {
    const Gpu gpu = a100_like();
    AttentionWork work = self_attention(2, 10, 4096, 64);
    work.keys = 77;
    const double text = price(attention(work), gpu).tensor.value();
    work.keys = 128;
    CHECK(price(attention(work), gpu).tensor.value() == doctest::Approx(text));
    work.keys = 129;
    CHECK(price(attention(work), gpu).tensor.value() > 1.4 * text);
}

TEST_CASE("the exponential bounds FlashAttention-3 at head dim 64 and matrix work at 128") {
    const Gpu gpu = h100_like();
    AttentionWork work = self_attention(4, 32, 16384, 64);
    work.kernel = AttentionKernel::flash3;
    CHECK(price(attention(work), gpu).bound == Bound::mufu);
    work.head_dim = work.value_dim = 128;
    CHECK(price(attention(work), gpu).bound == Bound::tensor);
}

TEST_CASE("throughput of long attention agrees with published figures within 12 %") {
    // FlashAttention-3 paper, H100 SXM, forward, 16k, fp16: 497, 649, 756 TFLOP/s at d = 64, 128, 256, clocks near
    // boost.
    Gpu h100 = h100_like();
    h100.sustained_tensor_clock = Hertz(1.755e9);
    h100.sustained_simt_clock = Hertz(1.755e9);
    const double measured[3] = {497, 649, 756};
    for (int i = 0; i < 3; ++i) {
        AttentionWork work = self_attention(1, 2048 / (64 << i), 16384, 64 << i);
        work.kernel = AttentionKernel::flash3;
        CAPTURE(work.head_dim);
        CHECK(achieved_tflops(work, h100) == doctest::Approx(measured[i]).epsilon(0.12));
    }
    // FlashAttention-2 on an A100 that holds 1.2 GHz: 178 to 187 TFLOP/s at d = 128.
    Gpu a100 = a100_like();
    a100.sustained_tensor_clock = a100.sustained_simt_clock = Hertz(1.2e9);
    CHECK(achieved_tflops(self_attention(1, 16, 16384, 128), a100) == doctest::Approx(183).epsilon(0.06));
}

TEST_CASE("narrow products of attention go by their own rates: QK in int8 takes half of its half") {
    AttentionWork work{1, 24, 24, 8192, 8192, 128, 128, false, AttentionKernel::flash2};
    const double wide = price(attention(work), a100_like()).tensor.value();
    work.scores = DataType::int8;
    const double narrow = price(attention(work), a100_like()).tensor.value();
    CHECK(narrow < 0.85 * wide);
    CHECK(narrow > 0.7 * wide);
}

TEST_CASE("a compiler's int8 product is slower than a library's where that was seen") {
    GemmWork work{1, 8192, 4096, 4096};
    const Kernel library{"gemm", Category::linear, DataType::int8, work, {}, 0};
    work.generated = true;
    const Kernel generated{"gemm", Category::linear, DataType::int8, work, {}, 0};
    const double share = price(library, a100_like()).time / price(generated, a100_like()).time;
    CHECK(share < 0.75);
    CHECK(share > 0.6);
    CHECK(price(library, h100_like()).time == price(generated, h100_like()).time);
}

TEST_CASE("a single query against a long cache splits its keys and streams them") {
    const Gpu gpu = a100_like();
    AttentionWork work;
    work.heads = work.kv_heads = 32;
    work.keys = 65536;
    work.head_dim = work.value_dim = 128;
    const KernelCost cost = price(attention(work), gpu);
    const double stream = 32.0 * 65536 * 256 * 2 / 1.8e12;
    CHECK(cost.time.value() < 1.25 * stream);
    CostParameters unsplit = default_parameters(gpu.architecture);
    unsplit.split_keys_minimum = 1e9;
    CHECK(price(attention(work), gpu, unsplit).time.value() > 1.5 * cost.time.value());
}

TEST_CASE("query heads that share keys are one tile for a single query") {
    const Gpu gpu = a100_like();
    AttentionWork work;
    work.batch = 64;
    work.heads = 32;
    work.kv_heads = 8;
    work.keys = 4096;
    work.head_dim = work.value_dim = 128;
    const KernelCost grouped = price(attention(work), gpu);
    work.kv_heads = 32;
    const KernelCost separate = price(attention(work), gpu);
    CHECK(separate.time.value() > 3.5 * grouped.time.value());
}

TEST_CASE("a window limits the keys: long sequences take time in proportion to their length") {
    const Gpu gpu = h100_like();
    AttentionWork work = self_attention(1, 32, 8192, 64);
    work.kernel = AttentionKernel::fmha;
    work.causal = true;
    const double full = price(attention(work), gpu).time.value();
    work.window = 128;
    const KernelCost windowed = price(attention(work), gpu);
    CHECK(windowed.time.value() < 0.25 * full);
    CHECK(windowed.flops.value() == doctest::Approx(4.0 * 32 * 64 * (8192 * 128 - 127 * 64)));
    work.queries = work.keys = 16384;
    CHECK(price(attention(work), gpu).time.value() == doctest::Approx(2 * windowed.time.value()).epsilon(0.1));
    work.window = 16384;  // no limit
    const double all = price(attention(work), gpu).time.value();
    work.window = 0;
    CHECK(price(attention(work), gpu).time.value() == doctest::Approx(all));
}

TEST_CASE("a single query reads no more of a long cache than its window") {
    const Gpu gpu = h100_like();
    AttentionWork work;
    work.kernel = AttentionKernel::flash3;
    work.paged = true;
    work.batch = 128;
    work.heads = 64;
    work.kv_heads = 8;
    work.keys = 65536;
    work.head_dim = work.value_dim = 128;
    work.window = 128;
    Kernel kernel;
    kernel.type = DataType::bf16;
    kernel.work = work;
    const double windowed = price(kernel, gpu).time.value();
    work.keys = 4096;
    kernel.work = work;
    CHECK(price(kernel, gpu).time.value() == doctest::Approx(windowed));
}

TEST_CASE("a call that may not split its keys leaves SMs idle") {
    const Gpu gpu = h100_like();
    AttentionWork work = self_attention(1, 1, 12288, 64);
    work.kernel = AttentionKernel::flash3;
    const double split = price(attention(work), gpu).time.value();
    work.split = false;
    const double whole = price(attention(work), gpu).time.value();
    CHECK(whole > 1.4 * split);  // vLLM takes 87 us, SGLang, which does not split, 147 us
}

TEST_CASE("types of one byte halve the matrix time but not the exponentials") {
    const Gpu gpu = h100_like();
    AttentionWork work = self_attention(4, 32, 8192, 256);
    work.kernel = AttentionKernel::fmha;
    const double two_bytes = price(attention(work, DataType::bf16), gpu).time.value();
    const double one_byte = price(attention(work, DataType::fp8), gpu).time.value();
    CHECK(one_byte < 0.9 * two_bytes);
    CHECK(one_byte > 0.5 * two_bytes);
}

TEST_CASE("heads whose rows are no multiple of 32 bytes load slower") {
    const Gpu gpu = h100_like();
    AttentionWork work = self_attention(8, 16, 4096, 72);
    work.kernel = AttentionKernel::flash3;
    const double unaligned = price(attention(work), gpu).time.value();
    work.head_dim = work.value_dim = 80;
    CHECK(unaligned > 1.03 * price(attention(work), gpu).time.value());
}

TEST_CASE("more keys are never faster because they may be split further, even where an SM's link is the bound") {
    const Gpu gpu = h100_like();
    CostParameters parameters = default_parameters(gpu.architecture);
    parameters.flash3_paged.link_bytes_per_clock = 8;
    parameters.flash3_paged.block_cycles = 0;
    AttentionWork work = self_attention(1, 32, 1, 128);
    work.kv_heads = 1;
    work.kernel = AttentionKernel::flash3;
    work.paged = work.split = true;
    Seconds last(0);
    for (work.keys = 64; work.keys <= 4096; work.keys += 64) {
        const Seconds time = price(attention(work), gpu, parameters).time;
        CAPTURE(work.keys);
        CHECK(time >= last);
        last = time;
    }
}
