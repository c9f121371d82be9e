#include "cupola/fit/leave_one_out.hpp"

#include "cupola/fit/error_classes.hpp"
#include "cupola/fit/samples.hpp"
#include "cupola/validation/statistics.hpp"

#include <algorithm>
#include <map>

namespace cupola::fit {
namespace {

/// A library's fitted values on every GPU but one, averaged by name.
LibraryCalibration mean_of_others(const std::vector<FittedGpu>& fitted, const FittedGpu& left_out,
                                  const std::string& library) {
    std::map<std::string, std::pair<double, double>> sums;  // of values, and how many
    for (const FittedGpu& other : fitted) {
        const LibraryCalibration* known = other.calibration.find(library);
        if (&other == &left_out || known == nullptr) continue;
        for (const FittedParameter& parameter : known->parameters) {
            auto& [sum, count] = sums[parameter.name];
            sum += parameter.value;
            count += 1;
        }
    }
    LibraryCalibration mean;
    mean.name = library;
    for (const auto& [name, sum] : sums) mean.parameters.push_back({name, sum.first / sum.second, 0, ""});
    return mean;
}

ErrorReport error_report(const std::vector<Sample>& samples, const Samples::Group& group, std::uint32_t index,
                         const CostParameters& own, const CostParameters& others) {
    std::vector<double> own_errors, errors;
    for (const Sample& sample : samples) {
        if (sample.group != index) continue;
        own_errors.push_back(validation::relative_error(predicted_time(sample, own), sample.row->measured));
        errors.push_back(validation::relative_error(predicted_time(sample, others), sample.row->measured));
    }
    const validation::ErrorSummary summary = validation::summarise(errors);
    return {group.data,   group.name,     true,        errors.size(), validation::summarise(own_errors).mape,
            summary.mape, summary.median, summary.p90, summary.bias,  0};
}

void add_range(const SizeRange& range, std::vector<SizeRange>& ranges) {
    const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const SizeRange& other) {
        return other.kind == range.kind && other.variant == range.variant && other.type == range.type;
    });
    if (found == ranges.end()) {
        ranges.push_back(range);
        return;
    }
    for (std::size_t i = 0; i < range.low.size(); ++i) {
        found->low[i] = std::min(found->low[i], range.low[i]);
        found->high[i] = std::max(found->high[i], range.high[i]);
    }
}

std::vector<std::string> libraries_of(const FitPlan& plan) {
    std::vector<std::string> names;
    for (const FitBlock& block : plan.blocks) {
        if (std::find(names.begin(), names.end(), block.library) == names.end()) names.push_back(block.library);
    }
    return names;
}

}  // namespace

LeaveOneOutResult leave_one_out(const std::vector<FittedGpu>& fitted) {
    LeaveOneOutResult result;
    result.calibration.gpu = "uncalibrated";
    LibraryCalibration any;
    any.name = "any";
    std::vector<Residual> residuals;
    for (const FittedGpu& left_out : fitted) {
        result.gpus.push_back(left_out.gpu.name);
        result.errors.emplace_back();
        for (const std::string& library : libraries_of(left_out.plan)) {
            const std::vector<std::string> names = data_of(left_out.plan, library);
            const Samples samples = samples_of(left_out.data, names, left_out.gpu.name);
            CostParameters others = default_parameters(left_out.gpu.architecture);
            overlay(others, mean_of_others(fitted, left_out, library));
            const CostParameters own = parameters(left_out.gpu, &left_out.calibration, library);
            for (std::uint32_t group = 0; group < samples.groups.size(); ++group) {
                const ErrorReport report = error_report(samples.test, samples.groups[group], group, own, others);
                if (report.rows > 0) result.errors.back().push_back(report);
            }
            const std::vector<Residual> more = residuals_of(samples.train, others);
            residuals.insert(residuals.end(), more.begin(), more.end());
            for (const SizeRange& range : size_ranges(samples.train)) add_range(range, any.ranges);
            for (const UsedData& data : used_data(left_out.data, names, left_out.gpu.name)) any.data.push_back(data);
        }
    }
    any.errors = error_classes(residuals);
    for (ErrorClass& error : any.errors) error.shared = 1;  // a GPU's error is common to its kernels
    result.calibration.libraries = {std::move(any)};
    return result;
}

}  // namespace cupola::fit
