// Levers act in the order of their table, so that the order on the command line changes nothing.
#include "model.hpp"

#include "cupola/predict/prediction.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace cupola {
namespace {

/// A prediction bit for bit, or why there is none.
struct Outcome {
    bool predicted = false;
    std::string text;
};

std::string exactly(const Prediction& prediction) {
    std::string text;
    const auto add = [&](double value) {
        std::array<char, 40> digits{};
        std::snprintf(digits.data(), digits.size(), "%a ", value);
        text += digits.data();
    };
    for (const double value :
         {prediction.span.latency.value(), prediction.span.busy.value(), prediction.dram_bytes.value(),
          prediction.flops.value(), prediction.peak_memory_bytes.value(), prediction.weight_bytes.value()}) {
        add(value);
    }
    for (const PredictedKernel& kernel : prediction.kernels) {
        text += kernel.kernel.label;
        add(kernel.launches);
    }
    return text;
}

/// Predicts one model with levers on PyTorch 2.2.
class Predictor {
public:
    Predictor(const Gpu& gpu, std::string model, WorkloadSettings settings) : gpu_(gpu) {
        context_.workload_name = std::move(model);
        context_.settings = std::move(settings);
        context_.stack = config::load_stack(CUPOLA_SOURCE_DIR, "pytorch-2.2");
        context_.architecture = gpu.architecture;
        context_.expand = [](const std::string& name, const WorkloadSettings& values) {
            static std::map<std::pair<std::string, WorkloadSettings>, Workload> known;
            const auto key = std::pair(name, values);
            auto found = known.find(key);
            if (found == known.end()) {
                found = known.emplace(key, config::load_workload(CUPOLA_SOURCE_DIR, name, values)).first;
            }
            return found->second;
        };
    }

    [[nodiscard]] Outcome with(const std::string& levers) const {
        try {
            const auto [workload, stack] = apply_levers(context_, parse_levers(levers));
            return {true, exactly(predict(workload, gpu_, stack))};
        } catch (const InputError& error) {
            return {false, error.what()};
        }
    }

private:
    Gpu gpu_;
    LeverContext context_;
};

/// A model, and levers for it.
struct Family {
    const char* model;
    WorkloadSettings settings;
    std::vector<std::string> levers;
};

const std::vector<Family> families{
    {"stable-diffusion-1.5",
     {{"steps", "4"}, {"batch", "2"}},
     {"dtype=bf16", "guidance=sequential", "vae-slicing", "deepcache=every:2", "token-merging", "fused-qkv", "fp8",
      "attention=math", "compile", "channels-last", "window=1024"}},
    {"pixart-alpha",
     {{"steps", "4"}},
     {"batch=2", "guidance=split", "teacache=every:2", "joined-keys", "int8-weight", "sage-attention=int8",
      "cuda-graphs", "block-sparse=density:0.5"}},
    {"llama-1.5b",
     {{"prompt", "32"}, {"tokens", "8"}},
     {"layerskip=exit:8,draft:2,acceptance:0.5", "early-exit=12", "chai=clusters:24x4", "fused-qkv", "fused-gate",
      "static-kv=64", "dynamic-kv", "kv-cache=fp8", "int4-weight", "attention=math", "compile", "cuda-graphs",
      "window=16"}},
};

/// Pairs of which one leaves the other nothing to change: windows are what fused kernels know; clusters are given for
/// all layers, and their scores are stored; a graph's tensors do not grow.
const std::vector<std::pair<std::string, std::string>> in_the_way{
    {"attention", "window"}, {"attention", "block-sparse"}, {"chai", "window"},
    {"chai", "layerskip"},   {"chai", "early-exit"},        {"cuda-graphs", "dynamic-kv"},
};

bool go_together(const std::string& first, const std::string& second) {
    const std::string a = parse_lever(first).name, b = parse_lever(second).name;
    if (find_lever(a).decides == find_lever(b).decides) return false;
    return std::none_of(in_the_way.begin(), in_the_way.end(), [&](const auto& pair) {
        return (pair.first == a && pair.second == b) || (pair.first == b && pair.second == a);
    });
}

TEST_CASE("two levers predict the same in either order, or refuse each other in both") {
    const Gpu gpu = config::load_gpu(CUPOLA_SOURCE_DIR, "h100-sxm5-80gb");
    for (const Family& family : families) {
        const Predictor predictor(gpu, family.model, family.settings);
        for (std::size_t i = 0; i < family.levers.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                const std::string &a = family.levers[i], &b = family.levers[j];
                CAPTURE(a);
                CAPTURE(b);
                const Outcome forward = predictor.with(a + ";" + b), backward = predictor.with(b + ";" + a);
                CHECK_MESSAGE(forward.predicted == go_together(a, b), forward.text);
                CHECK(backward.predicted == forward.predicted);
                if (forward.predicted) CHECK(forward.text == backward.text);
            }
        }
    }
}

TEST_CASE("many levers predict the same in any order") {
    const Predictor predictor(config::load_gpu(CUPOLA_SOURCE_DIR, "h100-sxm5-80gb"), "stable-diffusion-1.5", {});
    std::vector<std::string> levers{"steps=4",       "batch=2",     "vae-slicing",       "fused-qkv", "int8-dynamic",
                                    "channels-last", "cuda-graphs", "deepcache=every:2", "compile"};
    std::string first;
    for (std::size_t turn = 0; turn < levers.size(); ++turn) {
        std::string joined;
        for (const std::string& lever : levers) joined += (joined.empty() ? "" : ";") + lever;
        CAPTURE(joined);
        const Outcome outcome = predictor.with(joined);
        REQUIRE_MESSAGE(outcome.predicted, outcome.text);
        if (first.empty()) first = outcome.text;
        CHECK(outcome.text == first);
        std::rotate(levers.begin(), levers.begin() + 1, levers.end());
        std::swap(levers[0], levers[4]);
    }
}

}  // namespace
}  // namespace cupola
