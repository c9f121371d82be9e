#include "cupola/config/load_dataset.hpp"
#include "cupola/units/input_error.hpp"

#include <unistd.h>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

using namespace cupola;
using namespace cupola::config;
using validation::Dataset;
using validation::Measurement;

namespace {

namespace fs = std::filesystem;

const std::string head = R"(name: case
title: a case
source: made up
file: case.csv
library: cublas
)";

const std::string gemm_rows = R"(
rows:
  - group: gemm
    cache: {state: cold}
    kernels:
      - gemm: {type: fp16, m: m, n: n, k: k}
)";

/// An adapter (after `head`) and its table, loaded.
Dataset load(const std::string& adapter, const std::string& table) {
    const fs::path directory = fs::temp_directory_path() / ("cupola-dataset-test-" + std::to_string(::getpid()));
    fs::create_directories(directory);
    std::ofstream(directory / "case.yaml") << head << adapter;
    std::ofstream(directory / "case.csv") << table;
    Dataset data = load_dataset(CUPOLA_SOURCE_DIR, (directory / "case.yaml").string(), directory.string());
    fs::remove_all(directory);
    return data;
}

/// Rows of kernels on a T4, split by a and b.
Dataset load_kernels(const std::string& cache, const std::string& kernels, const std::string& table) {
    return load("gpu: t4\ntime: us * 1e-6\nsplit: [a, b]\nrows:\n  - group: all\n    cache: " + cache +
                    "\n    kernels:\n" + kernels,
                table);
}

double bytes(const Measurement& row, std::size_t kernel, std::size_t operand) {
    return row.kernels[kernel].kernel.operands[operand].bytes.value();
}
double distance(const Measurement& row, std::size_t kernel, std::size_t operand) {
    return row.kernels[kernel].kernel.operands[operand].reuse_distance.value();
}

}  // namespace

TEST_CASE("a GEMM's row: work, operands, time, split, label") {
    const Dataset data =
        load("gpu: t4\ntime: ms * 1e-3\nsplit: [n, k]\nlabel: [m, n, 2 * k]" + gemm_rows, "m,n,k,ms\n8,64,128,0.5\n");
    REQUIRE(data.rows.size() == 1);
    const Measurement& row = data.rows.front();
    CHECK(row.measured.value() == doctest::Approx(5e-4));
    CHECK(row.overhead == Seconds(0));
    CHECK(row.shape_key == "64,128");
    CHECK(row.test == validation::is_test("64,128"));
    CHECK(row.label == "m=8 n=64 2 * k=256");
    CHECK(row.line == 2);
    CHECK(data.groups == std::vector<std::string>{"gemm"});
    REQUIRE(row.kernels.size() == 1);
    const Kernel& kernel = row.kernels.front().kernel;
    const auto& work = std::get<GemmWork>(kernel.work);
    CHECK(work == GemmWork{1, 8, 64, 128});
    CHECK(kernel.type == DataType::fp16);
    CHECK(kernel.operand_count == 3);
    CHECK(kernel.operands[1].access == Access::weight);
    CHECK(kernel.operands[2].access == Access::write);
    CHECK(bytes(row, 0, 0) == 2 * 8 * 128);
    CHECK(bytes(row, 0, 1) == 2 * 64 * 128);
    CHECK(bytes(row, 0, 2) == 2 * 8 * 64);
    for (std::size_t i = 0; i < 3; ++i) CHECK(std::isinf(distance(row, 0, i)));
}

TEST_CASE("hot operands were touched one replay of all kernels earlier, their own bytes not counted") {
    const std::string kernels =
        "      - gemm: {type: fp8, output: bf16, m: a, n: a, k: a}\n"
        "      - memory: {type: fp32, pattern: streaming, elements: a, reads: [{bytes: b, reuse: 5}], "
        "writes: [{bytes: 2 * b}]}\n";
    for (const int buffers : {1, 3}) {
        const Dataset data =
            load_kernels("{state: hot, buffers: " + std::to_string(buffers) + "}", kernels, "a,b,us\n16,1000,5\n");
        const Measurement& row = data.rows.front();
        const double footprint = buffers * (256 + 256 + 512 + 1000 + 2000);
        CHECK(distance(row, 0, 0) == footprint - 256);
        CHECK(distance(row, 0, 2) == footprint - 512);
        CHECK(distance(row, 1, 0) == 5);  // says so itself
        CHECK(distance(row, 1, 1) == footprint - 2000);
    }
}

