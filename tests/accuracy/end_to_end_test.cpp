// Whole models against published measurements; nothing was fitted to these. Figures are carried over, no reference data
// is read. PyTorch blog "Accelerating Generative AI", part III (SDXL, A100-SXM4-80GB, 1024x1024, 30 steps, batch 1,
// bf16) and part II (gpt-fast, Llama-7B fp16, batch 1, A100-80GB).
#include "cupola/config/load.hpp"
#include "cupola/predict/prediction.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace cupola;

namespace {

const std::string data = CUPOLA_SOURCE_DIR;

Prediction predicted(const std::string& workload, const std::string& stack) {
    const Gpu gpu = config::load_gpu(data, "a100-sxm4-80gb");
    const Stack loaded = config::load_stack(data, stack);
    const CostModel model(gpu, config::load_calibration(data, gpu.name).value_or(Calibration{}), loaded.libraries(),
                          config::load_general_errors(data));
    return predict(config::load_workload(data, workload, {}), model, loaded);
}

const PredictedStage& stage(const Prediction& prediction, const std::string& name) {
    return *std::find_if(prediction.stages.begin(), prediction.stages.end(),
                         [&](const PredictedStage& s) { return s.name == name; });
}

double tokens_per_second(const PredictedStage& decode) { return decode.steps / decode.span.latency.value(); }

double busy_share(const PredictedStage& s, Bound bound) {
    return s.busy_by_bound[static_cast<std::size_t>(bound)] / s.span.busy;
}

}  // namespace

TEST_CASE("SDXL on an A100 is within 20 % of what was measured, stack by stack") {
    struct Row {
        std::string stack;
        double seconds;
    };
    double last = 1e9;
    for (const Row& row :
         {Row{"pytorch-eager-math", 4.63}, Row{"pytorch-eager-flash", 3.31}, Row{"pytorch-compile", 2.54}}) {
        CAPTURE(row.stack);
        const double latency = predicted("sdxl", row.stack).span.latency.value();
        MESSAGE(row.stack << ": predicted " << latency << " s, measured " << row.seconds << " s, "
                          << 100 * (latency / row.seconds - 1) << " %");
        CHECK(latency == doctest::Approx(row.seconds).epsilon(0.20).scale(0));
        CHECK(latency < last);
        last = latency;
    }
}

TEST_CASE("LLaMA-2-7B decodes host-bound in eager mode and DRAM-bound in a CUDA graph") {
    const Prediction eager = predicted("llama-2-7b", "pytorch-eager-flash");
    const PredictedStage& slow = stage(eager, "decode");
    MESSAGE("eager: predicted " << tokens_per_second(slow) << " tok/s, measured 25.5; GPU idle "
                                << 100 * (slow.span.idle / slow.span.latency) << " %");
    CHECK(tokens_per_second(slow) > 20);
    CHECK(tokens_per_second(slow) < 45);
    CHECK(slow.span.idle > 0.5 * slow.span.latency);
    CHECK(slow.host_bound());

    const Prediction compiled = predicted("llama-2-7b", "pytorch-compile");
    const PredictedStage& fast = stage(compiled, "decode");
    MESSAGE("compiled: predicted " << tokens_per_second(fast) << " tok/s, measured 107");
    CHECK(tokens_per_second(fast) == doctest::Approx(107).epsilon(0.20).scale(0));
    CHECK(busy_share(fast, Bound::dram) > 0.5);
    CHECK_FALSE(fast.host_bound());
}
