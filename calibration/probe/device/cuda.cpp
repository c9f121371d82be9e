#include "probe/device/cuda.hpp"

#include <utility>

#include "probe/host/error.hpp"
#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

constexpr std::size_t mebi = std::size_t{1} << 20;

int attribute(cudaDeviceAttr name, int device) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, name, device), "cudaDeviceGetAttribute");
    return value;
}

/// The value of an attribute that not every toolkit or driver knows; 0 there.
int optional_attribute(cudaDeviceAttr name, int device) {
    int value = 0;
    if (cudaDeviceGetAttribute(&value, name, device) != cudaSuccess) cudaGetLastError();
    return value;
}

}  // namespace

void check(cudaError_t status, const char* what) {
    if (status == cudaSuccess) return;
    const std::string message = std::string(what) + ": " + cudaGetErrorString(status);
    cudaGetLastError();
    if (status == cudaErrorMemoryAllocation) throw SkippedCase("too little memory: " + message);
    // an error that stays comes back from any later call
    const bool broken = cudaDeviceSynchronize() != cudaSuccess || cudaGetLastError() != cudaSuccess;
    throw FailedCase(message, broken);
}

Buffer::Buffer(std::size_t bytes) : bytes_(bytes) {
    std::size_t free = 0;
    std::size_t total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    constexpr std::size_t reserve = 512 * mebi;  // for the libraries
    if (bytes + reserve > free) {
        throw SkippedCase("too little memory: needs " + std::to_string(bytes / mebi) + " MiB more, " +
                          std::to_string(free / mebi) + " MiB are free");
    }
    check(cudaMalloc(&address_, bytes > 0 ? bytes : 16), "cudaMalloc");
}

Buffer::~Buffer() {
    if (address_ != nullptr) cudaFree(address_);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

Gpu open_gpu(int device) {
    Gpu gpu;
    gpu.device = device;
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver) {
        int driver = 0;
        if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) throw FatalError("no CUDA device: no driver");
        throw FatalError("no CUDA device: the driver has CUDA " + version_text(driver) + ", this program needs " +
                         version_text(CUDART_VERSION) + "; install a newer driver, or build with an older toolkit");
    }
    if (status != cudaSuccess) throw FatalError(std::string("no CUDA device: ") + cudaGetErrorString(status));
    if (count == 0) throw FatalError("no CUDA device");
    if (device >= count) {
        throw FatalError("--device " + std::to_string(device) + ": there are " + std::to_string(count) +
                         " devices, counted from 0");
    }
    cudaDeviceProp properties{};
    if (cudaSetDevice(device) != cudaSuccess || cudaFree(nullptr) != cudaSuccess ||
        cudaGetDeviceProperties(&properties, device) != cudaSuccess) {
        throw FatalError(std::string("the CUDA device cannot be used: ") + cudaGetErrorString(cudaGetLastError()));
    }
    char bus[32] = "";
    if (cudaDeviceGetPCIBusId(bus, sizeof bus, device) != cudaSuccess) cudaGetLastError();
    gpu.name = properties.name;
    gpu.pci_bus = bus;
    gpu.compute_major = properties.major;
    gpu.compute_minor = properties.minor;
    gpu.sms = properties.multiProcessorCount;
    gpu.l2_bytes = static_cast<std::size_t>(properties.l2CacheSize);
    gpu.shared_bytes_block = properties.sharedMemPerBlockOptin;
    gpu.shared_bytes_sm = properties.sharedMemPerMultiprocessor;
    gpu.memory_bytes = properties.totalGlobalMem;
    gpu.bus_width_bits = attribute(cudaDevAttrGlobalMemoryBusWidth, device);
    gpu.sm_clock_hz = 1e3 * optional_attribute(cudaDevAttrClockRate, device);
    gpu.memory_clock_hz = 1e3 * optional_attribute(cudaDevAttrMemoryClockRate, device);
    gpu.has_ecc = attribute(cudaDevAttrEccEnabled, device) != 0;
    check(cudaDriverGetVersion(&gpu.driver_version), "cudaDriverGetVersion");
    check(cudaRuntimeGetVersion(&gpu.runtime_version), "cudaRuntimeGetVersion");
    return gpu;
}

std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace cupola::probe
