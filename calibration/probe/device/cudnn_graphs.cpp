#if __has_include(<cudnn_backend.h>)

#include <limits>

#include "probe/device/cudnn_backend.hpp"

namespace cupola::probe::cudnn {

namespace {

using Extents = std::vector<std::int64_t>;

/// Builds attention's graph tensor by tensor. Inner tensors are fp32 unless told otherwise.
class AttentionBuilder {
public:
    explicit AttentionBuilder(const AttentionShape& shape) : s_(shape) {}

    std::size_t operand(const Extents& extents, const Extents& strides) {
        graph_.operand_ids.push_back(next_id_);
        return add(data_type(s_.type), extents, strides, Role::operand);
    }
    std::size_t value(float number) {
        graph_.value_ids.push_back(next_id_);
        graph_.values.push_back(number);
        return add(CUDNN_DATA_FLOAT, {1, 1, 1, 1}, {1, 1, 1, 1}, Role::by_value);
    }
    std::size_t scores(cudnnDataType_t type = CUDNN_DATA_FLOAT) {
        const std::int64_t matrix = s_.queries * s_.keys;
        return add(type, {s_.batch, s_.heads, s_.queries, s_.keys}, {s_.heads * matrix, matrix, s_.keys, 1},
                   Role::inner);
    }
    std::size_t row_values() {
        return add(CUDNN_DATA_FLOAT, {s_.batch, s_.heads, s_.queries, 1}, {s_.heads * s_.queries, s_.queries, 1, 1},
                   Role::inner);
    }

    void matmul(std::size_t a, std::size_t b, std::size_t c) {
        Descriptor kind(CUDNN_BACKEND_MATMUL_DESCRIPTOR, "matmul");
        kind.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT).finalize();
        Descriptor operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, "matmul operation");
        operation.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, at(a))
            .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, at(b))
            .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, at(c))
            .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, kind)
            .finalize();
        keep(std::move(kind), std::move(operation));
    }

    /// y = mode(x, b, t); an absent operand is `none`.
    void pointwise(cudnnPointwiseMode_t mode, std::size_t x, std::size_t b, std::size_t t, std::size_t y,
                   int axis = -1) {
        Descriptor kind(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise");
        kind.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode)
            .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
        const std::int64_t axis64 = axis;
        if (axis >= 0) kind.set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, axis64);
        kind.finalize();
        Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "pointwise operation");
        operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind)
            .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, at(x))
            .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, at(y));
        if (b != none) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, at(b));
        if (t != none) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, at(t));
        operation.finalize();
        keep(std::move(kind), std::move(operation));
    }

    void reduction(cudnnReduceTensorOp_t mode, std::size_t x, std::size_t y) {
        Descriptor kind(CUDNN_BACKEND_REDUCTION_DESCRIPTOR, "reduction");
        kind.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, mode)
            .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
            .finalize();
        Descriptor operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, "reduction operation");
        operation.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, at(x))
            .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, at(y))
            .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, kind)
            .finalize();
        keep(std::move(kind), std::move(operation));
    }

    /// Scores where the query's index is at least the key's, else the lowest number.
    std::size_t causal(std::size_t from) {
        const std::size_t row = index();
        pointwise(CUDNN_POINTWISE_GEN_INDEX, from, none, none, row, 2);
        const std::size_t column = index();
        pointwise(CUDNN_POINTWISE_GEN_INDEX, from, none, none, column, 3);
        const std::size_t is_seen = scores(CUDNN_DATA_BOOLEAN);
        pointwise(CUDNN_POINTWISE_CMP_GE, row, column, none, is_seen);
        const std::size_t lowest = value(std::numeric_limits<float>::lowest());
        const std::size_t masked = scores();
        pointwise(CUDNN_POINTWISE_BINARY_SELECT, from, lowest, is_seen, masked);
        return masked;
    }

    const Descriptor& at(std::size_t tensor) const { return graph_.tensors[tensor]; }
    Graph take() { return std::move(graph_); }
    void add_operation(Descriptor operation) { graph_.operations.push_back(std::move(operation)); }
    void name(const char* text) { graph_.name = text; }

    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

