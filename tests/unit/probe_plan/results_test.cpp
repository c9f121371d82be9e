#include "cupola/report/validation.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/validation/probe_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "probe/host/builtin_plan.hpp"
#include "results_file.hpp"

using namespace cupola;
using validation::Evaluation;
using validation::probe_plan;
using validation::Split;

namespace {

const std::map<std::string, double> factors{{"gemm", 1.25},      {"conv", 0.8},     {"attention", 1.5},
                                            {"row_norm", 1.1},   {"stream", 0.9},   {"transpose", 1.2},
                                            {"pointwise", 0.95}, {"permute", 1.2},  {"traffic", 1.3},
                                            {"group_norm", 2},   {"upsample", 0.7}, {"sustained", 1.4}};

double factor_of(const std::string& kind) { return factors.at(kind); }

/// The cases of the probe's own plan that an adapter is for.
std::vector<probe::Case> comparable_cases() {
    std::vector<probe::Case> cases;
    for (const probe::Case& each : probe::parse_plan(probe::builtin_plan(), "built-in").cases) {
        const bool on_some_sms = each.kind().name == "stream" && each.integer("sms") > 0;
        const bool of_zeros = each.kind().name == "sustained" && each.word("data") == "zeros";
        if (factors.count(std::string(each.kind().name)) > 0 && !on_some_sms && !of_zeros) cases.push_back(each);
    }
    return cases;
}

std::string cell_replaced(const std::string& line, const std::string& column, const std::string& text) {
    auto cells = probe::csv_cells(line);
    const auto& names = probe::columns();
    cells[static_cast<std::size_t>(std::find(names.begin(), names.end(), column) - names.begin())] = text;
    std::string result;
    for (const std::string& cell : cells) result += (result.empty() ? "" : ",") + cell;
    return result;
}

std::string gemm_line(const std::string& shape) {
    probe::Row row = row_of(probe::parse_plan("gemm type=bf16 " + shape, "t").cases.front());
    set_time(row, 1e-4);
    return row.csv();
}

}  // namespace

TEST_CASE("the probe's own plan is read whole, and times that are the prediction's multiple show it") {
    const auto cases = comparable_cases();
    REQUIRE(cases.size() > 800);
    const ResultsFile file(synthetic_rows(cases, factor_of));
    CHECK(file.load().unread.empty());
    std::size_t rows = 0;
    std::set<Split> splits;
    for (const Evaluation& evaluation : file.evaluations()) {
        CAPTURE(evaluation.data.name);
        CHECK(evaluation.data.skipped.empty());
        rows += evaluation.rows.size();
        for (const auto& group : evaluation.groups) {
            CAPTURE(group.name);
            splits.insert(group.split);
            const std::string kind = group.name.substr(0, group.name.find(' '));
            const double factor = kind == "convolution"                            ? factors.at("conv")
                                  : evaluation.data.name == "probe-gemm-sustained" ? factors.at("sustained")
                                                                                   : factors.at(kind);
            CHECK(group.errors.bias == doctest::Approx(1 / factor - 1).epsilon(1e-6));
            CHECK(group.errors.worst == doctest::Approx(std::abs(1 / factor - 1)).epsilon(1e-6));
        }
    }
    CHECK(rows == cases.size());
    CHECK(splits.size() == 3);
}

