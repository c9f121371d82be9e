#include "cupola/cost/cost_model.hpp"

#include <algorithm>
#include <utility>

namespace cupola {

CostModel::CostModel(const Gpu& gpu) : CostModel(gpu, {}, {}, {}) {}

CostModel::CostModel(const Gpu& gpu, Calibration calibration, const LibraryChoice& libraries,
                     LibraryCalibration general)
    : gpu_(gpu), calibration_(std::move(calibration)), general_(std::move(general)) {
    parameters_.fill(default_parameters(gpu.architecture));
    for (const KernelKind kind : all_kernel_kinds) {
        const std::vector<std::string>& names = libraries[index_of(kind)];
        for (const std::string& name : names) {
            if (name == roofline_library) {
                roofline_[index_of(kind)] = true;
                break;
            }
            const LibraryCalibration* fitted = calibration_.find(name);
            if (fitted == nullptr || !fitted->covers(kind)) continue;
            overlay(parameters_[index_of(kind)], *fitted);
            library_[index_of(kind)] = name;
            break;
        }
        const bool tried = std::find(names.begin(), names.end(), autotuned_library) != names.end();
        if (tried) parameters_[index_of(kind)].batched_regret = 1;
    }
}

const LibraryCalibration* CostModel::library(KernelKind kind) const {
    const std::string& name = library_[index_of(kind)];
    return name.empty() ? nullptr : calibration_.find(name);
}

Uncertainty CostModel::uncertainty(const Kernel& kernel, Seconds time) const {
    if (is_roofline(kernel_kind(kernel.work))) return {};
    return uncertainty_of(kernel, time, library(kernel_kind(kernel.work)), general_);
}

}  // namespace cupola
