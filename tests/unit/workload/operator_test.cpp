#include "cupola/workload/operator.hpp"

#include <doctest/doctest.h>

using namespace cupola;

TEST_CASE("a convolution's multiply-adds and parameters follow from its window and groups") {
    Convolution conv;
    conv.batch = 2;
    conv.in_channels = 64;
    conv.out_channels = 128;
    conv.groups = 4;
    conv.kernel = {1, 3, 5};
    conv.input = {1, 20, 30};
    conv.output = {1, 10, 15};
    CHECK(macs_of(conv) == 2.0 * 10 * 15 * 128 * 16 * 15);
    CHECK(parameters_of(conv) == 128 * 16 * 15 + 128);
    conv.bias = false;
    CHECK(parameters_of(conv) == 128 * 16 * 15);
    conv.transposed = true;  // every input position meets every weight
    CHECK(macs_of(conv) == 2.0 * 20 * 30 * 128 * 16 * 15);
}

TEST_CASE("attention counts both products over all pairs, also under a causal mask") {
    Attention attention;
    attention.batch = 3;
    attention.heads = 8;
    attention.kv_heads = 2;
    attention.queries = 100;
    attention.keys = 77;
    attention.head_dim = 40;
    attention.value_dim = 64;
    CHECK(macs_of(attention) == 3.0 * 8 * 100 * 77 * (40 + 64));
    attention.causal = true;
    CHECK(macs_of(attention) == 3.0 * 8 * 100 * 77 * (40 + 64));
    CHECK(parameters_of(attention) == 0);
}

TEST_CASE("norms own a scale and a shift of their channels where they have them") {
    Norm norm;
    norm.kind = NormKind::group;
    norm.channels = 320;
    CHECK(parameters_of(norm) == 640);
    norm.shift = false;
    CHECK(parameters_of(norm) == 320);
    norm.scale = false;
    CHECK(parameters_of(norm) == 0);
    CHECK(name_of(OperatorKind(norm)) == "group_norm");
}

TEST_CASE("an embedding owns its whole table, whatever is looked up") {
    CHECK(parameters_of(Embedding{1, 768, 49408}) == 49408LL * 768);
    CHECK(macs_of(Embedding{1, 768, 49408}) == 0);
}

TEST_CASE("floating-point operations are two a multiply-add, and one a step and element elsewhere") {
    CHECK(flops_of(Linear{10, 20, 30, true}, 300) == 2.0 * 10 * 20 * 30);
    CHECK(flops_of(Matmul{2, 3, 4, 5}, 24) == 2.0 * 2 * 3 * 4 * 5);
    CHECK(flops_of(Activation{}, 100) == 100);
    CHECK(flops_of(GatedActivation{}, 100) == 200);
    CHECK(flops_of(Elementwise{ElementwiseKind::modulate}, 100) == 200);
    CHECK(flops_of(Softmax{4, 25}, 100) == 500);
    CHECK(flops_of(Cat{}, 100) == 0);
    Attention attention;
    attention.queries = attention.keys = 8;
    attention.head_dim = attention.value_dim = 4;
    CHECK(flops_of(attention, 32) == 2.0 * 8 * 8 * 8 + 5.0 * 64);
}
