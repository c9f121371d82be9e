#include "cupola/config/load.hpp"
#include "cupola/units/input_error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace cupola;
using namespace cupola::config;

namespace {

const std::string data = CUPOLA_SOURCE_DIR;

/// Published dense throughput and the clock it is defined at (not always the highest clock of the device).
struct Published {
    std::string name;
    double fp16_tflops, tf32_tflops, fp8_tflops, int8_tops, fp32_tflops, clock_ghz;
};

void check_close(double actual, double published) {
    if (published == 0.0) {
        CHECK(actual == 0.0);
    } else {
        CHECK(std::abs(actual / published - 1.0) < 0.03);
    }
}

std::string error_of(const std::string& name) {
    try {
        (void)load_gpu(data, name);
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("SMs x rate x clock is the published dense throughput within 3 %") {
    const std::vector<Published> table{{"v100-sxm2-32gb", 125, 0, 0, 0, 15.7, 1.53},
                                       {"v100-pcie-32gb", 112, 0, 0, 0, 14, 1.38},
                                       {"t4", 65, 0, 0, 130, 8.1, 1.59},
                                       {"a100-pcie-40gb", 312, 156, 0, 624, 19.5, 1.41},
                                       {"a100-pcie-80gb", 312, 156, 0, 624, 19.5, 1.41},
                                       {"a100-sxm4-40gb", 312, 156, 0, 624, 19.5, 1.41},
                                       {"a100-sxm4-80gb", 312, 156, 0, 624, 19.5, 1.41},
                                       {"a10", 125, 62.5, 0, 250, 31.2, 1.695},
                                       {"rtx-a6000", 154.8, 77.4, 0, 309.7, 38.7, 1.8},
                                       {"l4", 121, 60.6, 242.5, 242.5, 30.3, 2.04},
                                       {"l20", 119.5, 59.8, 239, 239, 59.8, 2.52},
                                       {"l40", 181, 90.5, 362, 362, 90.5, 2.49},
                                       {"h20-96gb", 148, 74, 296, 296, 0, 1.853},
                                       {"gb200-186gb", 2500, 1250, 5000, 5000, 0, 2.008},
                                       {"a40", 149.7, 74.8, 0, 299.3, 37.4, 1.74},
                                       {"rtx-3090", 71.2, 35.6, 0, 284, 35.6, 1.695},
                                       {"rtx-4090", 165.2, 82.6, 330.3, 660.6, 82.6, 2.52},
                                       {"l40s", 362, 183, 733, 733, 91.6, 2.49},
                                       {"h100-sxm5-80gb", 989, 494.5, 1979, 1979, 67, 1.83},
                                       {"h100-pcie-80gb", 756, 378, 1513, 1513, 51, 1.62},
                                       {"gh200-96gb", 989, 494.5, 1979, 1979, 67, 1.83},
                                       {"h200-sxm-141gb", 989, 494.5, 1979, 1979, 67, 1.83},
                                       {"b200-sxm-180gb", 2250, 1125, 4500, 4500, 0, 1.856}};
    CHECK(list_gpus(data).size() == table.size());
    for (const Published& row : table) {
        CAPTURE(row.name);
        const Gpu gpu = load_gpu(data, row.name);
        const double per_rate = gpu.sm_count * row.clock_ghz * 1e-3;
        check_close(gpu.tensor_rates.fp16 * per_rate, row.fp16_tflops);
        check_close(gpu.tensor_rates.tf32 * per_rate, row.tf32_tflops);
        check_close(gpu.tensor_rates.fp8 * per_rate, row.fp8_tflops);
        check_close(gpu.tensor_rates.int8 * per_rate, row.int8_tops);
        CHECK(gpu.tensor_rates.bf16 == (gpu.architecture < Architecture::ampere ? 0.0 : gpu.tensor_rates.fp16));
        // FP32 peaks of Hopper are stated at the highest clock, unlike its matrix peaks; B200's 80, GB200's and
        // H20's 44 at none that is known.
        const double fp32_clock =
            gpu.architecture == Architecture::hopper ? gpu.boost_clock.value() * 1e-9 : row.clock_ghz;
        if (row.fp32_tflops > 0) check_close(gpu.sm_count * gpu.fp32_lanes_per_sm * 2e-3 * fp32_clock, row.fp32_tflops);
    }
}

TEST_CASE("every number of every GPU states where it comes from") {
    for (const Listing& listing : list_gpus(data)) {
        CAPTURE(listing.name);
        const Gpu gpu = load_gpu(data, listing.name);
        CHECK(gpu.name == listing.name);
        CHECK(gpu.product == listing.title);
        CHECK(gpu.facts.size() >= 20);
        for (const Fact& fact : gpu.facts) {
            CAPTURE(fact.field);
            CHECK(fact.source.size() >= 7);
            CHECK_FALSE(fact.value.empty());
        }
    }
}

TEST_CASE("sustained figures stay below the nominal ones") {
    for (const Listing& listing : list_gpus(data)) {
        CAPTURE(listing.name);
        const Gpu gpu = load_gpu(data, listing.name);
        CHECK(gpu.sustained_tensor_clock <= gpu.boost_clock);
        CHECK(gpu.sustained_simt_clock <= gpu.boost_clock);
        CHECK(achieved_dram_bandwidth(gpu) < gpu.dram_bandwidth);
        CHECK(gpu.l2_bandwidth > gpu.dram_bandwidth);
        CHECK(gpu.graph_kernel_slot < gpu.stream_kernel_slot);
        CHECK(usable_l2(gpu) < gpu.l2_capacity);
    }
}

TEST_CASE("facts keep their text, their source and whether they are recalled") {
    const Gpu gpu = load_gpu(data, "a100-sxm4-80gb");
    CHECK(gpu.product == "NVIDIA A100-SXM4-80GB");
    CHECK(gpu.dram_capacity.value() == 80.0 * 0x1p30);
    CHECK(gpu.l2_capacity.value() == 40.0 * 0x1p20);
    CHECK(gpu.dram_bandwidth.value() == doctest::Approx(2039e9));
    CHECK(gpu.nvlink_bandwidth.has_value());
    CHECK_FALSE(load_gpu(data, "l40s").nvlink_bandwidth.has_value());
    CHECK(gpu.facts.front().field == "sm_count");
    CHECK(gpu.facts.front().value == "108");
    bool recalled_seen = false, read_seen = false;
    for (const Fact& fact : gpu.facts) (fact.recalled ? recalled_seen : read_seen) = true;
    CHECK(recalled_seen);
    CHECK(read_seen);
}

TEST_CASE("a GPU is found by name or by path; an unknown one gets a suggestion") {
    CHECK(load_gpu(data, data + "/hwmodels/gpus/t4.yaml").name == "t4");
    CHECK(error_of("h100-sxm-80gb").find("did you mean \"h100-sxm5-80gb\"?") != std::string::npos);
    CHECK(error_of("h200").find("did you mean \"h200-sxm-141gb\"?") != std::string::npos);
    CHECK(error_of("gaudi").find("known: a10, a100-pcie-40gb") != std::string::npos);
    CHECK(error_of("./t4.yaml").find("./t4.yaml: found no readable file") == 0);
    CHECK(error_of("..").find("found no GPU named \"..\"") == 0);
}

TEST_CASE("a data directory that holds none of the data is refused with the place that named it") {
    CHECK(data_directory(data) == data);
    CHECK_THROWS_WITH_AS(
        (void)data_directory("/nowhere"),
        "--data: found \"/nowhere\", expected a directory that holds hwmodels/ and workloads/; leave it "
        "out to use the data cupola came with",
        InputError);
}
