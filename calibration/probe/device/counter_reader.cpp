#include "probe/device/counters.hpp"

#if __has_include(<cupti_range_profiler.h>) && __has_include(<cupti_profiler_host.h>)

#include <cuda.h>
#include <cupti_profiler_host.h>
#include <cupti_profiler_target.h>
#include <cupti_range_profiler.h>
#include <cupti_target.h>

#include "probe/device/shared_library.hpp"

namespace cupola::probe {

namespace {

/// A column, the metrics that may tell it (the first that the chip has), and the factor to the column's unit.
struct Counter {
    const char* column;
    std::vector<const char*> metrics;
    double factor;
};

const std::vector<Counter>& wanted() {
    static const std::vector<Counter> counters = {
        {"dram_read_bytes", {"dram__bytes_read.sum"}, 1},
        {"dram_write_bytes", {"dram__bytes_write.sum"}, 1},
        {"l2_hit_rate", {"lts__t_sector_hit_rate.pct"}, 0.01},
        {"l1_hit_rate", {"l1tex__t_sector_hit_rate.pct"}, 0.01},
        {"tensor_active",
         {"sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active",
          "sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_active"},
         0.01},
    };
    return counters;
}

/// The parameter block of a CUPTI call, with its size set.
template <class Parameters>
Parameters sized(std::size_t bytes) {
    Parameters parameters{};
    parameters.structSize = bytes;
    return parameters;
}
#define PROBE_SIZED(type) sized<type>(type##_STRUCT_SIZE)

}  // namespace

struct CounterReader::Impl {
    SharedLibrary library{"libcupti.so.13", "libcupti.so.12", "libcupti.so"};
    SharedLibrary driver{"libcuda.so.1"};
    decltype(&cuptiProfilerInitialize) initialize = nullptr;
    decltype(&cuptiDeviceGetChipName) chip_name = nullptr;
    decltype(&cuptiProfilerGetCounterAvailability) availability = nullptr;
    decltype(&cuptiProfilerHostInitialize) host_initialize = nullptr;
    decltype(&cuptiProfilerHostDeinitialize) host_deinitialize = nullptr;
    decltype(&cuptiProfilerHostConfigAddMetrics) add_metrics = nullptr;
    decltype(&cuptiProfilerHostGetConfigImageSize) config_size = nullptr;
    decltype(&cuptiProfilerHostGetConfigImage) config_image = nullptr;
    decltype(&cuptiProfilerHostEvaluateToGpuValues) evaluate = nullptr;
    decltype(&cuptiRangeProfilerEnable) enable = nullptr;
    decltype(&cuptiRangeProfilerDisable) disable = nullptr;
    decltype(&cuptiRangeProfilerGetCounterDataSize) data_size = nullptr;
    decltype(&cuptiRangeProfilerCounterDataImageInitialize) data_initialize = nullptr;
    decltype(&cuptiRangeProfilerSetConfig) set_config = nullptr;
    decltype(&cuptiRangeProfilerStart) start = nullptr;
    decltype(&cuptiRangeProfilerStop) stop = nullptr;
    decltype(&cuptiRangeProfilerPushRange) push = nullptr;
    decltype(&cuptiRangeProfilerPopRange) pop = nullptr;
    decltype(&cuptiRangeProfilerDecodeData) decode = nullptr;
    decltype(&cuptiGetResultString) result_string = nullptr;
    CUresult (*current_context)(CUcontext*) = nullptr;

    CUcontext context = nullptr;
    std::string chip;
    std::vector<std::uint8_t> available;
    CUpti_Profiler_Host_Object* host = nullptr;
    std::vector<Counter> counters;  // that the chip has, each with one metric
    std::vector<const char*> metrics;
    std::vector<std::uint8_t> config;
    std::vector<std::uint8_t> data;
    std::string problem;

