#pragma once

#include "cupola/config/load.hpp"
#include "cupola/lever/lever.hpp"
#include "cupola/predict/prediction.hpp"

#include <string>

namespace cupola::test {

/// What `cupola predict` says of this workload, GPU, stack, settings and levers ("a;b=c").
[[nodiscard]] inline Prediction predicted(const std::string& workload, const std::string& gpu_name,
                                          const std::string& stack, const WorkloadSettings& settings = {},
                                          const std::string& levers = "") {
    const std::string data = CUPOLA_SOURCE_DIR;
    const Gpu gpu = config::load_gpu(data, gpu_name);
    LeverContext context;
    context.workload_name = workload;
    context.settings = settings;
    context.stack = config::load_stack(data, stack);
    context.architecture = gpu.architecture;
    context.expand = [&](const std::string& name, const WorkloadSettings& values) {
        return config::load_workload(data, name, values);
    };
    const Scenario scenario = apply_levers(std::move(context), parse_levers(levers));
    const CostModel model(gpu, config::load_calibration(data, gpu.name).value_or(Calibration{}),
                          scenario.stack.libraries(), config::load_general_errors(data));
    return predict(scenario.workload, model, scenario.stack);
}

}  // namespace cupola::test
