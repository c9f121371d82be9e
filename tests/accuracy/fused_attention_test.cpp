// Golden et al., "Generative AI Beyond LLMs", abstract: what fused attention brings to image and video models, and what
// takes most of the time behind it. The models are those of the paper as far as public; its own tables were not at
// hand, so that only the statements of the abstract are held.
#include "predicted.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace cupola;
using cupola::test::predicted;

namespace {

enum class Kind { diffusion, transformer };
struct Model {
    std::string name;
    Kind kind;
    bool image;  ///< else video or text
};
const std::vector<Model> models{{"stable-diffusion-1.5", Kind::diffusion, true},
                                {"imagen", Kind::diffusion, true},
                                {"muse", Kind::transformer, true},
                                {"parti-20b", Kind::transformer, true},
                                {"make-a-video", Kind::diffusion, false},
                                {"phenaki", Kind::transformer, false},
                                {"llama-2-7b", Kind::transformer, false}};

/// GPU time by the operator that asked for it: "conv" with its layout copies and bias, "attention" with its matrix
/// products, softmax, masks and copies, other operators by the first word of their kernels' labels.
std::map<std::string, Seconds> time_by_operator(const Prediction& prediction) {
    std::map<std::string, Seconds> times;
    for (const PredictedKernel& kernel : prediction.kernels) {
        const std::string label(kernel.kernel.label);
        times[label.substr(0, label.find('.'))] += kernel.total;
    }
    return times;
}

struct Pair {
    Prediction unfused, fused;
    [[nodiscard]] double gain() const { return unfused.span.latency / fused.span.latency; }
    [[nodiscard]] double attention_gain() const {
        return time_by_operator(unfused)["attention"] / time_by_operator(fused)["attention"];
    }
    [[nodiscard]] double share(const std::string& name) const {
        return time_by_operator(fused)[name] / fused.span.busy;
    }
    [[nodiscard]] std::string largest() const {
        const auto times = time_by_operator(fused);
        return std::max_element(times.begin(), times.end(),
                                [](const auto& a, const auto& b) { return a.second < b.second; })
            ->first;
    }
};

/// Geometric mean of what fused attention brings to the attention of the image models of a kind.
double mean_attention_gain(const std::map<std::string, Pair>& pairs, Kind kind) {
    double sum = 0;
    int count = 0;
    for (const Model& model : models) {
        if (!model.image || model.kind != kind) continue;
        sum += std::log(pairs.at(model.name).attention_gain());
        ++count;
    }
    return std::exp(sum / count);
}

}  // namespace

TEST_CASE("fused against unfused attention on an A100: the statements of Golden et al.'s abstract") {
    std::map<std::string, Pair> pairs;
    std::ostringstream table;
    table.precision(3);
    table << "model: unfused -> fused, gain; of attention alone; GPU time by operator when fused";
    for (const Model& model : models) {
        const Pair& pair = pairs[model.name] = {predicted(model.name, "a100-sxm4-80gb", "pytorch-eager-math"),
                                                predicted(model.name, "a100-sxm4-80gb", "pytorch-eager-flash")};
        table << "\n  " << model.name << ": " << pair.unfused.span.latency.value() << " s -> "
              << pair.fused.span.latency.value() << " s, " << pair.gain() << "x; " << pair.attention_gain()
              << "x; convolution " << 100 * pair.share("conv") << " %, linear " << 100 * pair.share("linear")
              << " %, attention " << 100 * pair.share("attention") << " %";
    }
    const double diffusion = mean_attention_gain(pairs, Kind::diffusion);
    const double transformer = mean_attention_gain(pairs, Kind::transformer);
    MESSAGE(table.str() << "\n  attention of image models gains " << diffusion << "x in diffusion models, "
                        << transformer << "x in transformers: " << diffusion / transformer
                        << " times as much (abstract: 1.1 to 2.5)");
    CHECK(diffusion > 1.1 * transformer);
    for (const Model& model : models) {
        CAPTURE(model.name);
        CHECK(pairs.at(model.name).largest() == (model.kind == Kind::diffusion ? "conv" : "linear"));
        CHECK(pairs.at(model.name).gain() >= 1.0);
    }
    // End to end the two image models of latent diffusion and of decoding one token a step stand for the classes.
    CHECK(pairs.at("stable-diffusion-1.5").gain() > pairs.at("parti-20b").gain());
}
