#pragma once

#include "cupola/cost/cost.hpp"
#include "cupola/cost/uncertainty.hpp"

#include <array>
#include <string>
#include <string_view>

namespace cupola {

inline constexpr std::string_view roofline_library = "roofline", autotuned_library = "autotuned";

/// What is known of kernels on one GPU with one stack's libraries: parameters and their errors by kind of kernel.
class CostModel {
public:
    /// The architecture's defaults for every kind; nothing is known of their errors. `gpu` must outlive the model.
    explicit CostModel(const Gpu& gpu);
    /// Fitted parameters where `calibration` has one of the kind's libraries, else the architecture's defaults, whose
    /// errors `general` states: those that GPUs show which are left out of the fit. Two names need no calibration:
    /// `roofline_library` prices a kind by its roofline, whose error is none; `autotuned_library` takes the library's
    /// regret away, because every kernel was tried.
    CostModel(const Gpu& gpu, Calibration calibration, const LibraryChoice& libraries, LibraryCalibration general);

    [[nodiscard]] KernelCost price(const Kernel& kernel) const { return price_on(gpu_, kernel); }
    /// With the same parameters on another GPU, such as one with a resource changed.
    [[nodiscard]] KernelCost price_on(const Gpu& gpu, const Kernel& kernel) const {
        if (is_roofline(kernel_kind(kernel.work))) return roofline(kernel, gpu);
        return cupola::price(kernel, gpu, parameters_[index_of(kernel_kind(kernel.work))]);
    }
    [[nodiscard]] Uncertainty uncertainty(const Kernel& kernel, Seconds time) const;
    /// The library whose fitted parameters price a kind; null where none was calibrated.
    [[nodiscard]] const LibraryCalibration* library(KernelKind kind) const;
    [[nodiscard]] bool is_roofline(KernelKind kind) const { return roofline_[index_of(kind)]; }
    [[nodiscard]] const Calibration& calibration() const { return calibration_; }
    [[nodiscard]] const Gpu& gpu() const { return gpu_; }

private:
    const Gpu& gpu_;
    Calibration calibration_;
    LibraryCalibration general_;
    std::array<CostParameters, all_kernel_kinds.size()> parameters_;
    std::array<std::string, all_kernel_kinds.size()> library_;  ///< by kind; empty where none was calibrated
    std::array<bool, all_kernel_kinds.size()> roofline_{};
};

}  // namespace cupola
