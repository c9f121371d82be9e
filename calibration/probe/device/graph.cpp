#include "probe/device/graph.hpp"

#include <cuda.h>

#include "probe/device/cuda.hpp"
#include "probe/device/shared_library.hpp"
#include "probe/host/error.hpp"

namespace cupola::probe {

namespace {

/// The driver's functions that tell the name of a node's kernel; not all drivers have them.
struct NodeInspector {
    SharedLibrary driver{"libcuda.so.1"};
    CUresult (*parameters)(CUgraphNode, CUDA_KERNEL_NODE_PARAMS_v2*) = nullptr;
    CUresult (*function_name)(const char**, CUfunction) = nullptr;
    CUresult (*kernel_name)(const char**, CUkernel) = nullptr;

    NodeInspector() {
        driver.load(parameters, "cuGraphKernelNodeGetParams_v2");
        driver.load(function_name, "cuFuncGetName");
        driver.load(kernel_name, "cuKernelGetName");
    }

    KernelNode describe(cudaGraphNode_t node) const {
        KernelNode result;
        CUDA_KERNEL_NODE_PARAMS_v2 found{};
        if (parameters == nullptr || parameters(node, &found) != CUDA_SUCCESS) return result;
        const char* name = nullptr;
        const bool is_named =
            (found.func != nullptr && function_name != nullptr && function_name(&name, found.func) == CUDA_SUCCESS) ||
            (found.kern != nullptr && kernel_name != nullptr && kernel_name(&name, found.kern) == CUDA_SUCCESS);
        if (is_named && name != nullptr) result.name = name;
        const auto triple = [](unsigned x, unsigned y, unsigned z) {
            return std::to_string(x) + "x" + std::to_string(y) + "x" + std::to_string(z);
        };
        result.grid = triple(found.gridDimX, found.gridDimY, found.gridDimZ) + "/" +
                      triple(found.blockDimX, found.blockDimY, found.blockDimZ);
        return result;
    }
};

}  // namespace

Graph::Graph(const std::function<void(cudaStream_t)>& enqueue) {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    std::string problem;
    cudaError_t status = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    if (status == cudaSuccess) {
        try {
            enqueue(stream);
        } catch (const std::exception& error) {
            problem = error.what();
        }
        status = cudaStreamEndCapture(stream, &graph_);
    }
    if (status == cudaSuccess && problem.empty()) status = cudaGraphInstantiate(&executable_, graph_, 0);
    cudaStreamDestroy(stream);
    if (status == cudaSuccess && problem.empty()) return;
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
    cudaGetLastError();
    throw FailedCase("cannot be captured into a graph: " + (problem.empty() ? cudaGetErrorString(status) : problem));
}

Graph::~Graph() {
    cudaGraphExecDestroy(executable_);
    cudaGraphDestroy(graph_);
}

void Graph::launch(cudaStream_t stream) const { check(cudaGraphLaunch(executable_, stream), "cudaGraphLaunch"); }

std::vector<KernelNode> Graph::kernels() const {
    static const NodeInspector inspector;
    std::size_t count = 0;
    check(cudaGraphGetNodes(graph_, nullptr, &count), "cudaGraphGetNodes");
    std::vector<cudaGraphNode_t> nodes(count);
    check(cudaGraphGetNodes(graph_, nodes.data(), &count), "cudaGraphGetNodes");
    std::vector<KernelNode> kernels;
    for (const cudaGraphNode_t node : nodes) {
        cudaGraphNodeType type{};
        if (cudaGraphNodeGetType(node, &type) == cudaSuccess && type == cudaGraphNodeTypeKernel) {
            kernels.push_back(inspector.describe(node));
        }
    }
    return kernels;
}

}  // namespace cupola::probe
