#include "probe/device/cudnn.hpp"

#include <algorithm>

#include "probe/host/error.hpp"

namespace cupola::probe {

std::vector<std::int64_t> Convolution::out_extent() const {
    std::vector<std::int64_t> out;
    for (std::size_t i = 0; i < extent.size(); ++i)
        out.push_back((extent[i] + 2 * padding[i] - kernel[i]) / stride[i] + 1);
    return out;
}

}  // namespace cupola::probe

#if __has_include(<cudnn_backend.h>)

#include <functional>

#include "probe/device/cudnn_backend.hpp"

namespace cupola::probe {

namespace {

using Extents = std::vector<std::int64_t>;

constexpr std::int64_t tried_configurations = 12;

/// Strides of (outer, channels, spatial ...) in memory, channels first or last.
Extents strides_of(const Extents& extents, bool is_channels_last) {
    Extents strides(extents.size(), 1);
    std::int64_t step = is_channels_last ? extents[1] : 1;
    for (std::size_t i = extents.size(); i-- > 2;) {
        strides[i] = step;
        step *= extents[i];
    }
    if (!is_channels_last) {
        strides[1] = step;
        step *= extents[1];
    }
    strides[0] = step;
    return strides;
}

Extents joined(std::int64_t outer, std::int64_t channels, const Extents& spatial) {
    Extents extents = {outer, channels};
    extents.insert(extents.end(), spatial.begin(), spatial.end());
    return extents;
}

}  // namespace

struct CudnnPlan::Impl {
    cudnn::Graph graph;
    cudnn::Descriptor operation_graph, heuristic, plan, pack;
    std::vector<cudnn::Descriptor> configurations;
    Buffer workspace;
    std::string variant;

    void build(const std::vector<std::function<cudnn::Graph()>>& descriptions);
    bool try_build(const std::function<cudnn::Graph()>& describe, std::string& problem);
    void find_configurations(cudnnBackendHeurMode_t mode);
    bool try_configuration(const cudnn::Descriptor& configuration, std::string& problem);
};

/// Takes the first description that an engine can run.
void CudnnPlan::Impl::build(const std::vector<std::function<cudnn::Graph()>>& descriptions) {
    cudnn::library().open();
    std::string problem;
    for (const auto& describe : descriptions) {
        if (try_build(describe, problem)) return;
    }
    throw SkippedCase("cuDNN has no engine for this: " + problem);
}

bool CudnnPlan::Impl::try_build(const std::function<cudnn::Graph()>& describe, std::string& problem) {
    try {
        graph = describe();
        std::vector<cudnnBackendDescriptor_t> operations;
        for (const auto& operation : graph.operations) operations.push_back(operation.handle());
        operation_graph = cudnn::Descriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "graph");
        operation_graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, cudnn::library().handle)
            .set_all(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations)
            .finalize();
        for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
            find_configurations(mode);
            for (std::size_t i = 0; i < configurations.size(); ++i) {
                if (!try_configuration(configurations[i], problem)) continue;
                variant = graph.name + ", " + (mode == CUDNN_HEUR_MODE_A ? "heuristic " : "fallback ") +
                          std::to_string(i + 1) + " of " + std::to_string(configurations.size());
                return true;
            }
        }
        if (problem.empty()) problem = "no engine is suggested";
    } catch (const cudnn::Refused& refused) {
        problem = refused.message;
    }
    return false;
}

void CudnnPlan::Impl::find_configurations(cudnnBackendHeurMode_t mode) {
    configurations.clear();
    heuristic = cudnn::Descriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "heuristic");
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode)
        .set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operation_graph)
        .finalize();
    std::vector<cudnn::Descriptor> found;
    std::vector<cudnnBackendDescriptor_t> handles;
    for (std::int64_t i = 0; i < tried_configurations; ++i) {
        found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "configuration");
        handles.push_back(found.back().handle());
    }
    std::int64_t count = 0;
    cudnn::check(
        cudnn::library().get_attribute(heuristic.handle(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       tried_configurations, &count, handles.data()),
        "heuristic's results");
    for (std::int64_t i = 0; i < std::min(count, tried_configurations); ++i) {
        configurations.push_back(std::move(found[static_cast<std::size_t>(i)]));
    }
}

