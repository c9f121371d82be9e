#include "cupola/fit/fit.hpp"

#include "../cost/gpus.hpp"
#include "cupola/fit/error_classes.hpp"
#include "cupola/fit/write.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace cupola;
using namespace cupola::fit;
using namespace cupola::test;

namespace {

const std::function<void(const std::string&)> silent = [](const std::string&) {};

/// GEMMs as a GPU with those parameters would have measured them, with noise; (n, k) is the shape.
FitData synthetic(const CostParameters& truth, double noise, std::uint32_t seed = 1) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> error(0, noise);
    FitData data;
    data.file = "synthetic.csv";
    data.fnv1a = "0123456789abcdef";
    data.dataset.name = "synthetic";
    data.dataset.library = "cublas";
    data.dataset.gpus = {a100_like()};
    data.dataset.groups = {"gemm fp16"};
    for (const std::int64_t n : {256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192}) {
        for (const std::int64_t k : {256, 512, 1024, 2048, 4096, 8192}) {
            const double of_shape = error(engine);
            for (const std::int64_t m : {16, 64, 256, 1024, 4096}) {
                validation::Measurement row;
                row.kernels = {{gemm(GemmWork{1, m, n, k}), 1}};
                row.measured =
                    price(row.kernels[0].kernel, data.dataset.gpus[0], truth).time * std::exp(of_shape + error(engine));
                row.shape_key = std::to_string(n) + "," + std::to_string(k);
                row.test = validation::is_test(row.shape_key);
                data.dataset.rows.push_back(row);
            }
        }
    }
    return data;
}

FitPlan plan_for(std::vector<std::string> parameters) {
    FitPlan plan;
    plan.gpu = a100_like().name;
    plan.blocks = {{"cublas", {"synthetic"}, std::move(parameters), {}}};
    return plan;
}

}  // namespace

TEST_CASE("a fit finds the parameters that made the data, within a few of its standard errors") {
    CostParameters truth = default_parameters(Architecture::ampere);
    truth.tensor_tiles.prologue_cycles = 3900;
    find_parameter("gemm.split_reduction_seconds")->of(truth) = 3.4e-6;
    const FitResult result = fit_gpu(plan_for({"gemm.prologue_cycles", "gemm.split_reduction_seconds"}), a100_like(),
                                     {synthetic(truth, 0.02)}, silent);
    REQUIRE(result.blocks.size() == 1);
    const auto& parameters = result.blocks[0].parameters;
    REQUIRE(parameters.size() == 2);
    const double expected[] = {3900, 3.4e-6};
    for (std::size_t i = 0; i < 2; ++i) {
        CAPTURE(parameters[i].name);
        CHECK(parameters[i].refused == "");
        CHECK(std::abs(parameters[i].value - expected[i]) < 4 * parameters[i].standard_error);
        CHECK(parameters[i].standard_error < 0.1 * expected[i]);
        CHECK(parameters[i].pinned_by.find("gemm fp16 of synthetic") == 0);
    }
    for (const ErrorReport& error : result.blocks[0].errors) {
        CHECK(error.mape < error.mape_before);
        CHECK(error.mape < 0.04);
        CHECK(error.coverage > 0.6);
    }
    CHECK(result.blocks[0].errors.size() == 2);  // train and test apart
}

TEST_CASE("the same data give the same file") {
    CostParameters truth = default_parameters(Architecture::ampere);
    truth.tensor_tiles.prologue_cycles = 3900;
    const auto text = [&] {
        return calibration_yaml(
            fit_gpu(plan_for({"gemm.prologue_cycles"}), a100_like(), {synthetic(truth, 0.05)}, silent).calibration);
    };
    CHECK(text() == text());
}