TEST_CASE("writes the synthetic results" * doctest::skip()) {
    const std::string data = CUPOLA_SOURCE_DIR;
    const Gpu gpu = config::load_gpu(data, "h200-sxm-141gb");
    const auto plan = probe_plan(config::load_workload(data, "sdxl", {}), CostModel(gpu),
                                 config::load_stack(data, "pytorch-eager-flash"), "denoiser");
    auto cases = probe::parse_plan(probe_plan_text(plan), "plan").cases;
    const probe::Case replay = cases.back();
    cases.erase(cases.begin());  // facts
    cases.resize(40, replay);
    auto rows = synthetic_rows(cases, factor_of);
    const double kernels = plan.predicted.value() / plan.replays.front().passes;
    for (const auto& [mode, idle] : {std::pair{"stream", 0.2}, std::pair{"graph", 0.05}}) {
        rows.push_back(row_of(probe::parse_plan("stream op=copy bytes=1Mi id=1\nreplay mode=" + std::string(mode) +
                                                    " name=sdxl/denoiser order=1 count=30\n",
                                                "t")
                                  .cases.back()));
        rows.back().set("launches", static_cast<double>(plan.replays.front().order.size()));
        rows.back().set("kernel_s", kernels);
        rows.back().set("median_s", kernels / (1 - idle));
    }
    std::ofstream(data + "/tests/data/probe-synthetic.csv") << probe::csv_header() << "\n" << ResultsFile::text(rows);
}

TEST_CASE("rows are predicted at their own clock") {
    const std::string line = gemm_line("m=8192 n=8192 k=8192");
    const ResultsFile file(line + "\n" + cell_replaced(line, "sm_clock_hz", "1.17e9") + "\n" +
                           cell_replaced(line, "sm_clock_hz", "") + "\n" + cell_replaced(line, "sm_clock_hz", "5e9") +
                           "\n");
    const auto evaluations = file.evaluations();
    REQUIRE(evaluations.size() == 1);
    const auto& rows = evaluations.front().rows;
    REQUIRE(rows.size() == 3);
    CHECK(rows[1].cost.tensor / rows[0].cost.tensor == doctest::Approx(1.5).epsilon(0.05));  // another tile may do
    const Gpu gpu = config::load_gpu(CUPOLA_SOURCE_DIR, "h200-sxm-141gb");
    CHECK(evaluations.front().data.gpus[evaluations.front().data.rows[2].gpu].sustained_tensor_clock ==
          gpu.sustained_tensor_clock);
    REQUIRE(evaluations.front().data.skipped.size() == 1);  // a clock that no board has
    CHECK(evaluations.front().data.skipped.front().first_line == 5);
}

TEST_CASE("a cold row is its kernels' durations, else its median less the floor; a hot one its median") {
    const std::string cold = gemm_line("m=64 n=64 k=64");
    const ResultsFile file(cold + "\n" + cell_replaced(cold, "kernel_s", "") + "\n" +
                           gemm_line("m=64 n=64 k=64 cache=hot") + "\n" +
                           cell_replaced(cell_replaced(cold, "kernel_s", "7e-5"), "provider", "torch") + "\n");
    const auto datasets = file.load().datasets;
    REQUIRE(datasets.size() == 1);
    REQUIRE(datasets.front().rows.size() == 4);
    for (std::size_t i = 0; i < 3; ++i) CHECK(datasets.front().rows[i].measured.value() == doctest::Approx(1e-4));
    CHECK(datasets.front().rows[3].measured.value() == doctest::Approx(1.03e-4));  // its floor is the host's time
    CHECK(std::isinf(datasets.front().rows[0].kernels.front().kernel.operands[0].reuse_distance.value()));
    CHECK(datasets.front().rows[2].kernels.front().kernel.operands[0].reuse_distance.value() < 1e6);
}

