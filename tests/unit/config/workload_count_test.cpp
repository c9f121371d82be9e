// Parameters and multiply-adds of the workloads: what their files state, and independent arithmetic at other sizes.
#include "cupola/config/load.hpp"
#include "cupola/config/node.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace cupola;

namespace {

const std::string data = CUPOLA_SOURCE_DIR;

const Component& component(const Workload& workload, const std::string& name) {
    return *std::find_if(workload.components.begin(), workload.components.end(),
                         [&](const Component& c) { return c.name == name; });
}

/// A UNet's multiply-adds written down anew from the architecture tables, without the descriptor: levels, skips,
/// ResNet blocks, transformers (and temporal layers), as sums over closed forms.
struct UnetArithmetic {
    std::vector<double> channels, depth;
    double mid_depth = 1, text_tokens = 77, text_width = 768, embedding = 1280;
    bool conv_projection = false;
    double frames = 1;
    bool temporal = false;
    double conv = 0, linear = 0, attention = 0, batch = 1;

    void resnet(double in, double out, double pixels) {
        conv += batch * frames * pixels * (9 * in * out + 9 * out * out + (in == out ? 0 : in * out));
        linear += batch * frames * embedding * out;
        if (temporal) conv += batch * frames * pixels * 4 * 3 * out * out;
    }
    void block(double c, double rows, double sequence, double keys, double context_rows, double context_width) {
        const double self = 4 * c * c * rows + 2 * rows * sequence * c;
        const double other = 2 * c * c * rows + 2 * context_rows * context_width * c + 2 * rows * keys * c;
        linear += self - 2 * rows * sequence * c + other - 2 * rows * keys * c + 12 * c * c * rows;
        attention += 2 * rows * sequence * c + 2 * rows * keys * c;
    }
    void transformer(double c, double pixels, double blocks) {
        if (blocks == 0) return;
        const double rows = batch * frames * pixels;
        (conv_projection ? conv : linear) += 2 * c * c * rows;
        for (double i = 0; i < blocks; ++i)
            block(c, rows, pixels, text_tokens, batch * frames * text_tokens, text_width);
        if (temporal) temporal_transformer(c, c, pixels);
    }
    void temporal_transformer(double c, double inner, double pixels) {
        const double rows = batch * frames * pixels;
        linear += 2 * c * inner * rows;
        block(inner, rows, frames, frames, rows, inner);
    }
    void run(double height, double width) {
        const std::size_t levels = channels.size();
        double pixels = height * width;
        conv += batch * frames * pixels * 9 * 4 * channels[0] * 2;  // first and last convolution
        linear += batch * (320 * embedding + embedding * embedding);
        if (temporal) temporal_transformer(channels[0], 512, pixels);
        std::vector<double> skips{channels[0]};
        double c = channels[0];
        for (std::size_t level = 0; level < levels; ++level) {
            for (int i = 0; i < 2; ++i) {
                resnet(c, channels[level], pixels);
                c = channels[level];
                transformer(c, pixels, depth[level]);
                skips.push_back(c);
            }
            if (level + 1 == levels) break;
            pixels /= 4;
            conv += batch * frames * pixels * 9 * c * c;
            skips.push_back(c);
        }
        resnet(c, c, pixels);
        transformer(c, pixels, mid_depth);
        resnet(c, c, pixels);
        for (std::size_t level = levels; level-- > 0;) {
            for (int i = 0; i < 3; ++i) {
                resnet(c + skips.back(), channels[level], pixels);
                skips.pop_back();
                c = channels[level];
                transformer(c, pixels, depth[level]);
            }
            if (level == 0) break;
            pixels *= 4;
            conv += batch * frames * pixels * 9 * c * c;
        }
    }
};

void check_denoiser(const Workload& workload, UnetArithmetic unet, double height, double width) {
    unet.run(height, width);
    const MacCounts counted = component_macs(workload, "denoiser");
    CHECK(counted.conv == unet.conv);
    CHECK(counted.linear == unet.linear);
    CHECK(counted.attention == unet.attention);
}

}  // namespace

TEST_CASE("every workload counts what its file says it should") {
    for (const auto& listing : config::list_workloads(data)) {
        CAPTURE(listing.name);
        const Workload defaults = config::load_workload(data, listing.name, {});
        CHECK_FALSE(defaults.expectations.empty());
        for (const Expectation& expectation : defaults.expectations) {
            CAPTURE(expectation.component);
            const Workload workload = config::load_workload(data, listing.name, expectation.at);
            if (expectation.parameters)
                CHECK(component(workload, expectation.component).parameters == *expectation.parameters);
            if (!expectation.macs) continue;
            const MacCounts macs = component_macs(workload, expectation.component);
            CHECK(macs.conv == expectation.macs->conv);
            CHECK(macs.linear == expectation.macs->linear);
            CHECK(macs.attention == expectation.macs->attention);
        }
    }
}