TEST_CASE("what the data cannot identify stays at its default, with a reason") {
    const CostParameters truth = default_parameters(Architecture::ampere);
    const FitResult result = fit_gpu(plan_for({"gemm.prologue_cycles", "attention.flash2.exposed"}), a100_like(),
                                     {synthetic(truth, 0.02)}, silent);
    const auto& parameters = result.blocks[0].parameters;
    CHECK(parameters[0].refused == "");
    CHECK(parameters[1].refused == "no row depends on it");
    CHECK(parameters[1].value == truth.flash2.exposed);
    REQUIRE(result.calibration.libraries.size() == 1);
    CHECK(result.calibration.libraries[0].parameters.size() == 1);
}

TEST_CASE("test rows have no say") {
    CostParameters truth = default_parameters(Architecture::ampere);
    truth.tensor_tiles.prologue_cycles = 3900;
    FitData data = synthetic(truth, 0.02);
    const auto fitted = [&] {
        return fit_gpu(plan_for({"gemm.prologue_cycles"}), a100_like(), {data}, silent).calibration.libraries[0];
    };
    const LibraryCalibration before = fitted();
    for (validation::Measurement& row : data.dataset.rows) {
        if (row.test) row.measured *= 7;
    }
    const LibraryCalibration after = fitted();
    CHECK(before.parameters[0].value == after.parameters[0].value);
    CHECK(before.errors[0].high == after.errors[0].high);
}

TEST_CASE("a block without rows of the GPU fits nothing") {
    FitPlan plan = plan_for({"gemm.prologue_cycles"});
    Gpu other = a100_like();
    other.name = plan.gpu = "another";
    const FitResult result = fit_gpu(plan, other, {synthetic(default_parameters(Architecture::ampere), 0.02)}, silent);
    CHECK(result.calibration.libraries[0].parameters.empty());
    CHECK(result.calibration.libraries[0].errors.empty());
}

TEST_CASE("the variance between shapes is told from that within them") {
    std::mt19937 engine(3);
    std::normal_distribution<double> unit(0, 1);
    const auto share = [&](double between, double within) {
        std::vector<Residual> residuals;
        for (std::uint32_t cluster = 0; cluster < 400; ++cluster) {
            const double of_cluster = between * unit(engine);
            for (std::uint32_t i = 0; i < 2 + cluster % 5; ++i) {
                residuals.push_back(
                    {KernelKind::gemm, "", DataType::fp16, Seconds(1e-4), of_cluster + within * unit(engine), cluster});
            }
        }
        return share_between_clusters(residuals);
    };
    CHECK(share(0.1, 0.1) == doctest::Approx(0.5).epsilon(0.2));
    CHECK(share(0.2, 0.1) == doctest::Approx(0.8).epsilon(0.1));
    CHECK(share(0.0, 0.1) < 0.1);
    const std::vector<Residual> lone{{KernelKind::gemm, "", DataType::fp16, Seconds(1e-4), 0.1, 0},
                                     {KernelKind::gemm, "", DataType::fp16, Seconds(1e-4), 0.2, 1}};
    CHECK(share_between_clusters(lone) == 1);
}

TEST_CASE("classes of few rows join their neighbours, and classes cover all times") {
    std::vector<Residual> residuals;
    const auto add = [&](int rows, double time) {
        for (int i = 0; i < rows; ++i) {
            residuals.push_back(
                {KernelKind::gemm, "", DataType::fp16, Seconds(time), 0.01 * i, static_cast<std::uint32_t>(i)});
        }
    };
    add(100, 5e-6);
    add(10, 50e-6);  // joins 0.1 to 1 ms
    add(100, 5e-4);
    add(5, 5e-3);  // joins them too
    const std::vector<ErrorClass> classes = error_classes(residuals);
    REQUIRE(classes.size() == 2);
    CHECK(classes[0].from == Seconds(0));
    CHECK(classes[0].to == classes[1].from);
    CHECK(classes[0].rows == 100);
    CHECK(classes[1].rows == 115);
    CHECK(classes[1].to > Seconds(100));
    CHECK(classes[0].low == doctest::Approx(0.099));
    CHECK(classes[0].high == doctest::Approx(0.891));
    CHECK(error_classes({}).empty());
}
