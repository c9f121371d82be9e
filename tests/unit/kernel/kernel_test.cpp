#include "cupola/kernel/kernel.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

using namespace cupola;

namespace {

Operand operand(double bytes, Access access, float passes = 1) {
    Operand result;
    result.bytes = Bytes(bytes);
    result.access = access;
    result.passes = passes;
    return result;
}

Kernel gemm_kernel() {
    Kernel kernel;
    kernel.label = "gemm";
    kernel.category = Category::linear;
    kernel.work = GemmWork{1, 128, 256, 64};
    add_operand(kernel, operand(1000, Access::read));
    return kernel;
}

}  // namespace

TEST_CASE("equal kernels hash alike and a change in any field changes the hash") {
    const Kernel kernel = gemm_kernel();
    CHECK(hash_of(kernel) == hash_of(gemm_kernel()));

    std::vector<Kernel> variants(14, kernel);
    variants[0].label = "other";
    variants[1].category = Category::attention;
    variants[2].type = DataType::bf16;
    variants[3].work = GemmWork{2, 128, 256, 64};
    variants[4].work = GemmWork{1, 256, 128, 64};
    variants[5].operands[0].bytes = Bytes(1001);
    variants[6].operands[0].reuse_distance = Bytes(5);
    variants[7].operands[0].run_bytes = 32;
    variants[8].operands[0].passes = 2;
    variants[9].operands[0].access = Access::weight;
    variants[10].operand_count = 0;
    variants[11].work = MemoryWork{Pattern::streaming, 1, 128, 256, 64};
    variants[12].work = GemmWork{1, 128, 256, 64, DataType::int8};
    variants[13].work = GemmWork{1, 128, 256, 64, {}, true};
    std::set<std::uint64_t> hashes{hash_of(kernel)};
    for (const Kernel& variant : variants) {
        CHECK_FALSE(variant == kernel);
        hashes.insert(hash_of(variant));
    }
    CHECK(hashes.size() == variants.size() + 1);
}

TEST_CASE("every field of convolution, attention and memory work reaches the hash") {
    std::vector<Work> works;
    for (int i = 0; i < 9; ++i) {
        ConvolutionWork work;
        if (i == 1) work.batch = 2;
        if (i == 2) work.in_channels = 2;
        if (i == 3) work.out_channels = 2;
        if (i == 4) work.groups = 2;
        if (i == 5) work.input[2] = 2;
        if (i == 6) work.output[1] = 2;
        if (i == 7) work.kernel[0] = 2;
        if (i == 8) work.stride[2] = 2;
        works.emplace_back(work);
    }
    for (int i = 0; i < 13; ++i) {
        AttentionWork work;
        if (i == 1) work.batch = 2;
        if (i == 2) work.heads = 2;
        if (i == 3) work.kv_heads = 2;
        if (i == 4) work.queries = 2;
        if (i == 5) work.keys = 2;
        if (i == 6) work.head_dim = 2;
        if (i == 7) work.value_dim = 2;
        if (i == 8) work.causal = true;
        if (i == 9) work.kernel = AttentionKernel::flash3;
        if (i == 10) work.window = 2;
        if (i == 11) work.paged = true;
        if (i == 12) work.split = false;
        works.emplace_back(work);
    }
    for (int i = 0; i < 6; ++i) {
        MemoryWork work;
        if (i == 1) work.pattern = Pattern::gather;
        if (i == 2) work.elements = 2;
        if (i == 3) work.rows = 2;
        if (i == 4) work.flops_per_element = 2;
        if (i == 5) work.mufu_per_element = 2;
        works.emplace_back(work);
    }
    std::set<std::uint64_t> hashes;
    for (const Work& work : works) {
        Kernel kernel;
        kernel.work = work;
        hashes.insert(hash_of(kernel));
    }
    CHECK(hashes.size() == works.size());
}

TEST_CASE("compulsory bytes count every pass over every operand") {
    Kernel kernel;
    add_operand(kernel, operand(100, Access::read, 3));
    add_operand(kernel, operand(40, Access::write));
    CHECK(compulsory_bytes(kernel).value() == doctest::Approx(340));
}

TEST_CASE("operands beyond the limit merge into the last of the same access and lose no traffic") {
    Kernel kernel;
    for (int i = 0; i < 5; ++i) add_operand(kernel, operand(10, Access::read));
    add_operand(kernel, operand(100, Access::write));
    add_operand(kernel, operand(30, Access::read, 2));
    CHECK(kernel.operand_count == Kernel::max_operands);
    CHECK(compulsory_bytes(kernel).value() == doctest::Approx(210));
    CHECK(kernel.operands[4].bytes.value() == doctest::Approx(40));
    CHECK(kernel.operands[5].bytes.value() == doctest::Approx(100));

    SUBCASE("the worse locality of the two holds") {
        Operand near = operand(10, Access::write);
        near.reuse_distance = Bytes(5);
        near.run_bytes = 16;
        add_operand(kernel, near);
        CHECK(kernel.operands[5].reuse_distance == operand(1, Access::write).reuse_distance);
        CHECK(kernel.operands[5].run_bytes == 16);
    }
    SUBCASE("a weight joins the reads where no other weight is") {
        add_operand(kernel, operand(7, Access::weight));
        CHECK(kernel.operands[4].bytes.value() == doctest::Approx(47));
    }
}

TEST_CASE("floating-point operations are two a multiply-add, padding not counted") {
    const auto flops = [](const Work& work) {
        Kernel kernel;
        kernel.work = work;
        return flops_of(kernel).value();
    };
    CHECK(flops(GemmWork{2, 3, 5, 7}) == doctest::Approx(2 * 2 * 3 * 5 * 7));

    ConvolutionWork convolution;
    convolution.batch = 2;
    convolution.in_channels = 6;
    convolution.out_channels = 4;
    convolution.groups = 2;
    convolution.kernel = {1, 3, 3};
    convolution.output = {1, 5, 5};
    CHECK(flops(convolution) == doctest::Approx(2.0 * 2 * 25 * 4 * 3 * 9));

    AttentionWork attention;
    attention.heads = 2;
    attention.queries = 4;
    attention.keys = 6;
    attention.head_dim = 8;
    attention.value_dim = 16;
    CHECK(flops(attention) == doctest::Approx(2.0 * 2 * 4 * 6 * 24));
    attention.causal = true;  // rows see 3, 4, 5 and 6 keys
    CHECK(flops(attention) == doctest::Approx(2.0 * 2 * 18 * 24));

    CHECK(flops(MemoryWork{Pattern::streaming, 10, 1, 3, 1}) == doctest::Approx(30));
}

TEST_CASE("categories have distinct names") {
    std::set<std::string> names;
    for (const Category category : all_categories) names.insert(std::string(name_of(category)));
    CHECK(names.size() == all_categories.size());
    CHECK(names.count("") == 0);
    CHECK(names.count("data_movement") == 1);
}