TEST_CASE("narrow weights and block scales of a GEMM") {
    const Dataset data = load_kernels("{state: cold}",
                                      "      - gemm: {type: fp16, weight: int4, m: a, n: b, k: 64, reuse: {a: 0}}\n"
                                      "      - gemm: {type: fp8, block_scaled: true, m: a, n: b, k: 64}\n",
                                      "a,b,us\n16,32,5\n");
    const Measurement& row = data.rows.front();
    const auto& narrow = std::get<GemmWork>(row.kernels[0].kernel.work);
    CHECK(narrow.weight == DataType::int4);
    CHECK_FALSE(narrow.block_scaled);
    CHECK(bytes(row, 0, 1) == 0.5 * 32 * 64);
    CHECK(distance(row, 0, 0) == 0);
    CHECK(std::isinf(distance(row, 0, 1)));
    const auto& scaled = std::get<GemmWork>(row.kernels[1].kernel.work);
    CHECK_FALSE(scaled.weight.has_value());
    CHECK(scaled.block_scaled);
}

TEST_CASE("attention: what is left out follows from what is given") {
    const Dataset data = load_kernels(
        "{state: cold}",
        "      - attention: {type: fp16, kernel: flash2, batch: 2, heads: 8, queries: a, head_dim: b}\n"
        "      - attention: {type: bf16, kv_type: fp8, kernel: {expression: \"choose(a > 1, 'flash3', 'flash2')\"}, "
        "heads: "
        "8, kv_heads: 2, queries: 1, keys: a, head_dim: b, value_dim: 32, causal: a > 4, count: 3, label: decode}\n",
        "a,b,us\n100,64,5\n");
    const Measurement& row = data.rows.front();
    CHECK(std::get<AttentionWork>(row.kernels[0].kernel.work) ==
          AttentionWork{2, 8, 8, 100, 100, 64, 64, false, AttentionKernel::flash2});
    CHECK(std::get<AttentionWork>(row.kernels[1].kernel.work) ==
          AttentionWork{1, 8, 2, 1, 100, 64, 32, true, AttentionKernel::flash3});
    CHECK(row.kernels[0].count == 1);
    CHECK(row.kernels[1].count == 3);
    CHECK(row.kernels[0].kernel.label == "attention");
    CHECK(row.kernels[1].kernel.label == "decode");
    CHECK(bytes(row, 1, 0) == 2 * 8 * 64);
    CHECK(bytes(row, 1, 1) == 2 * 100 * 64);
    CHECK(bytes(row, 1, 2) == 2 * 100 * 32);
    CHECK(bytes(row, 1, 3) == 2 * 8 * 32);
}

TEST_CASE("convolution: extents line up with the last axes") {
    const Dataset data = load_kernels(
        "{state: cold}",
        "      - convolution: {type: fp32, batch: 2, in_channels: a, out_channels: b, groups: 2, input: [9, 8], "
        "kernel: "
        "3, stride: [2, 1], padding: [1, 1]}\n"
        "      - convolution: {type: fp16, in_channels: a, out_channels: b, input: [3, 9, 8], kernel: [3, 1, 1]}\n",
        "a,b,us\n4,6,5\n");
    const Measurement& row = data.rows.front();
    const auto& flat = std::get<ConvolutionWork>(row.kernels[0].kernel.work);
    CHECK(flat.input == std::array<std::int64_t, 3>{1, 9, 8});
    CHECK(flat.kernel == std::array<std::int64_t, 3>{1, 1, 3});
    CHECK(flat.stride == std::array<std::int64_t, 3>{1, 2, 1});
    CHECK(flat.output == std::array<std::int64_t, 3>{1, 6, 8});
    CHECK(bytes(row, 0, 1) == 4 * 6 * 2 * 3);
    CHECK(bytes(row, 0, 2) == 4 * 2 * 6 * 6 * 8);
    CHECK(std::get<ConvolutionWork>(row.kernels[1].kernel.work).output == std::array<std::int64_t, 3>{1, 9, 8});
}

