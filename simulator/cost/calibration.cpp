#include "cupola/cost/calibration.hpp"

#include <algorithm>

namespace cupola {

bool LibraryCalibration::covers(KernelKind kind) const {
    return std::any_of(errors.begin(), errors.end(), [&](const ErrorClass& error) { return error.kind == kind; });
}

const LibraryCalibration* Calibration::find(std::string_view library) const {
    const auto found = std::find_if(libraries.begin(), libraries.end(),
                                    [&](const auto& candidate) { return candidate.name == library; });
    return found == libraries.end() ? nullptr : &*found;
}

void overlay(CostParameters& parameters, const LibraryCalibration& library) {
    for (const FittedParameter& fitted : library.parameters) {
        if (const ParameterInfo* info = find_parameter(fitted.name)) info->of(parameters) = fitted.value;
    }
}

CostParameters parameters(const Gpu& gpu, const Calibration* calibration, std::string_view library) {
    CostParameters result = default_parameters(gpu.architecture);
    if (calibration == nullptr) return result;
    if (const LibraryCalibration* fitted = calibration->find(library)) overlay(result, *fitted);
    return result;
}

}  // namespace cupola