TEST_CASE("rows that are none are counted with their first line, and nothing else is lost") {
    const std::string good = gemm_line("m=64 n=64 k=64");
    struct Bad {
        std::string line, reason;
        bool of_gemm;  ///< known to be one; others are no rows at all
    };
    const std::vector<Bad> table{
        {good.substr(0, good.size() / 2), "cells, expected", false},
        {good + ",", "cells, expected", false},
        {"\"" + good, "", false},
        {probe::csv_header(), "kind \"kind\"", false},
        {cell_replaced(good, "kind", "gem"), "kind \"gem\", which no adapter", false},
        {cell_replaced(good, "kind", ""), "kind \"\"", false},
        {cell_replaced(good, "status", "hung"), "status hung", true},
        {cell_replaced(good, "status", "failed"), "status failed", true},
        {cell_replaced(good, "kernel_s", "nan"), "a time above 0", true},
        {cell_replaced(good, "kernel_s", "-1e-5"), "a time above 0", true},
        {cell_replaced(good, "kernel_s", "inf"), "a time above 0", true},
        {cell_replaced(good, "m", "0"), "m", true},
        {cell_replaced(good, "m", "many"), "m", true},
        {cell_replaced(good, "type", "fp12"), "a data type", true},
        {cell_replaced(good, "cache", "warm"), "hot or cold", true},
        {cell_replaced(good, "sm_clock_hz", "-1"), "a clock in Hz", true},
        {cell_replaced(good, "count", "-1"), "", true},
    };
    for (const Bad& bad : table) {
        CAPTURE(bad.line);
        if (bad.line.front() == '"') {  // a quote that is never closed swallows the rest of the file
            CHECK_THROWS_AS((void)ResultsFile(good + "\n" + bad.line + "\n").load(), InputError);
            continue;
        }
        const auto results = ResultsFile(good + "\n" + bad.line + "\n" + good + "\n").load();
        REQUIRE(results.datasets.size() == 1);
        CHECK(results.datasets.front().rows.size() == 2);
        const auto& skips = bad.of_gemm ? results.datasets.front().skipped : results.unread;
        REQUIRE(skips.size() == 1);
        CHECK(skips.front().rows == 1);
        CHECK(skips.front().first_line == 3);
        CAPTURE(skips.front().reason);
        CHECK(skips.front().reason.find(bad.reason) != std::string::npos);
    }
}

TEST_CASE("a file of something else, of two GPUs, or of a GPU that is not known is refused") {
    const std::string good = gemm_line("m=64 n=64 k=64");
    CHECK_THROWS_WITH_AS((void)ResultsFile(cell_replaced(good, "gpu", "Voodoo 2") + "\n").load(),
                         doctest::Contains("results of \"Voodoo 2\""), InputError);
    CHECK(ResultsFile(cell_replaced(good, "gpu", "Voodoo 2") + "\n").load("t4").datasets.size() == 1);
    CHECK(ResultsFile(good + "\n").load("h200-sxm-141gb").datasets.size() == 1);
    CHECK_THROWS_WITH_AS((void)ResultsFile(good + "\n").load("t4"), doctest::Contains("that is h200-sxm-141gb"),
                         InputError);
    CHECK_THROWS_WITH_AS((void)ResultsFile(good + "\n" + cell_replaced(good, "gpu", "Tesla T4") + "\n").load(),
                         doctest::Contains("one GPU in a file"), InputError);
    const ResultsFile file("");
    std::ofstream(file.path) << "m,n,k,us\n1,2,3,4\n";
    CHECK_THROWS_WITH_AS((void)file.load(), doctest::Contains("without the columns of cupola-probe"), InputError);
    std::ofstream(file.path) << "case,section,kind,status,median_s,case\n";
    CHECK_THROWS_WITH_AS((void)file.load(), doctest::Contains("a second column \"case\""), InputError);
    std::ofstream(file.path) << "";
    CHECK_THROWS_AS((void)file.load(), InputError);
}