TEST_CASE("layers: lowered by a stack; what one kernel leaves to the next stays in reach") {
    const std::string adapter = R"(gpu: a100-sxm4-80gb
time: us * 1e-6
split: [rows]
rows:
  - group: {expression: name}
    cache: {state: cold}
    stack: pytorch-eager-math
    dtype: fp32
    input: {tokens: rows, channels: width}
    layers: [{linear: {out: width}}, relu]
)";
    const std::string table = "name,rows,width,us\nmlp,128,256,10\nmlp,128,256,11\n";
    const Dataset data = load(adapter, table);
    REQUIRE(data.rows.size() == 2);
    const Measurement& row = data.rows.front();
    REQUIRE(row.kernels.size() == 2);
    CHECK(row.kernels[0].kernel.label == "linear");
    CHECK(std::holds_alternative<MemoryWork>(row.kernels[1].kernel.work));
    CHECK(std::isinf(distance(row, 0, 0)));  // the input of the row
    CHECK(distance(row, 1, 0) == 0);         // the linear layer's result, just written
    CHECK(row.kernels[0].kernel == data.rows[1].kernels[0].kernel);
    const Dataset only = load(adapter + "    only: [linear]\n", table);
    REQUIRE(only.rows.front().kernels.size() == 1);
    CHECK(only.rows.front().kernels[0].kernel.label == "linear");
}

TEST_CASE("cells like (1, 2) are lists, however deep their brackets seem") {
    const std::string deep = std::string(1'000'000, '(') + "1" + std::string(1'000'000, ')');
    const Dataset data = load(
        "gpu: t4\ntime: us * 1e-6\nsplit: [\"sizes[0]\", \"sizes[1]\"]\nrows:\n  - group: all\n"
        "    kernels: [{gemm: {type: fp16, m: \"sizes[0]\", n: \"sizes[1]\", k: len(sizes)}}]\n",
        "sizes,us\n\"(8, 16, 32)\",5\n()," + deep + "\n" + deep + ",5\n");
    REQUIRE(data.rows.size() == 1);
    CHECK(std::get<GemmWork>(data.rows[0].kernels[0].kernel.work) == GemmWork{1, 8, 16, 3});
    CHECK(data.rows[0].shape_key == "8,16");
}

TEST_CASE("columns by other names, derived values, the line, conditions") {
    const Dataset data = load(R"(gpu: t4
columns: {label: "Kernel Name", width: "N"}
where: width > 10
let: {depth: width * 2, area: depth * width}
time: us * 1e-6
overhead: 1e-6 * line
weight: width + 1
split: [width, depth + 1, label]
rows:
  - when: width > 100
    group: wide
    cache: {state: cold}
    kernels:
      - gemm: {type: fp16, m: 1, n: width, k: depth}
  - when: width > 50
    group: {expression: label}
    cache: {state: cold}
    kernels:
      - gemm: {type: fp16, m: area, n: 1, k: 1}
)",
                              "Kernel Name,N,us\n\"gemm<1, 2>\",64,5\nx,5,5\ny,128,6\nz,32,7\n");
    REQUIRE(data.rows.size() == 2);
    CHECK(data.rows_of_other == 1);
    CHECK(data.groups == std::vector<std::string>{"gemm<1, 2>", "wide"});
    CHECK(data.rows[0].shape_key == "64,129,gemm<1, 2>");
    CHECK(data.rows[0].overhead.value() == doctest::Approx(2e-6));
    CHECK(data.rows[0].weight == 65);
    CHECK(std::get<GemmWork>(data.rows[0].kernels[0].kernel.work).m == 64 * 128);
    CHECK(data.rows[1].group == 1);
    CHECK(data.rows[1].line == 4);
    REQUIRE(data.skipped.size() == 1);
    CHECK(data.skipped[0].first_line == 5);
    CHECK(data.skipped[0].reason == "no `when` of the adapter holds");
}

TEST_CASE("GPUs by a column, their clocks as measured") {
    const Dataset data = load(R"(gpu: {column: device, names: {T4: t4, Tesla V100: v100-pcie-32gb}}
clock: {t4: {tensor: 1.1 GHz, source: log}}
time: us * 1e-6
split: [n, k]
)" + gemm_rows,
                              "device,m,n,k,us\nTesla V100,8,8,8,5\nT4,8,8,8,6\nP4,8,8,8,6\nP4,8,8,16,6\n");
    REQUIRE(data.rows.size() == 2);
    CHECK(data.gpus[data.rows[0].gpu].name == "v100-pcie-32gb");
    CHECK(data.gpus[data.rows[1].gpu].name == "t4");
    CHECK(data.gpus[data.rows[1].gpu].sustained_tensor_clock == Hertz(1.1e9));
    CHECK(data.gpus[data.rows[1].gpu].sustained_simt_clock == load_gpu(CUPOLA_SOURCE_DIR, "t4").sustained_simt_clock);
    REQUIRE(data.skipped.size() == 1);
    CHECK(data.skipped[0].rows == 2);
    CHECK(data.skipped[0].first_line == 4);
}

