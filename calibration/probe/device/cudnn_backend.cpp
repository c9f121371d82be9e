#if __has_include(<cudnn_backend.h>)

#include "probe/device/cudnn_backend.hpp"

#include <utility>

#include "probe/host/error.hpp"

namespace cupola::probe::cudnn {

Library::Library() {
    if (!library) throw SkippedCase("cuDNN: " + library.error());
    const bool is_complete =
        library.load(create, "cudnnCreate") && library.load(set_stream, "cudnnSetStream") &&
        library.load(version, "cudnnGetVersion") && library.load(error_string, "cudnnGetErrorString") &&
        library.load(create_descriptor, "cudnnBackendCreateDescriptor") &&
        library.load(destroy_descriptor, "cudnnBackendDestroyDescriptor") &&
        library.load(set_attribute, "cudnnBackendSetAttribute") &&
        library.load(get_attribute, "cudnnBackendGetAttribute") && library.load(finalize, "cudnnBackendFinalize") &&
        library.load(execute, "cudnnBackendExecute");
    library.load(last_error, "cudnnGetLastErrorString");
    if (!is_complete) throw SkippedCase("cuDNN: the library lacks the graph API");
    if (version() < 90000) throw SkippedCase("cuDNN 9 is needed, found " + std::to_string(version()));
}

std::string Library::words(cudnnStatus_t status) const {
    std::string text = error_string(status);
    char detail[256] = "";
    if (last_error != nullptr) last_error(detail, sizeof detail);
    return detail[0] == '\0' ? text : text + ": " + detail;
}

void Library::open() {
    if (handle != nullptr) return;
    const cudnnStatus_t status = create(&handle);
    if (status != CUDNN_STATUS_SUCCESS) throw SkippedCase("cuDNN cannot be used: " + words(status));
}

Library& library() {
    static Library opened;
    return opened;
}

void check(cudnnStatus_t status, const char* what) {
    if (status != CUDNN_STATUS_SUCCESS) throw Refused{std::string(what) + ": " + library().words(status)};
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type, const char* what) : what_(what) {
    check(library().create_descriptor(type, &handle_), what);
}

Descriptor::~Descriptor() {
    if (handle_ != nullptr) library().destroy_descriptor(handle_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(what_, other.what_);
    return *this;
}

Descriptor tensor(std::int64_t id, cudnnDataType_t type, const std::vector<std::int64_t>& extents,
                  const std::vector<std::int64_t>& strides, Role role) {
    Descriptor result(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor");
    const std::int64_t alignment = 16;
    result.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id)
        .set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type)
        .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, alignment)
        .set_all(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, extents)
        .set_all(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
    const bool yes = true;
    if (role == Role::inner) result.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, yes);
    if (role == Role::by_value) result.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, yes);
    result.finalize();
    return result;
}

cudnnDataType_t data_type(Type type) {
    switch (type) {
        case Type::fp16: return CUDNN_DATA_HALF;
        case Type::bf16: return CUDNN_DATA_BFLOAT16;
        default: return CUDNN_DATA_FLOAT;
    }
}

}  // namespace cupola::probe::cudnn

#endif