TEST_CASE("Stable Diffusion 1.5 counts right at a size, batch and guidance that no list has") {
    UnetArithmetic unet;
    unet.channels = {320, 640, 1280, 1280};
    unet.depth = {1, 1, 1, 0};
    unet.conv_projection = true;
    unet.batch = 3 * 2;
    const Workload workload =
        config::load_workload(data, "stable-diffusion-1.5", {{"height", "768"}, {"width", "576"}, {"batch", "3"}});
    check_denoiser(workload, unet, 96, 72);
}

TEST_CASE("SDXL counts right at a size, batch and guidance that no list has") {
    UnetArithmetic unet;
    unet.channels = {320, 640, 1280};
    unet.depth = {0, 2, 10};
    unet.mid_depth = 10;
    unet.text_width = 2048;
    unet.batch = 5;
    unet.linear = 5.0 * (2816 * 1280 + 1280 * 1280);  // the embedding of pooled text and sizes
    const Workload workload =
        config::load_workload(data, "sdxl", {{"height", "832"}, {"width", "1216"}, {"batch", "5"}, {"guidance", "1"}});
    check_denoiser(workload, unet, 104, 152);
}

TEST_CASE("ModelScope counts right at a frame count, size and batch that no list has") {
    UnetArithmetic unet;
    unet.channels = {320, 640, 1280, 1280};
    unet.depth = {1, 1, 1, 0};
    unet.text_width = 1024;
    unet.temporal = true;
    unet.frames = 24;
    unet.batch = 4;
    // The time step passes its two layers before it is repeated over frames.
    const Workload workload = config::load_workload(
        data, "modelscope-t2v", {{"height", "320"}, {"width", "576"}, {"frames", "24"}, {"batch", "2"}});
    check_denoiser(workload, unet, 40, 72);
}

TEST_CASE("LLaMA-2-7B counts right for a prompt, batch and length of its own") {
    const double d = 4096, ffn = 11008, layers = 32, vocabulary = 32000, batch = 3, prompt = 300, tokens = 70;
    const double weights = layers * (4 * d * d + 3 * d * ffn) + d * vocabulary;
    const Workload workload =
        config::load_workload(data, "llama-2-7b", {{"batch", "3"}, {"prompt", "300"}, {"tokens", "70"}});
    const MacCounts run = run_macs(workload);
    CHECK(run.linear == doctest::Approx(batch * (prompt + tokens) * weights).epsilon(1e-12));
    double pairs = prompt * prompt;
    for (double step = 0; step < tokens; ++step) pairs += prompt + step + 1;
    CHECK(run.attention == doctest::Approx(batch * layers * 2 * d * pairs).epsilon(1e-12));
}

TEST_CASE("Wan2.2 TI2V embeds a time step of each token, other models one a video") {
    const auto linear = [](const std::string& token_times) {
        return run_macs(config::load_workload(data, "wan2.2-5b",
                                              {{"token_times", token_times},
                                               {"frames", "9"},
                                               {"height", "256"},
                                               {"width", "320"},
                                               {"steps", "1"},
                                               {"guidance", "1"}}))
            .linear;
    };
    const double tokens = 3 * 8 * 10, width = 3072;
    const double a_token = 256 * width + width * width + width * 6 * width;
    CHECK(linear("1") - linear("0") == doctest::Approx((tokens - 1) * a_token).epsilon(1e-12));
}

TEST_CASE("the table in workloads/README.md says which modules each workload uses") {
    std::ifstream file(data + "/workloads/README.md");
    const std::string readme((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    for (const auto& listing : config::list_workloads(data)) {
        const config::Node root = config::read_yaml_file(data + "/workloads/" + listing.name + ".yaml");
        std::string uses;
        if (const auto modules = root.find("uses")) {
            for (const config::Node& module : modules->items()) uses += (uses.empty() ? "" : ", ") + module.text();
        }
        const std::string status = root.find("status") ? root.at("status").text() : "exact";
        const std::string row = "| `" + listing.name + "` | " + status + " | " + uses + " |\n";
        CAPTURE(row);
        CHECK(readme.find(row) != std::string::npos);
    }
}
