#include "cupola/validation/case_evaluation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::validation;

namespace {

PredictedStage stage(const std::string& name, double steps, double latency, double idle, Bound bound = Bound::tensor) {
    PredictedStage result;
    result.name = name;
    result.steps = steps;
    // A GPU that waits more than it works does so for a host that works all the time.
    const Seconds host(idle > 0.5 * latency ? latency : 0);
    result.span = {Seconds(latency), Seconds(latency - idle), Seconds(idle), host};
    result.busy_by_bound[static_cast<std::size_t>(bound)] = Seconds(latency - idle);
    return result;
}

Prediction prediction(std::vector<PredictedStage> stages, std::vector<std::pair<std::string, std::string>> parameters) {
    Prediction result;
    for (auto& [name, value] : parameters) result.parameters.push_back({name, value, "", "", ""});
    for (const PredictedStage& part : stages) {
        result.span.latency += part.span.latency;
        result.span.idle += part.span.idle;
    }
    result.stages = std::move(stages);
    result.peak_memory_bytes = Bytes(3 * 0x1p30);
    return result;
}

Prediction of_latency(double seconds, double idle = 0) { return prediction({stage("denoiser", 1, seconds, idle)}, {}); }

Case measured_case(const std::string& id, double value, const std::string& gpu = "g", const std::string& stack = "s") {
    Case result;
    result.id = id;
    result.workload = "w";
    result.gpu = gpu;
    result.stack = stack;
    result.measured = value;
    result.positions.fill({std::make_shared<const std::string>("f.csv"), 2, 1});
    return result;
}

}  // namespace

TEST_CASE("metrics of a diffusion model: steps over denoising, images over all of it") {
    const Prediction run = prediction({stage("text_encoder", 1, 1, 0), stage("denoiser_high_noise", 20, 4, 0),
                                       stage("denoiser_low_noise", 40, 6, 0), stage("vae_decoder", 1, 9, 0)},
                                      {{"steps", "30"}, {"batch", "4"}});
    CHECK(predicted_value(run, Metric::latency) == doctest::Approx(20));
    CHECK(predicted_value(run, Metric::iterations_per_s) == doctest::Approx(30.0 / 10));  // guidance made 60 passes
    CHECK(predicted_value(run, Metric::images_per_s) == doctest::Approx(4.0 / 20));
    CHECK(predicted_value(run, Metric::peak_memory_gib) == doctest::Approx(3));
    CHECK(std::isnan(predicted_value(run, Metric::tokens_per_s)));
}

TEST_CASE("without a denoiser an iteration is a step of the longest stage") {
    const Prediction run = prediction({stage("stage_c", 20, 8, 0), stage("stage_b", 10, 2, 0)}, {{"steps", "10"}});
    CHECK(predicted_value(run, Metric::iterations_per_s) == doctest::Approx(20.0 / 8));
    CHECK(predicted_value(run, Metric::images_per_s) == doctest::Approx(1.0 / 10));
    CHECK(std::isnan(predicted_value(prediction({}, {}), Metric::iterations_per_s)));
}

TEST_CASE("tokens per second leave out what comes before decoding, and count what is generated") {
    const Prediction plain =
        prediction({stage("prefill", 1, 5, 0), stage("decode", 100, 4, 0)}, {{"tokens", "100"}, {"batch", "2"}});
    CHECK(predicted_value(plain, Metric::tokens_per_s) == doctest::Approx(50));
    const Prediction speculative = prediction(
        {stage("prefill", 1, 5, 0), stage("draft", 60, 1, 0), stage("verify", 15, 1, 0)}, {{"tokens", "100"}});
    CHECK(predicted_value(speculative, Metric::tokens_per_s) == doctest::Approx(50));
    const Prediction grid = prediction({stage("decode", 255, 5, 0), stage("image_decoder", 1, 5, 0)}, {});
    CHECK(predicted_value(grid, Metric::tokens_per_s) == doctest::Approx(51));
    const Prediction image = prediction({stage("decoder", 10, 4, 0)}, {{"image_tokens", "8"}});
    CHECK(predicted_value(image, Metric::tokens_per_s) == doctest::Approx(2));
}

TEST_CASE("the bound is that of the stage that takes longest") {
    const Prediction host =
        prediction({stage("prefill", 1, 1, 0, Bound::tensor), stage("decode", 9, 4, 2.1, Bound::dram)}, {});
    CHECK(bound_of(host).name() == "host-bound");
    CHECK(bound_of(host).limit == Bound::dram);
    const Prediction gpu =
        prediction({stage("prefill", 1, 1, 0.9, Bound::dram), stage("decode", 9, 4, 1.9, Bound::tensor)}, {});
    CHECK(bound_of(gpu).name() == "gpu-bound");
    CHECK(bound_of(gpu).limit == Bound::tensor);
}