bool CudnnPlan::Impl::try_configuration(const cudnn::Descriptor& configuration, std::string& problem) {
    try {
        plan = cudnn::Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "plan");
        plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, cudnn::library().handle)
            .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration)
            .finalize();
        std::int64_t bytes = 0;
        std::int64_t count = 0;
        cudnn::check(cudnn::library().get_attribute(plan.handle(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                                    CUDNN_TYPE_INT64, 1, &count, &bytes),
                     "workspace");
        workspace = Buffer(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 16)));
        return true;
    } catch (const cudnn::Refused& refused) {
        problem = refused.message;
    } catch (const SkippedCase& skipped) {
        problem = skipped.what();  // this one's workspace does not fit
    }
    return false;
}

CudnnPlan::CudnnPlan(const Convolution& c) : impl_(std::make_unique<Impl>()) {
    const std::vector<Extents> extents = {joined(c.batch, c.in_channels, c.extent),
                                          joined(c.out_channels, c.in_channels, c.kernel),
                                          joined(c.batch, c.out_channels, c.out_extent())};
    std::vector<Extents> strides;
    for (const Extents& each : extents) strides.push_back(strides_of(each, c.is_nhwc));
    impl_->build({[&] { return cudnn::convolution_graph(c.type, extents, strides, c.padding, c.stride); }});
}

CudnnPlan::CudnnPlan(const FusedAttention& a) : impl_(std::make_unique<Impl>()) {
    const cudnn::AttentionShape shape{a.type, a.batch,         a.heads,       a.queries, a.keys,
                                      a.dim,  a.query_strides, a.key_strides, a.scale,   a.causal};
    if (a.causal && a.queries != a.keys) throw SkippedCase("a causal mask is for as many queries as keys");
    std::vector<std::function<cudnn::Graph()>> descriptions = {[&] { return cudnn::composed_attention_graph(shape); }};
    if (!a.causal) descriptions.emplace_back([&] { return cudnn::single_attention_graph(shape); });
    impl_->build(descriptions);
}

CudnnPlan::~CudnnPlan() = default;

void CudnnPlan::bind(const std::vector<void*>& operands) {
    cudnn::Graph& graph = impl_->graph;
    std::vector<std::int64_t> ids = graph.operand_ids;
    std::vector<void*> addresses = operands;
    for (std::size_t i = 0; i < graph.values.size(); ++i) {
        ids.push_back(graph.value_ids[i]);
        addresses.push_back(&graph.values[i]);
    }
    try {
        impl_->pack = cudnn::Descriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "variant pack");
        impl_->pack.set_all(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids)
            .set_all(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, addresses)
            .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, impl_->workspace.address())
            .finalize();
    } catch (const cudnn::Refused& refused) {
        throw FailedCase("cuDNN refuses the operands: " + refused.message);
    }
}

void CudnnPlan::enqueue(cudaStream_t stream) const {
    try {
        cudnn::check(cudnn::library().set_stream(cudnn::library().handle, stream), "cudnnSetStream");
        cudnn::check(cudnn::library().execute(cudnn::library().handle, impl_->plan.handle(), impl_->pack.handle()),
                     "cudnnBackendExecute");
    } catch (const cudnn::Refused& refused) {
        throw FailedCase(refused.message);
    }
}

const std::string& CudnnPlan::variant() const { return impl_->variant; }

std::string CudnnPlan::version() const { return "cuDNN " + std::to_string(cudnn::library().version()); }

}  // namespace cupola::probe

#else

namespace cupola::probe {

struct CudnnPlan::Impl {};
CudnnPlan::CudnnPlan(const Convolution&) { throw SkippedCase("the probe was built without cudnn_backend.h"); }
CudnnPlan::CudnnPlan(const FusedAttention&) { throw SkippedCase("the probe was built without cudnn_backend.h"); }
CudnnPlan::~CudnnPlan() = default;
void CudnnPlan::bind(const std::vector<void*>&) {}
void CudnnPlan::enqueue(cudaStream_t) const {}
const std::string& CudnnPlan::variant() const {
    static const std::string none;
    return none;
}
std::string CudnnPlan::version() const { return ""; }

}  // namespace cupola::probe

#endif
