#pragma once

#include <optional>
#include <string>

#include "probe/device/shared_library.hpp"

namespace cupola::probe {

/// Clocks, power and temperature at one moment; nothing where the driver does not tell.
struct Condition {
    std::optional<double> sm_clock_hz;
    std::optional<double> memory_clock_hz;
    std::optional<double> power_w;
    std::optional<double> temperature_c;
    std::optional<unsigned long long> throttle;  ///< bits of nvmlClocksEventReasons
};

/// NVIDIA's management library, which comes with the driver. Only reads.
class Nvml {
public:
    explicit Nvml(const std::string& pci_bus);

    bool is_available() const { return device_ != nullptr; }
    Condition condition() const;
    std::string driver() const;  ///< as 580.65.06; empty where unknown
    std::optional<double> power_limit_w() const;
    std::optional<double> highest_clock_hz(bool of_memory) const;
    std::optional<bool> is_mig() const;

private:
    std::optional<double> clock_hz(const char* function, int type) const;

    SharedLibrary library_;
    void* device_ = nullptr;
};

}  // namespace cupola::probe
