#include "cupola/cost/cost_model.hpp"

#include <utility>

namespace cupola {

CostModel::CostModel(const Gpu& gpu) : CostModel(gpu, {}, {}, {}) {}

CostModel::CostModel(const Gpu& gpu, Calibration calibration, const LibraryChoice& libraries,
                     LibraryCalibration general)
    : gpu_(gpu), calibration_(std::move(calibration)), general_(std::move(general)) {
    parameters_.fill(default_parameters(gpu.architecture));
    for (const KernelKind kind : all_kernel_kinds) {
        for (const std::string& name : libraries[index_of(kind)]) {
            const LibraryCalibration* fitted = calibration_.find(name);
            if (fitted == nullptr || !fitted->covers(kind)) continue;
            overlay(parameters_[index_of(kind)], *fitted);
            library_[index_of(kind)] = name;
            break;
        }
    }
}

const LibraryCalibration* CostModel::library(KernelKind kind) const {
    const std::string& name = library_[index_of(kind)];
    return name.empty() ? nullptr : calibration_.find(name);
}

Uncertainty CostModel::uncertainty(const Kernel& kernel, Seconds time) const {
    return uncertainty_of(kernel, time, library(kernel_kind(kernel.work)), general_);
}

}  // namespace cupola