TEST_CASE("counters: DRAM bytes against the prediction, hit rates of temporal against spatial attention") {
    std::vector<probe::Row> rows;
    const auto add = [&](const std::string& line, double l1) {
        rows.push_back(row_of(probe::parse_plan(line, "t").cases.front()));
        set_time(rows.back(), 1e-3);
        rows.back().set("dram_read_bytes", 1.0);
        rows.back().set("dram_write_bytes", 0.0);
        rows.back().set("l1_hit_rate", l1);
        rows.back().set("l2_hit_rate", 0.5);
    };
    add("attention library=cudnn batch=8192 heads=8 queries=16 keys=16 dim=40", 0.05);
    add("attention library=cudnn batch=2 heads=8 queries=4096 keys=4096 dim=40", 0.6);
    add("attention library=cudnn batch=2 heads=8 queries=4096 keys=77 dim=40", 0.4);
    add("gemm type=bf16 m=4096 n=4096 k=4096", 0.2);
    add("gemm type=bf16 m=4096 n=4096 k=4096 cache=hot", 0.9);  // counted behind a flush, predicted without
    const auto predicted = ResultsFile(rows).evaluations();
    std::map<std::size_t, double> bytes;
    for (const Evaluation& evaluation : predicted) {
        for (std::size_t i = 0; i < evaluation.rows.size(); ++i) {
            bytes[evaluation.data.rows[i].line] = evaluation.rows[i].cost.dram_bytes.value();
        }
    }
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].set("dram_read_bytes", bytes.at(i + 2) / 1.2);
    const auto groups = validation::counter_groups(ResultsFile(rows).evaluations());
    REQUIRE(groups.size() == 4);
    for (const auto& group : groups) {
        CAPTURE(group.name);
        CHECK(group.rows == 1);
        CHECK(group.dram_median == doctest::Approx(0.2).epsilon(1e-6));
        CHECK(group.dram_bias == doctest::Approx(0.2).epsilon(1e-6));
        CHECK(*group.l2_hits == doctest::Approx(0.5));
    }
    CHECK(groups[0].name == "cross attention cudnn");
    CHECK(groups[2].name == "spatial attention cudnn");
    CHECK(*groups[2].l1_hits == doctest::Approx(0.6));
    CHECK(groups[3].name == "temporal attention cudnn");
    CHECK(*groups[3].l1_hits == doctest::Approx(0.05));
}

TEST_CASE("rows with a count add up to a run, and replays say how long the GPU idles") {
    const auto cases = probe::parse_plan(
                           "gemm type=bf16 m=4096 n=4096 k=4096 count=30 id=1\n"
                           "pointwise op=silu type=bf16 rows=4096 columns=4096 count=60 id=2\n"
                           "gemm type=bf16 m=64 n=64 k=64\n",
                           "t")
                           .cases;
    auto rows = synthetic_rows(cases, factor_of);
    const auto plan = probe::parse_plan(
        cases[0].text() + " id=1\n" + cases[1].text() + " id=2\nreplay mode=graph name=x/y order=1,2,2 count=30\n",
        "t");
    REQUIRE(plan.problems.empty());
    rows.push_back(row_of(plan.cases.back()));
    rows.back().set("median_s", 2e-3);
    rows.back().set("kernel_s", 1.5e-3);
    rows.back().set("launches", 3.0);
    const ResultsFile file(rows);
    const auto sums = validation::kernel_sums(file.evaluations());
    REQUIRE(sums.size() == 2);
    CHECK(sums[0].name == "probe-gemm");
    CHECK(sums[0].cases == 1);
    CHECK(sums[0].launches == 30);
    CHECK(sums[0].measured / sums[0].predicted == doctest::Approx(1.25));
    CHECK(sums[1].measured / sums[1].predicted == doctest::Approx(0.95));
    const auto replays = file.load().replays;
    REQUIRE(replays.size() == 1);
    CHECK(replays.front().name == "x/y");
    CHECK(replays.front().launches == 3);
    CHECK(replays.front().passes == 30);
    const ComparedProbe compared{file.load(), 0, 2};
    const std::string text = probe_results_text(compared, file.evaluations(), {});
    CHECK(text.find("as one graph") != std::string::npos);
    CHECK(text.find("25.0 %") != std::string::npos);
    rows.back().set("status", "failed");
    const ResultsFile failed(rows);  // in the place of the other
    CHECK(failed.load().replays.empty());
}
