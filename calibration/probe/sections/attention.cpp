#include <algorithm>
#include <cmath>
#include <memory>

#include "probe/device/cublaslt.hpp"
#include "probe/device/cudnn.hpp"
#include "probe/host/error.hpp"
#include "probe/host/random.hpp"
#include "probe/host/reference.hpp"
#include "probe/sections/fused_attention.hpp"
#include "probe/sections/sections.hpp"
#include "probe/sections/softmax.hpp"

namespace cupola::probe {

namespace {

/// Strides of `tokens` tokens in a layout called by its order from the outermost axis.
AttentionStrides strides_of(const std::string& layout, const Attention& a, std::int64_t tokens) {
    if (layout == "bhsd") return {a.heads * tokens * a.dim, tokens * a.dim, a.dim};
    if (layout == "bshd") return {tokens * a.heads * a.dim, a.dim, a.heads * a.dim};
    return {a.heads * a.dim, a.dim, a.batch * a.heads * a.dim};
}

Attention attention_of(const Case& c) {
    Attention a;
    a.type = type_of(c.word("type"));
    a.batch = c.integer("batch");
    a.heads = c.integer("heads");
    a.queries = c.integer("queries");
    a.keys = c.integer("keys");
    a.dim = c.integer("dim");
    a.causal = c.integer("causal") != 0;
    a.query_strides = strides_of(c.word("layout"), a, a.queries);
    a.key_strides = strides_of(c.word("layout"), a, a.keys);
    a.scale = 1 / std::sqrt(static_cast<float>(a.dim));
    if (a.causal && a.queries > a.keys) throw SkippedCase("causal attention needs as many keys as queries");
    return a;
}

/// Operands, and what the unfused way needs between its kernels.
struct Operands {
    Attention a;
    Tensor query, key, value, out, scores, weights;
    std::unique_ptr<CudnnPlan> fused;
    std::unique_ptr<MatmulPlan> products, sums;
    Enqueue launch;

    explicit Operands(const Attention& attention) : a(attention) {
        const std::int64_t rows = a.batch * a.heads;
        query = Tensor(a.type, rows * a.queries * a.dim, 1, 1);
        key = Tensor(a.type, rows * a.keys * a.dim, 2, 1);
        value = Tensor(a.type, rows * a.keys * a.dim, 3, 1);
        out = Tensor::poisoned(a.type, rows * a.queries * a.dim);
    }

