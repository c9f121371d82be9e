#pragma once

#include <cudnn.h>
#include <cudnn_backend.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "probe/device/shared_library.hpp"
#include "probe/device/tensor.hpp"

namespace cupola::probe::cudnn {

/// cuDNN's graph API as it is found at run time, with a handle.
struct Library {
    SharedLibrary library{"libcudnn.so.9", "libcudnn.so"};
    decltype(&cudnnCreate) create = nullptr;
    decltype(&cudnnSetStream) set_stream = nullptr;
    decltype(&cudnnGetVersion) version = nullptr;
    decltype(&cudnnGetErrorString) error_string = nullptr;
    decltype(&cudnnGetLastErrorString) last_error = nullptr;
    decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
    decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
    decltype(&cudnnBackendSetAttribute) set_attribute = nullptr;
    decltype(&cudnnBackendGetAttribute) get_attribute = nullptr;
    decltype(&cudnnBackendFinalize) finalize = nullptr;
    decltype(&cudnnBackendExecute) execute = nullptr;
    cudnnHandle_t handle = nullptr;

    /// Throws SkippedCase where cuDNN is not found or is older than version 9.
    Library();
    /// The words of cuDNN for a status.
    std::string words(cudnnStatus_t status) const;
    /// Opens the handle, which needs a GPU.
    void open();
};

/// The one library of the process.
Library& library();

/// A call that cuDNN refuses. Where a graph is described, that means: not supported here.
struct Refused {
    std::string message;
};

/// Throws Refused.
void check(cudnnStatus_t status, const char* what);

/// A descriptor of the graph API, destroyed with it.
class Descriptor {
public:
    Descriptor() = default;
    Descriptor(cudnnBackendDescriptorType_t type, const char* what);
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept : handle_(other.handle_), what_(other.what_) { other.handle_ = nullptr; }
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    cudnnBackendDescriptor_t handle() const { return handle_; }
    template <class T>
    Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
        check(library().set_attribute(handle_, name, type, 1, &value), what_);
        return *this;
    }
    template <class T>
    Descriptor& set_all(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                        const std::vector<T>& values) {
        check(library().set_attribute(handle_, name, type, static_cast<std::int64_t>(values.size()), values.data()),
              what_);
        return *this;
    }
    Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& other) {
        return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, other.handle());
    }
    Descriptor& finalize() {
        check(library().finalize(handle_), what_);
        return *this;
    }

private:
    cudnnBackendDescriptor_t handle_ = nullptr;
    const char* what_ = "";
};

/// What stands for a tensor in a graph.
enum class Role { operand, inner, by_value };

/// Describes a tensor. An inner one lives inside of a fused kernel; a value is read from the host.
Descriptor tensor(std::int64_t id, cudnnDataType_t type, const std::vector<std::int64_t>& extents,
                  const std::vector<std::int64_t>& strides, Role role = Role::operand);

cudnnDataType_t data_type(Type type);

/// A described graph: its operations in order, and the tensors that they name.
struct Graph {
    std::vector<Descriptor> tensors;
    std::vector<Descriptor> parts;  ///< descriptors that operations refer to
    std::vector<Descriptor> operations;
    std::vector<std::int64_t> operand_ids;
    std::vector<std::int64_t> value_ids;
    std::vector<float> values;  ///< of value_ids
    std::string name;
};

/// A convolution's graph; operands x, w, y.
Graph convolution_graph(Type type, const std::vector<std::vector<std::int64_t>>& extents,
                        const std::vector<std::vector<std::int64_t>>& strides, const std::vector<std::int64_t>& padding,
                        const std::vector<std::int64_t>& steps);

/// Strides and extents of an attention.
struct AttentionShape {
    Type type;
    std::int64_t batch, heads, queries, keys, dim;
    std::vector<std::int64_t> query_strides, key_strides;
    float scale;
    bool causal;
};
/// Attention as the chain product, scale, mask, softmax, product, which cuDNN fuses; operands q, k, v, o.
Graph composed_attention_graph(const AttentionShape& shape);
/// Attention as one operation, which newer versions have; no mask.
Graph single_attention_graph(const AttentionShape& shape);

}  // namespace cupola::probe::cudnn
