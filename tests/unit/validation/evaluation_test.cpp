#include "cupola/validation/evaluation.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace cupola;
using namespace cupola::validation;

namespace {

Gpu small_gpu() {
    Gpu gpu;
    gpu.name = "small";
    gpu.sm_count = 10;
    gpu.boost_clock = gpu.sustained_tensor_clock = gpu.sustained_simt_clock = Hertz(1e9);
    gpu.tensor_rates.fp16 = 1024;
    gpu.fp32_lanes_per_sm = 64;
    gpu.mufu_per_clock_per_sm = 16;
    gpu.max_warps_per_sm = 64;
    gpu.shared_memory_per_sm = Bytes(1 << 17);
    gpu.dram_capacity = Bytes(1e10);
    gpu.dram_bandwidth = BytesPerSecond(1e11);
    gpu.dram_efficiency = 0.9;
    gpu.dram_latency = Seconds(5e-7);
    gpu.l2_capacity = Bytes(4e6);
    gpu.l2_usable_fraction = 1;
    gpu.l2_bandwidth = BytesPerSecond(5e11);
    gpu.stream_kernel_slot = gpu.graph_kernel_slot = Seconds(2e-6);
    return gpu;
}

MeasuredKernel copy_of(double bytes, double count = 1) {
    MeasuredKernel measured;
    measured.count = count;
    MemoryWork work;
    work.elements = static_cast<std::int64_t>(bytes / 4);
    measured.kernel = {"copy", Category::elementwise, DataType::fp32, work, {}, 0};
    Operand operand;
    operand.bytes = Bytes(bytes);
    add_operand(measured.kernel, operand);
    operand.access = Access::write;
    add_operand(measured.kernel, operand);
    return measured;
}

Seconds time_of(const MeasuredKernel& measured, const Gpu& gpu) {
    return price(measured.kernel, gpu, default_parameters(gpu.architecture)).time * measured.count;
}

/// Rows whose prediction is `ratio` times what was measured.
Dataset dataset_with(const std::vector<double>& ratios, const std::vector<bool>& test) {
    Dataset data;
    data.name = "copies";
    data.gpus = {small_gpu()};
    data.groups = {"copy"};
    for (std::size_t i = 0; i < ratios.size(); ++i) {
        Measurement row;
        row.kernels = {copy_of(1e6 * static_cast<double>(i + 1))};
        row.measured = time_of(row.kernels.front(), data.gpus.front()) / ratios[i];
        row.test = test[i];
        row.line = i + 2;
        data.rows.push_back(row);
    }
    return data;
}

const ErrorGroup* find(const std::vector<ErrorGroup>& groups, Split split) {
    for (const ErrorGroup& group : groups) {
        if (group.split == split) return &group;
    }
    return nullptr;
}

}  // namespace

TEST_CASE("train and test rows are summarised apart") {
    const Evaluation evaluation = evaluate(dataset_with({1.1, 0.8, 1.0}, {true, false, false}), architecture_defaults);
    const ErrorGroup* test = find(evaluation.groups, Split::test);
    const ErrorGroup* train = find(evaluation.groups, Split::train);
    const ErrorGroup* all = find(evaluation.groups, Split::all);
    REQUIRE((test != nullptr && train != nullptr && all != nullptr));
    CHECK(test->errors.rows == 1);
    CHECK(test->errors.bias == doctest::Approx(0.1));
    CHECK(train->errors.rows == 2);
    CHECK(train->errors.mape == doctest::Approx(0.1));
    CHECK(train->errors.bias == doctest::Approx(-0.1));
    CHECK(all->errors.rows == 3);
    CHECK(evaluation.parameters.front() == "defaults of ampere");
    CHECK(evaluation.within_tolerance());
    CHECK_FALSE(test->judged);
}

TEST_CASE("the total compares sums of times, each row by its weight") {
    Dataset data = dataset_with({1.5, 0.5}, {true, true});
    const double heavy = data.rows[0].measured.value(), light = data.rows[1].measured.value();
    data.rows[0].weight = 3;
    const Evaluation evaluation = evaluate(data, architecture_defaults);
    const double expected = (3 * 1.5 * heavy + 0.5 * light) / (3 * heavy + light) - 1;
    CHECK(find(evaluation.groups, Split::test)->total == doctest::Approx(expected));
}

TEST_CASE("tolerances hold for test rows, the command line's before the data set's") {
    struct Row {
        std::optional<double> own_mape, own_bias, given_mape, given_bias;
        bool within;
    };
    // test rows: +20 % and -10 %, so MAPE 15 % and bias +5 %; the train row is far outside
    const std::optional<double> none;
    for (const Row& row :
         {Row{none, none, none, none, true}, Row{0.16, none, none, none, true}, Row{0.14, none, none, none, false},
          Row{none, 0.04, none, none, false}, Row{none, 0.06, none, none, true}, Row{0.14, none, 0.16, none, true},
          Row{0.16, none, 0.14, none, false}, Row{0.16, none, none, 0.01, false}}) {
        Dataset data = dataset_with({1.2, 0.9, 5.0}, {true, true, false});
        data.tolerance = {row.own_mape, row.own_bias};
        const Evaluation evaluation = evaluate(data, architecture_defaults, {row.given_mape, row.given_bias});
        CHECK(evaluation.within_tolerance() == row.within);
    }
}

TEST_CASE("a row's kernels add up, with their counts and the overhead") {
    Dataset data = dataset_with({1}, {true});
    Measurement& row = data.rows.front();
    row.kernels = {copy_of(1e6, 3), copy_of(5e7)};
    row.overhead = Seconds(1e-4);
    const Gpu gpu = data.gpus.front();
    const Seconds expected = time_of(row.kernels[0], gpu) + time_of(row.kernels[1], gpu) + row.overhead;
    row.measured = expected;
    const Evaluation evaluation = evaluate(data, architecture_defaults);
    CHECK(evaluation.rows.front().cost.time.value() == doctest::Approx(expected.value()));
    CHECK(evaluation.rows.front().cost.launch > Seconds(1e-4));
    CHECK(evaluation.rows.front().error == doctest::Approx(0).epsilon(1e-9));
    CHECK(evaluation.rows.front().cost.bound == Bound::dram);
    CHECK(evaluation.rows.front().kind == "memory");
}

TEST_CASE("the worst rows come first, test rows before others, ten at most") {
    const Evaluation few = evaluate(dataset_with({1.1, 1.5, 3.0}, {true, true, false}), architecture_defaults);
    CHECK(few.worst == std::vector<std::size_t>{1, 0, 2});
    const Evaluation many =
        evaluate(dataset_with(std::vector<double>(25, 1.1), std::vector<bool>(25, true)), architecture_defaults);
    CHECK(many.worst.size() == worst_rows);
}

TEST_CASE("size classes by measured time") {
    CHECK(size_class(Seconds(9.9e-6)) == SizeClass::below_10us);
    CHECK(size_class(Seconds(10e-6)) == SizeClass::to_100us);
    CHECK(size_class(Seconds(100e-6)) == SizeClass::to_1ms);
    CHECK(size_class(Seconds(1e-3)) == SizeClass::above_1ms);
}
