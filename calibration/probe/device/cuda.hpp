#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>

namespace cupola::probe {

/// Throws what a failed CUDA call means: SkippedCase for too little memory, else FailedCase, which is `broken` where
/// the context answers no further call.
void check(cudaError_t status, const char* what);

/// Device memory. Its size is checked against what is free before it is asked for.
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t bytes);
    ~Buffer();
    Buffer(Buffer&& other) noexcept : address_(other.address_), bytes_(other.bytes_) { other.address_ = nullptr; }
    Buffer& operator=(Buffer&& other) noexcept;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    template <class T>
    T* as() const {
        return static_cast<T*>(address_);
    }
    void* address() const { return address_; }
    std::size_t bytes() const { return bytes_; }

private:
    void* address_ = nullptr;
    std::size_t bytes_ = 0;
};

/// What the runtime and the driver say of the GPU.
struct Gpu {
    int device = 0;
    std::string name;
    std::string pci_bus;
    int compute_major = 0;
    int compute_minor = 0;
    int sms = 0;
    std::size_t l2_bytes = 0;
    std::size_t shared_bytes_block = 0;  ///< at most, with the attribute set
    std::size_t shared_bytes_sm = 0;
    std::size_t memory_bytes = 0;
    int bus_width_bits = 0;
    double sm_clock_hz = 0;      ///< highest
    double memory_clock_hz = 0;  ///< highest
    bool has_ecc = false;
    int driver_version = 0;  ///< as 13000
    int runtime_version = 0;
};

/// Selects the device. Throws FatalError where there is none, or its driver is too old for this program.
Gpu open_gpu(int device);

/// 13000 as "13.0".
std::string version_text(int version);

}  // namespace cupola::probe
