#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>
#include <vector>

namespace cupola::probe {

/// A kernel as it stands in a captured graph.
struct KernelNode {
    std::string name;  ///< mangled; empty where the driver does not tell
    std::string grid;  ///< 132x1x1/384x1x1
};

/// Work captured from a stream, to be replayed with one launch.
class Graph {
public:
    /// Captures what `enqueue` puts on the stream. Throws FailedCase where that cannot be captured.
    explicit Graph(const std::function<void(cudaStream_t)>& enqueue);
    ~Graph();
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;

    void launch(cudaStream_t stream) const;
    /// Its kernels in the order of capture. Needs driver 12.3 for the names.
    std::vector<KernelNode> kernels() const;

private:
    cudaGraph_t graph_ = nullptr;
    cudaGraphExec_t executable_ = nullptr;
};

}  // namespace cupola::probe
