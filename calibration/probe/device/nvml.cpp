#include "probe/device/nvml.hpp"

namespace cupola::probe {

namespace {

// The library's C interface, of which the toolkit's header is not always installed.
constexpr int nvml_success = 0;
constexpr int nvml_clock_sm = 1;
constexpr int nvml_clock_memory = 2;

}  // namespace

Nvml::Nvml(const std::string& pci_bus) : library_{"libnvidia-ml.so.1", "libnvidia-ml.so"} {
    int (*init)() = nullptr;
    int (*find)(const char*, void**) = nullptr;
    if (!library_.load(init, "nvmlInit_v2") || !library_.load(find, "nvmlDeviceGetHandleByPciBusId_v2")) return;
    if (init() != nvml_success || find(pci_bus.c_str(), &device_) != nvml_success) device_ = nullptr;
}

std::optional<double> Nvml::clock_hz(const char* name, int type) const {
    int (*function)(void*, int, unsigned*) = nullptr;
    unsigned megahertz = 0;
    if (device_ == nullptr || !library_.load(function, name)) return std::nullopt;
    if (function(device_, type, &megahertz) != nvml_success) return std::nullopt;
    return megahertz * 1e6;
}

Condition Nvml::condition() const {
    Condition condition;
    condition.sm_clock_hz = clock_hz("nvmlDeviceGetClockInfo", nvml_clock_sm);
    condition.memory_clock_hz = clock_hz("nvmlDeviceGetClockInfo", nvml_clock_memory);
    int (*power)(void*, unsigned*) = nullptr;
    unsigned milliwatts = 0;
    if (device_ != nullptr && library_.load(power, "nvmlDeviceGetPowerUsage") &&
        power(device_, &milliwatts) == nvml_success) {
        condition.power_w = milliwatts * 1e-3;
    }
    int (*temperature)(void*, int, unsigned*) = nullptr;
    unsigned degrees = 0;
    if (device_ != nullptr && library_.load(temperature, "nvmlDeviceGetTemperature") &&
        temperature(device_, 0, &degrees) == nvml_success) {
        condition.temperature_c = degrees;
    }
    int (*throttle)(void*, unsigned long long*) = nullptr;
    unsigned long long reasons = 0;
    if (device_ != nullptr && library_.load(throttle, "nvmlDeviceGetCurrentClocksThrottleReasons") &&
        throttle(device_, &reasons) == nvml_success) {
        condition.throttle = reasons;
    }
    return condition;
}

std::string Nvml::driver() const {
    int (*version)(char*, unsigned) = nullptr;
    char text[96] = "";
    if (device_ == nullptr || !library_.load(version, "nvmlSystemGetDriverVersion")) return "";
    return version(text, sizeof text) == nvml_success ? text : "";
}

std::optional<double> Nvml::power_limit_w() const {
    int (*limit)(void*, unsigned*) = nullptr;
    unsigned milliwatts = 0;
    if (device_ == nullptr || !library_.load(limit, "nvmlDeviceGetEnforcedPowerLimit")) return std::nullopt;
    if (limit(device_, &milliwatts) != nvml_success) return std::nullopt;
    return milliwatts * 1e-3;
}

std::optional<double> Nvml::highest_clock_hz(bool of_memory) const {
    return clock_hz("nvmlDeviceGetMaxClockInfo", of_memory ? nvml_clock_memory : nvml_clock_sm);
}

std::optional<bool> Nvml::is_mig() const {
    int (*mode)(void*, unsigned*, unsigned*) = nullptr;
    unsigned current = 0;
    unsigned pending = 0;
    if (device_ == nullptr || !library_.load(mode, "nvmlDeviceGetMigMode")) return std::nullopt;
    if (mode(device_, &current, &pending) != nvml_success) return std::nullopt;
    return current != 0;
}

}  // namespace cupola::probe