    bool load();
    bool ok(CUptiResult result, const char* what);
    bool find_chip(int device);
    CUpti_Profiler_Host_Object* new_host();
    bool choose_metrics();
    bool prepare_data(CUpti_RangeProfiler_Object* profiler);
    bool collect(CUpti_RangeProfiler_Object* profiler, const std::function<void()>& prepare,
                 const std::function<void()>& work);
    std::vector<std::pair<std::string, double>> evaluated();
};

bool CounterReader::Impl::load() {
    if (!library) {
        problem = library.error();
        return false;
    }
    const bool is_complete =
        library.load(initialize, "cuptiProfilerInitialize") && library.load(chip_name, "cuptiDeviceGetChipName") &&
        library.load(availability, "cuptiProfilerGetCounterAvailability") &&
        library.load(host_initialize, "cuptiProfilerHostInitialize") &&
        library.load(host_deinitialize, "cuptiProfilerHostDeinitialize") &&
        library.load(add_metrics, "cuptiProfilerHostConfigAddMetrics") &&
        library.load(config_size, "cuptiProfilerHostGetConfigImageSize") &&
        library.load(config_image, "cuptiProfilerHostGetConfigImage") &&
        library.load(evaluate, "cuptiProfilerHostEvaluateToGpuValues") &&
        library.load(enable, "cuptiRangeProfilerEnable") && library.load(disable, "cuptiRangeProfilerDisable") &&
        library.load(data_size, "cuptiRangeProfilerGetCounterDataSize") &&
        library.load(data_initialize, "cuptiRangeProfilerCounterDataImageInitialize") &&
        library.load(set_config, "cuptiRangeProfilerSetConfig") && library.load(start, "cuptiRangeProfilerStart") &&
        library.load(stop, "cuptiRangeProfilerStop") && library.load(push, "cuptiRangeProfilerPushRange") &&
        library.load(pop, "cuptiRangeProfilerPopRange") && library.load(decode, "cuptiRangeProfilerDecodeData") &&
        library.load(result_string, "cuptiGetResultString") && driver.load(current_context, "cuCtxGetCurrent");
    if (!is_complete) problem = "libcupti lacks the Range Profiler";
    return is_complete;
}

bool CounterReader::Impl::ok(CUptiResult result, const char* what) {
    if (result == CUPTI_SUCCESS) return true;
    const char* text = nullptr;
    result_string(result, &text);
    problem = std::string(what) + ": " + (text == nullptr ? std::to_string(result) : text);
    if (result == CUPTI_ERROR_INSUFFICIENT_PRIVILEGES) {
        problem += " (counters are for administrators only; NVreg_RestrictProfilingToAdminUsers=0 permits them to all)";
    }
    return false;
}

bool CounterReader::Impl::find_chip(int device) {
    auto first = PROBE_SIZED(CUpti_Profiler_Initialize_Params);
    if (!ok(initialize(&first), "cuptiProfilerInitialize")) return false;
    if (current_context(&context) != CUDA_SUCCESS || context == nullptr) {
        problem = "no CUDA context";
        return false;
    }
    auto name = PROBE_SIZED(CUpti_Device_GetChipName_Params);
    name.deviceIndex = static_cast<std::size_t>(device);
    if (!ok(chip_name(&name), "cuptiDeviceGetChipName")) return false;
    chip = name.pChipName;
    auto image = PROBE_SIZED(CUpti_Profiler_GetCounterAvailability_Params);
    image.ctx = context;
    if (!ok(availability(&image), "cuptiProfilerGetCounterAvailability")) return false;
    available.resize(image.counterAvailabilityImageSize);
    image.pCounterAvailabilityImage = available.data();
    return ok(availability(&image), "cuptiProfilerGetCounterAvailability");
}

CUpti_Profiler_Host_Object* CounterReader::Impl::new_host() {
    auto parameters = PROBE_SIZED(CUpti_Profiler_Host_Initialize_Params);
    parameters.profilerType = CUPTI_PROFILER_TYPE_RANGE_PROFILER;
    parameters.pChipName = chip.c_str();
    parameters.pCounterAvailabilityImage = available.data();
    return ok(host_initialize(&parameters), "cuptiProfilerHostInitialize") ? parameters.pHostObject : nullptr;
}

/// Takes the metrics that the chip knows; each is tried on an object of its own.
bool CounterReader::Impl::choose_metrics() {
    for (const Counter& counter : wanted()) {
        for (const char* metric : counter.metrics) {
            CUpti_Profiler_Host_Object* const trial = new_host();
            if (trial == nullptr) return false;
            auto add = PROBE_SIZED(CUpti_Profiler_Host_ConfigAddMetrics_Params);
            add.pHostObject = trial;
            add.ppMetricNames = &metric;
            add.numMetrics = 1;
            const bool is_known = add_metrics(&add) == CUPTI_SUCCESS;
            auto end = PROBE_SIZED(CUpti_Profiler_Host_Deinitialize_Params);
            end.pHostObject = trial;
            host_deinitialize(&end);
            if (!is_known) continue;
            counters.push_back({counter.column, {metric}, counter.factor});
            metrics.push_back(metric);
            break;
        }
    }
    if (metrics.empty()) {
        problem = "none of the metrics is known for " + chip;
        return false;
    }
    host = new_host();
    if (host == nullptr) return false;
    auto add = PROBE_SIZED(CUpti_Profiler_Host_ConfigAddMetrics_Params);
    add.pHostObject = host;
    add.ppMetricNames = metrics.data();
    add.numMetrics = metrics.size();
    if (!ok(add_metrics(&add), "cuptiProfilerHostConfigAddMetrics")) return false;
    auto size = PROBE_SIZED(CUpti_Profiler_Host_GetConfigImageSize_Params);
    size.pHostObject = host;
    if (!ok(config_size(&size), "cuptiProfilerHostGetConfigImageSize")) return false;
    config.resize(size.configImageSize);
    auto image = PROBE_SIZED(CUpti_Profiler_Host_GetConfigImage_Params);
    image.pHostObject = host;
    image.configImageSize = config.size();
    image.pConfigImage = config.data();
    return ok(config_image(&image), "cuptiProfilerHostGetConfigImage");
}

bool CounterReader::Impl::prepare_data(CUpti_RangeProfiler_Object* profiler) {
    auto size = PROBE_SIZED(CUpti_RangeProfiler_GetCounterDataSize_Params);
    size.pRangeProfilerObject = profiler;
    size.pMetricNames = metrics.data();
    size.numMetrics = metrics.size();
    size.maxNumOfRanges = 1;
    size.maxNumRangeTreeNodes = 1;
    if (!ok(data_size(&size), "cuptiRangeProfilerGetCounterDataSize")) return false;
    data.assign(size.counterDataSize, 0);
    auto first = PROBE_SIZED(CUpti_RangeProfiler_CounterDataImage_Initialize_Params);
    first.pRangeProfilerObject = profiler;
    first.counterDataSize = data.size();
    first.pCounterData = data.data();
    if (!ok(data_initialize(&first), "cuptiRangeProfilerCounterDataImageInitialize")) return false;
    auto set = PROBE_SIZED(CUpti_RangeProfiler_SetConfig_Params);
    set.pRangeProfilerObject = profiler;
    set.configSize = config.size();
    set.pConfig = config.data();
    set.counterDataImageSize = data.size();
    set.pCounterDataImage = data.data();
    set.range = CUPTI_UserRange;
    set.replayMode = CUPTI_UserReplay;
    set.maxRangesPerPass = 1;
    set.numNestingLevels = 1;
    set.minNestingLevel = 1;
    set.passIndex = 0;
    set.targetNestingLevel = 1;
    return ok(set_config(&set), "cuptiRangeProfilerSetConfig");
}

/// Repeats the work until every counter had its pass.
bool CounterReader::Impl::collect(CUpti_RangeProfiler_Object* profiler, const std::function<void()>& prepare,
                                  const std::function<void()>& work) {
    constexpr int most_passes = 50;
    for (int pass = 0; pass < most_passes; ++pass) {
        prepare();
        auto begin = PROBE_SIZED(CUpti_RangeProfiler_Start_Params);
        begin.pRangeProfilerObject = profiler;
        if (!ok(start(&begin), "cuptiRangeProfilerStart")) return false;
        auto in = PROBE_SIZED(CUpti_RangeProfiler_PushRange_Params);
        in.pRangeProfilerObject = profiler;
        in.pRangeName = "case";
        auto out = PROBE_SIZED(CUpti_RangeProfiler_PopRange_Params);
        out.pRangeProfilerObject = profiler;
        const bool is_in = ok(push(&in), "cuptiRangeProfilerPushRange");
        if (is_in) work();
        const bool is_out = is_in && ok(pop(&out), "cuptiRangeProfilerPopRange");
        auto end = PROBE_SIZED(CUpti_RangeProfiler_Stop_Params);
        end.pRangeProfilerObject = profiler;
        if (!ok(stop(&end), "cuptiRangeProfilerStop") || !is_out) return false;
        if (end.isAllPassSubmitted != 0) {
            auto last = PROBE_SIZED(CUpti_RangeProfiler_DecodeData_Params);
            last.pRangeProfilerObject = profiler;
            return ok(decode(&last), "cuptiRangeProfilerDecodeData");
        }
    }
    problem = "the counters need too many passes";
    return false;
}

std::vector<std::pair<std::string, double>> CounterReader::Impl::evaluated() {
    std::vector<double> values(metrics.size());
    auto parameters = PROBE_SIZED(CUpti_Profiler_Host_EvaluateToGpuValues_Params);
    parameters.pHostObject = host;
    parameters.pCounterDataImage = data.data();
    parameters.counterDataImageSize = data.size();
    parameters.rangeIndex = 0;
    parameters.ppMetricNames = metrics.data();
    parameters.numMetrics = metrics.size();
    parameters.pMetricValues = values.data();
    std::vector<std::pair<std::string, double>> result;
    if (!ok(evaluate(&parameters), "cuptiProfilerHostEvaluateToGpuValues")) return result;
    for (std::size_t i = 0; i < values.size(); ++i) {
        result.emplace_back(counters[i].column, values[i] * counters[i].factor);
    }
    return result;
}

CounterReader::CounterReader(int device) : impl_(std::make_unique<Impl>()) {
    is_available_ = impl_->load() && impl_->find_chip(device) && impl_->choose_metrics();
    problem_ = impl_->problem;
}

CounterReader::~CounterReader() = default;

std::vector<std::pair<std::string, double>> CounterReader::read(const std::function<void()>& prepare,
                                                                const std::function<void()>& work) {
    std::vector<std::pair<std::string, double>> values;
    auto begin = PROBE_SIZED(CUpti_RangeProfiler_Enable_Params);
    begin.ctx = impl_->context;
    if (impl_->ok(impl_->enable(&begin), "cuptiRangeProfilerEnable")) {
        CUpti_RangeProfiler_Object* const profiler = begin.pRangeProfilerObject;
        const bool is_collected = impl_->prepare_data(profiler) && impl_->collect(profiler, prepare, work);
        auto end = PROBE_SIZED(CUpti_RangeProfiler_Disable_Params);
        end.pRangeProfilerObject = profiler;
        impl_->disable(&end);
        if (is_collected) values = impl_->evaluated();
    }
    problem_ = impl_->problem;
    return values;
}

}  // namespace cupola::probe

#else

namespace cupola::probe {

struct CounterReader::Impl {};
CounterReader::CounterReader(int) : problem_("the probe was built without cupti_range_profiler.h") {}
CounterReader::~CounterReader() = default;
std::vector<std::pair<std::string, double>> CounterReader::read(const std::function<void()>&,
                                                                const std::function<void()>&) {
    return {};
}

}  // namespace cupola::probe

#endif