TEST_CASE("rows with malformed cells are skipped, counted by reason, and found again by line") {
    const Dataset data =
        load("gpu: t4\ntime: us * 1e-6\nsplit: [n, k]" + gemm_rows,
             "m,n,k,us\n8,64,64,5\n8,64,64,N/A\n8,64,64\n8,6x4,64,5\n8,64,64,0\n8,64,64,-1\n0,64,64,5\n"
             "8,64,1.5,5\n8,,64,5\n8,\"6\"4,64,5\n8,64,64,inf\n16,64,64,6\n");
    REQUIRE(data.rows.size() == 2);
    CHECK(data.rows[1].line == 13);
    std::size_t skipped = 0, line = 0;
    for (const validation::Skip& skip : data.skipped) {
        skipped += skip.rows;
        CHECK(skip.first_line > line);
        line = skip.first_line;
    }
    CHECK(skipped == 10);
    CHECK(data.skipped[0].first_line == 3);
    CHECK(data.skipped[0].rows == 2);  // N/A and inf are no numbers
    CHECK(data.skipped[0].reason.find("found 'N/A' in \"us * 1e-6\", expected a number") != std::string::npos);
    CHECK(data.skipped[1].reason == "3 cells, expected 4 as in the header");
}

TEST_CASE("a row that launches nothing is skipped") {
    const Dataset data = load_kernels("{state: cold}",
                                      "      - gemm: {type: fp16, m: 8, n: a, k: b, count: times}\n"
                                      "      - gemm: {type: fp16, m: 8, n: a, k: b, count: 2 * times}\n",
                                      "a,b,times,us\n64,64,0,5\n64,64,1,5\n");
    REQUIRE(data.rows.size() == 1);
    CHECK(data.rows[0].line == 3);
    REQUIRE(data.skipped.size() == 1);
    CHECK(data.skipped[0].reason.find("no launch of any kernel") != std::string::npos);
}

TEST_CASE("measured files are looked for where one says, else beside the adapter and in the reference data") {
    const fs::path directory = fs::temp_directory_path() / ("cupola-dataset-places-" + std::to_string(::getpid()));
    fs::create_directories(directory / "other" / "data");
    std::ofstream(directory / "case.yaml") << head << "gpu: t4\ntime: us * 1e-6\nsplit: [n, k]" << gemm_rows;
    const auto adapter = load_adapter(CUPOLA_SOURCE_DIR, (directory / "case.yaml").string());
    const char* const before = std::getenv("CUPOLA_REFERENCE_DATA");
    const std::string saved = before != nullptr ? before : "";
    setenv("CUPOLA_REFERENCE_DATA", (directory / "other").c_str(), 1);
    const std::string table = "m,n,k,us\n8,64,64,5\n";
    CHECK_THROWS_WITH_AS((void)find_measurements(adapter, ""), doctest::Contains("other/data/case.csv"), InputError);
    CHECK_THROWS_WITH_AS((void)find_measurements(adapter, ""), doctest::Contains("with --data"), InputError);
    std::ofstream(directory / "other" / "data" / "case.csv") << table;
    CHECK(find_measurements(adapter, "") == (directory / "other" / "data" / "case.csv").string());
    CHECK_THROWS_AS((void)find_measurements(adapter, (directory / "other").string()), InputError);
    std::ofstream(directory / "case.csv") << table;
    CHECK(find_measurements(adapter, "") == (directory / "case.csv").string());
    if (before != nullptr) {
        setenv("CUPOLA_REFERENCE_DATA", saved.c_str(), 1);
    } else {
        unsetenv("CUPOLA_REFERENCE_DATA");
    }
    fs::remove_all(directory);
}

TEST_CASE("every adapter in validation/datasets reads, named as its file") {
    for (const Listing& listing : list_datasets(CUPOLA_SOURCE_DIR)) {
        CAPTURE(listing.path);
        CHECK(load_adapter(CUPOLA_SOURCE_DIR, listing.name).name == listing.name);
        CHECK_FALSE(listing.title.empty());
    }
}