    void prepare_cudnn();
    void prepare_unfused(const Gpu& gpu);
    double error() const;
    /// Pairs of query and key that are seen.
    double pairs() const {
        const auto queries = static_cast<double>(a.queries);
        const auto keys = static_cast<double>(a.keys);
        const double seen = a.causal ? queries * (keys - queries) + queries * (queries + 1) / 2 : queries * keys;
        return static_cast<double>(a.batch * a.heads) * seen;
    }
};

void Operands::prepare_cudnn() {
    const auto four = [](const AttentionStrides& s) { return std::vector<std::int64_t>{s.batch, s.head, s.token, 1}; };
    FusedAttention shape;
    shape.type = a.type;
    shape.batch = a.batch;
    shape.heads = a.heads;
    shape.queries = a.queries;
    shape.keys = a.keys;
    shape.dim = a.dim;
    shape.query_strides = four(a.query_strides);
    shape.key_strides = four(a.key_strides);
    shape.scale = a.scale;
    shape.causal = a.causal;
    fused = std::make_unique<CudnnPlan>(shape);
    fused->bind({query.address(), key.address(), value.address(), out.address()});
    launch = [this](cudaStream_t stream) { fused->enqueue(stream); };
}

/// Scores and weights go through memory: product, softmax, product.
void Operands::prepare_unfused(const Gpu& gpu) {
    if (a.causal) throw SkippedCase("the unfused way has no mask");
    if (a.key_strides.token != a.dim) throw SkippedCase("the unfused way needs the layout bhsd");
    const std::int64_t rows = a.batch * a.heads;
    Matmul first;
    first.type = a.type;
    first.batch = rows;
    first.m = a.queries;
    first.n = a.keys;
    first.k = a.dim;
    first.alpha = a.scale;
    products = std::make_unique<MatmulPlan>(first);
    Matmul second;
    second.type = a.type;
    second.batch = rows;
    second.m = a.queries;
    second.n = a.dim;
    second.k = a.keys;
    second.is_b_plain = true;
    sums = std::make_unique<MatmulPlan>(second);
    scores = Tensor::poisoned(a.type, rows * a.queries * a.keys);
    weights = Tensor::poisoned(a.type, rows * a.queries * a.keys);
    const Enqueue soften = softmax_launch(weights, scores, a.type, rows * a.queries, a.keys, gpu);
    launch = [this, soften](cudaStream_t stream) {
        products->enqueue(scores.address(), query.address(), key.address(), nullptr, nullptr, stream);
        soften(stream);
        sums->enqueue(out.address(), weights.address(), value.address(), nullptr, nullptr, stream);
    };
}

/// Whole rows: the last one, and some in between; fewer where they are long.
double Operands::error() const {
    const std::int64_t rows = a.batch * a.heads * a.queries;
    const std::int64_t checked = std::clamp<std::int64_t>(2'000'000 / (a.keys * a.dim), 2, 24);
    RelativeError error;
    for (std::int64_t i = 0; i < checked; ++i) {
        const std::int64_t row = i == 0 ? rows - 1
                                        : static_cast<std::int64_t>(random_bits(9, static_cast<std::uint64_t>(i)) %
                                                                    static_cast<std::uint64_t>(rows));
        const std::int64_t batch = row / (a.heads * a.queries);
        const std::int64_t head = row / a.queries % a.heads;
        const std::int64_t token = row % a.queries;
        const std::int64_t from =
            batch * a.query_strides.batch + head * a.query_strides.head + token * a.query_strides.token;
        const auto of = [&](const Tensor& tensor) {
            return [&, batch, head](std::int64_t j, std::int64_t d) {
                return tensor.filled(batch * a.key_strides.batch + head * a.key_strides.head + j * a.key_strides.token +
                                     d);
            };
        };
        const std::int64_t keys = a.causal ? token + 1 + a.keys - a.queries : a.keys;
        const auto expected = attention_row([&](std::int64_t d) { return query.filled(from + d); }, of(key), of(value),
                                            keys, a.dim, static_cast<double>(a.scale));
        const auto found = out.fetched(from, a.dim);
        for (std::size_t d = 0; d < found.size(); ++d) error.add(found[d], expected[d]);
    }
    return error.value();
}

}  // namespace

Operation attention_operation(const Case& attention, Session& session) {
    const auto operands = std::make_shared<Operands>(attention_of(attention));
    Operands& o = *operands;
    const std::string& library = attention.word("library");
    Operation operation;
    if (library == "cudnn") {
        o.prepare_cudnn();
        operation.provider = "cudnn";
        operation.variant = o.fused->variant();
        operation.library_version = o.fused->version();
    } else if (library == "own") {
        o.launch = own_attention_launch(o.a, o.out, o.query, o.key, o.value, session.gpu());
        operation.variant = "mma.sync, 64 queries x 32 keys";
    } else {
        o.prepare_unfused(session.gpu());
        operation.provider = "cublaslt";
        operation.variant = o.products->variant() + " | softmax | " + o.sums->variant();
        operation.library_version = o.products->version();
    }
    operation.launch = [operands](cudaStream_t stream) { operands->launch(stream); };
    operation.flops = 4 * static_cast<double>(o.a.dim) * o.pairs();
    operation.traffic_bytes = static_cast<double>(o.query.bytes() + o.key.bytes() + o.value.bytes() + o.out.bytes());
    operation.tolerance = 2 * tolerance_of(o.a.type);
    operation.error = [operands] { return operands->error(); };
    return operation;
}

}  // namespace cupola::probe
