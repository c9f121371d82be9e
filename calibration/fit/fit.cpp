#include "cupola/fit/fit.hpp"

#include "cupola/cost/uncertainty.hpp"
#include "cupola/fit/block_fit.hpp"
#include "cupola/fit/error_classes.hpp"
#include "cupola/fit/samples.hpp"
#include "cupola/validation/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace cupola::fit {
namespace {

void add_fitted(const BlockReport& report, LibraryCalibration& library) {
    for (const ParameterReport& parameter : report.parameters) {
        if (!parameter.refused.empty()) continue;
        std::erase_if(library.parameters, [&](const auto& earlier) { return earlier.name == parameter.name; });
        library.parameters.push_back({parameter.name, parameter.value, parameter.standard_error, parameter.pinned_by});
    }
}

double coverage_of(std::span<const Sample* const> samples, const CostParameters& parameters,
                   const LibraryCalibration& library) {
    std::size_t inside = 0;
    for (const Sample* sample : samples) {
        const Seconds time = kernel_time(*sample, parameters);
        const Uncertainty u = uncertainty_of(main_kernel(*sample, parameters), time, &library, {});
        const double ratio = (sample->row->measured - sample->row->overhead) / time;
        if (ratio >= u.low && ratio <= u.high) ++inside;
    }
    return samples.empty() ? 0 : static_cast<double>(inside) / static_cast<double>(samples.size());
}

std::vector<ErrorReport> errors_of(const Samples& samples, const CostParameters& before, const CostParameters& after,
                                   const LibraryCalibration& library) {
    std::vector<ErrorReport> reports;
    for (std::uint32_t group = 0; group < samples.groups.size(); ++group) {
        for (const bool test : {false, true}) {
            std::vector<const Sample*> members;
            std::vector<double> errors_before, errors;
            for (const Sample& sample : test ? samples.test : samples.train) {
                if (sample.group != group) continue;
                members.push_back(&sample);
                errors_before.push_back(
                    validation::relative_error(predicted_time(sample, before), sample.row->measured));
                errors.push_back(validation::relative_error(predicted_time(sample, after), sample.row->measured));
            }
            if (members.empty()) continue;
            const validation::ErrorSummary summary = validation::summarise(errors);
            reports.push_back({samples.groups[group].data, samples.groups[group].name, test, members.size(),
                               validation::summarise(errors_before).mape, summary.mape, summary.median, summary.p90,
                               summary.bias, coverage_of(members, after, library)});
        }
    }
    return reports;
}

LibraryCalibration& library_named(const std::string& name, std::vector<LibraryCalibration>& libraries) {
    const auto found =
        std::find_if(libraries.begin(), libraries.end(), [&](const auto& library) { return library.name == name; });
    if (found != libraries.end()) return *found;
    libraries.push_back({name, {}, {}, {}, {}});
    return libraries.back();
}

}  // namespace

std::vector<std::string> data_of(const FitPlan& plan, const std::string& library) {
    std::vector<std::string> names;
    for (const FitBlock& block : plan.blocks) {
        if (block.library != library) continue;
        for (const std::string& name : block.data) {
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        }
    }
    return names;
}

std::vector<UsedData> used_data(const std::vector<FitData>& data, const std::vector<std::string>& names,
                                const std::string& gpu) {
    std::vector<UsedData> used;
    for (const FitData& source : data) {
        const std::vector<std::string> one{source.dataset.name};
        if (std::find(names.begin(), names.end(), one.front()) == names.end()) continue;
        const Samples samples = samples_of(data, one, gpu);
        used.push_back({one.front(), source.file, source.fnv1a, samples.train.size(), samples.test.size()});
    }
    return used;
}

FitResult fit_gpu(const FitPlan& plan, const Gpu& gpu, const std::vector<FitData>& data, const Progress& progress) {
    FitResult result;
    result.calibration.gpu = gpu.name;
    for (std::size_t i = 0; i < plan.blocks.size(); ++i) {
        const FitBlock& block = plan.blocks[i];
        LibraryCalibration& library = library_named(block.library, result.calibration.libraries);
        CostParameters base = default_parameters(gpu.architecture);
        overlay(base, library);
        Samples samples = samples_of(data, block.data, gpu.name);
        progress(fmt::format("block {} of {}: {}, {} parameters, {} train rows", i + 1, plan.blocks.size(),
                             block.library, block.parameters.size(), samples.train.size()));
        BlockFit fit(block, std::move(samples), base, plan.starts, progress);
        fit.run();
        result.blocks.push_back(fit.report());
        add_fitted(result.blocks.back(), library);
    }
    for (LibraryCalibration& library : result.calibration.libraries) {
        const std::vector<std::string> names = data_of(plan, library.name);
        const Samples samples = samples_of(data, names, gpu.name);
        CostParameters fitted = default_parameters(gpu.architecture);
        overlay(fitted, library);
        library.errors = error_classes(residuals_of(samples.train, fitted));
        library.ranges = size_ranges(samples.train);
        library.data = used_data(data, names, gpu.name);
    }
    const CostParameters defaults = default_parameters(gpu.architecture);
    for (BlockReport& report : result.blocks) {
        const LibraryCalibration& library = *result.calibration.find(report.block.library);
        CostParameters fitted = defaults;
        overlay(fitted, library);
        report.errors = errors_of(samples_of(data, report.block.data, gpu.name), defaults, fitted, library);
    }
    return result;
}

}  // namespace cupola::fit