private:
    std::size_t index() { return scores(CUDNN_DATA_INT32); }
    std::size_t add(cudnnDataType_t type, const Extents& extents, const Extents& strides, Role role) {
        graph_.tensors.push_back(tensor(next_id_++, type, extents, strides, role));
        return graph_.tensors.size() - 1;
    }
    void keep(Descriptor kind, Descriptor operation) {
        graph_.parts.push_back(std::move(kind));
        graph_.operations.push_back(std::move(operation));
    }

    const AttentionShape& s_;
    Graph graph_;
    std::int64_t next_id_ = 1;
};

}  // namespace

Graph convolution_graph(Type type, const std::vector<Extents>& extents, const std::vector<Extents>& strides,
                        const Extents& padding, const Extents& steps) {
    Graph graph;
    graph.name = "convolution";
    for (std::int64_t i = 0; i < 3; ++i) {
        const auto which = static_cast<std::size_t>(i);
        graph.tensors.push_back(tensor(i + 1, data_type(type), extents[which], strides[which]));
        graph.operand_ids.push_back(i + 1);
    }
    const auto dimensions = static_cast<std::int64_t>(padding.size());
    const Extents ones(padding.size(), 1);
    Descriptor kind(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "convolution");
    kind.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
        .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
        .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, dimensions)
        .set_all(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, ones)
        .set_all(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, steps)
        .set_all(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, padding)
        .set_all(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, padding)
        .finalize();
    const float alpha = 1;
    const float beta = 0;
    Descriptor operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, "convolution operation");
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, graph.tensors[0])
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, graph.tensors[1])
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, graph.tensors[2])
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, kind)
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, alpha)
        .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, beta)
        .finalize();
    graph.parts.push_back(std::move(kind));
    graph.operations.push_back(std::move(operation));
    return graph;
}

Graph composed_attention_graph(const AttentionShape& s) {
    AttentionBuilder build(s);
    constexpr std::size_t none = AttentionBuilder::none;
    build.name("composed attention");
    const Extents& q = s.query_strides;
    const Extents& kv = s.key_strides;
    const std::size_t query = build.operand({s.batch, s.heads, s.queries, s.dim}, q);
    const std::size_t key = build.operand({s.batch, s.heads, s.dim, s.keys}, {kv[0], kv[1], kv[3], kv[2]});
    const std::size_t value = build.operand({s.batch, s.heads, s.keys, s.dim}, kv);
    const std::size_t out = build.operand({s.batch, s.heads, s.queries, s.dim}, q);
    const std::size_t products = build.scores();
    build.matmul(query, key, products);
    const std::size_t scale = build.value(s.scale);
    std::size_t scores = build.scores();
    build.pointwise(CUDNN_POINTWISE_MUL, products, scale, none, scores);
    if (s.causal) scores = build.causal(scores);
    const std::size_t maximum = build.row_values();
    build.reduction(CUDNN_REDUCE_TENSOR_MAX, scores, maximum);
    const std::size_t below = build.scores();
    build.pointwise(CUDNN_POINTWISE_SUB, scores, maximum, none, below);
    const std::size_t exponentials = build.scores();
    build.pointwise(CUDNN_POINTWISE_EXP, below, none, none, exponentials);
    const std::size_t sum = build.row_values();
    build.reduction(CUDNN_REDUCE_TENSOR_ADD, exponentials, sum);
    const std::size_t weights = build.scores(data_type(s.type));
    build.pointwise(CUDNN_POINTWISE_DIV, exponentials, sum, none, weights);
    build.matmul(weights, value, out);
    return build.take();
}

Graph single_attention_graph(const AttentionShape& s) {
#if CUDNN_VERSION >= 91300
    AttentionBuilder build(s);
    build.name("attention operation");
    const std::size_t query = build.operand({s.batch, s.heads, s.queries, s.dim}, s.query_strides);
    const std::size_t key = build.operand({s.batch, s.heads, s.keys, s.dim}, s.key_strides);
    const std::size_t value = build.operand({s.batch, s.heads, s.keys, s.dim}, s.key_strides);
    const std::size_t out = build.operand({s.batch, s.heads, s.queries, s.dim}, s.query_strides);
    const std::size_t scale = build.value(s.scale);
    Descriptor operation(CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR, "attention operation");
    operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC, build.at(query))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC, build.at(key))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC, build.at(value))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC, build.at(out))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC, build.at(scale))
        .finalize();
    build.add_operation(std::move(operation));
    return build.take();
#else
    (void)s;
    throw Refused{"attention as one operation: needs the headers of cuDNN 9.13"};
#endif
}

}  // namespace cupola::probe::cudnn

#endif