TEST_CASE("errors are grouped by everything and listed from the worst") {
    CaseList list;
    list.cases = {measured_case("a", 1, "x"), measured_case("b", 1, "y"), measured_case("c", 2, "x", "t")};
    const CaseEvaluation evaluation = evaluate(list, [](const Case& wanted) {
        return wanted.id == "a" ? of_latency(1.1) : wanted.id == "b" ? of_latency(0.8, 0.7) : of_latency(2.6);
    });
    REQUIRE(evaluation.cases.size() == 3);
    CHECK(evaluation.cases[1].error == doctest::Approx(-0.2));
    CHECK(evaluation.cases[1].idle_share == doctest::Approx(0.7 / 0.8));
    CHECK(evaluation.worst == std::vector<std::size_t>{2, 1, 0});
    std::vector<std::string> names;
    for (const CaseGroup& group : evaluation.groups) names.push_back(group.by + " " + group.name);
    CHECK(names == std::vector<std::string>{"all all", "bound gpu-bound", "bound host-bound", "model w", "gpu x",
                                            "gpu y", "stack s", "stack t"});
    const ErrorSummary& all = evaluation.groups[0].errors;
    CHECK(all.rows == 3);
    CHECK(all.mape == doctest::Approx((0.1 + 0.2 + 0.3) / 3));
    CHECK(all.median == doctest::Approx(0.2));
    CHECK(all.bias == doctest::Approx((0.1 - 0.2 + 0.3) / 3));
    CHECK(all.worst == doctest::Approx(0.3));
    CHECK(evaluation.groups[1].errors.mape == doctest::Approx(0.2));
    CHECK(evaluation.groups[2].errors.rows == 1);
}

TEST_CASE("gpu-bound stands before host-bound whatever comes first") {
    CaseList list;
    list.cases = {measured_case("a", 1), measured_case("b", 1)};
    const CaseEvaluation evaluation =
        evaluate(list, [](const Case& wanted) { return of_latency(1, wanted.id == "a" ? 0.9 : 0); });
    CHECK(evaluation.groups[1].name == "gpu-bound");
    CHECK(evaluation.groups[2].name == "host-bound");
}

TEST_CASE("what cannot be predicted is a skip at its cell; what has no such metric, too") {
    CaseList list;
    list.cases = {measured_case("a", 1), measured_case("b", 1), measured_case("c", 1)};
    list.cases[0].positions[static_cast<std::size_t>(CaseColumn::gpu)] = {std::make_shared<const std::string>("f.csv"),
                                                                          9, 5};
    list.cases[1].metric = Metric::tokens_per_s;
    list.skipped = {{{std::make_shared<const std::string>("f.csv"), 7, 1}, "z", "found x", 2}};
    const CaseEvaluation evaluation = evaluate(list, [](const Case& wanted) {
        if (wanted.id == "a") throw CaseError(CaseColumn::gpu, "found no GPU named \"x\"");
        return of_latency(1);
    });
    CHECK(evaluation.cases.size() == 1);
    REQUIRE(evaluation.skipped.size() == 3);
    CHECK(evaluation.skipped[0].id == "b");
    CHECK(evaluation.skipped[0].reason.find("found tokens_per_s") == 0);
    CHECK(evaluation.skipped[1].rows == 2);
    CHECK(evaluation.skipped[2].where.text() == "f.csv:9:5");
    CHECK(evaluation.skipped[2].reason == "found no GPU named \"x\"");
}

TEST_CASE("cases of one workload and set are predicted one after the other, and reported in the file's order") {
    CaseList list;
    list.cases = {measured_case("a", 1), measured_case("b", 1), measured_case("c", 1), measured_case("d", 1)};
    list.cases[1].set = list.cases[3].set = "steps=3";
    std::string asked, reported;
    const CaseEvaluation evaluation = evaluate(list, [&](const Case& wanted) {
        asked += wanted.id;
        return of_latency(1);
    });
    for (const ComparedCase& compared : evaluation.cases) reported += compared.measured.id;
    CHECK(asked == "acbd");
    CHECK(reported == "abcd");
}

TEST_CASE("the tolerance is one on all cases, and nothing compared is outside of it") {
    CaseList list;
    list.cases = {measured_case("a", 1), measured_case("b", 1)};
    const auto within = [&](const CaseList& cases, const Tolerance& tolerance) {
        return evaluate(
                   cases, [](const Case& wanted) { return of_latency(wanted.id == "a" ? 1.3 : 0.9); }, tolerance)
            .within_tolerance();
    };
    CHECK(within(list, {}));
    CHECK(within(list, {0.21, {}}));
    CHECK_FALSE(within(list, {0.19, {}}));
    CHECK(within(list, {{}, 0.11}));
    CHECK_FALSE(within(list, {0.21, 0.09}));
    CHECK(within({}, {}));
    CHECK_FALSE(within({}, {0.5, {}}));
}
