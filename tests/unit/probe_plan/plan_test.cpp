#include "cupola/report/validation.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/validation/probe_case.hpp"
#include "cupola/validation/probe_plan.hpp"

#include <doctest/doctest.h>

#include <set>
#include <variant>

#include "results_file.hpp"

using namespace cupola;

namespace {

const std::string data = CUPOLA_SOURCE_DIR;

struct Run {
    Workload workload;
    Gpu gpu;
    Stack stack;
    Run(const std::string& name, const std::string& stack_name)
        : workload(config::load_workload(data, name, {})),
          gpu(config::load_gpu(data, "h200-sxm-141gb")),
          stack(config::load_stack(data, stack_name)) {}
};

/// A kernel for each case of a run, by its line.
std::map<std::string, Kernel> kernels_by_line(const Run& run) {
    const CostModel model(run.gpu);
    std::map<std::string, Kernel> kernels;
    for (const Stage& stage : run.workload.stages) {
        for (const Pass& pass : stage.passes) {
            const KernelSequence sequence = lower(pass.graph, run.stack, run.gpu.architecture);
            for (const KernelInstance& launch : sequence.launches) {
                const Kernel& kernel = sequence.kernels[launch.kernel];
                const Operator& op = pass.graph.operators[launch.operator_index];
                const auto found = validation::probe_case(kernel, model.price(kernel), pass.graph, op);
                if (!found.line.empty()) kernels.emplace(found.line, kernel);
            }
        }
    }
    return kernels;
}

void check_same_work(const GemmWork& read, const GemmWork& planned) { CHECK(read == planned); }
void check_same_work(const ConvolutionWork& read, const ConvolutionWork& planned) { CHECK(read == planned); }
void check_same_work(const AttentionWork& read, AttentionWork planned) {
    planned.kernel = read.kernel;  // cuDNN's, whatever the stack calls
    if (planned.queries == 1) planned.causal = false;
    CHECK(read == planned);
}
void check_same_work(const MemoryWork&, const MemoryWork&) {}

/// The largest operand; beside it stand biases, scales and shifts, which cases round or leave out.
void check_same_bytes(const Kernel& read, const Kernel& planned) {
    const auto most = [](const Kernel& kernel) {
        double bytes = 0;
        for (std::size_t i = 0; i < kernel.operand_count; ++i) {
            const Operand& operand = kernel.operands[i];
            bytes = std::max(bytes, operand.bytes.value());
        }
        return bytes;
    };
    CHECK(most(read) == doctest::Approx(most(planned)).epsilon(1e-9).scale(64));
}

}  // namespace

TEST_CASE("the probe reads every line that a plan has, and the adapters give back the same kernels") {
    for (const std::string stack : {"pytorch-eager-flash", "pytorch-eager-math", "pytorch-compile"}) {
        for (const std::string name : {"sdxl", "llama-2-7b", "modelscope-t2v"}) {
            CAPTURE(name);
            CAPTURE(stack);
            const Run run(name, stack);
            const auto plan = validation::probe_plan(run.workload, CostModel(run.gpu), run.stack, "");
            const probe::Plan parsed = probe::parse_plan(probe_plan_text(plan), "plan");
            CHECK(parsed.problems.empty());
            REQUIRE(parsed.cases.size() == 1 + plan.cases.size() + 2 * plan.replays.size());

            const auto kernels = kernels_by_line(run);
            REQUIRE(kernels.size() == plan.cases.size());
            std::vector<probe::Row> rows;
            for (std::size_t i = 0; i < plan.cases.size(); ++i) {
                CHECK(parsed.cases[i + 1].count() == doctest::Approx(plan.cases[i].launches));
                CHECK(parsed.cases[i + 1].id() == plan.cases[i].id);
                rows.push_back(row_of(parsed.cases[i + 1]));
                set_time(rows.back(), 1e-3);
            }
            std::size_t compared = 0;
            const auto results = ResultsFile(rows).load();
            CHECK(results.unread.empty());
            for (const validation::Dataset& dataset : results.datasets) {
                CHECK(dataset.skipped.empty());
                for (const validation::Measurement& row : dataset.rows) {
                    const std::string& line = plan.cases[row.line - 2].line;
                    CAPTURE(line);
                    const Kernel& read = row.kernels.front().kernel;
                    const Kernel& planned = kernels.at(line);
                    REQUIRE(read.work.index() == planned.work.index());
                    CHECK(row.launches == doctest::Approx(plan.cases[row.line - 2].launches));
                    std::visit(
                        [&](const auto& work) {
                            check_same_work(work, std::get<std::decay_t<decltype(work)>>(planned.work));
                        },
                        read.work);
                    const bool pads_channels = line.find(" in=4 ") != std::string::npos ||
                                               line.find(" rows=4 ") != std::string::npos;  // to 16 bytes
                    const bool is_gemm = std::holds_alternative<GemmWork>(read.work);
                    if (!is_gemm && !pads_channels) check_same_bytes(read, planned);
                    ++compared;
                }
            }
            CHECK(compared == plan.cases.size());
        }
    }
}

TEST_CASE("a plan accounts for the whole predicted time, and a replay for the launches of its pass") {
    const Run run("sdxl", "pytorch-eager-flash");
    const auto plan = validation::probe_plan(run.workload, CostModel(run.gpu), run.stack, "");
    Seconds sum;
    double launches = 0, launches_of_run = 0;
    for (const auto& each : plan.cases) {
        sum += each.predicted;
        launches += each.launches;
    }
    for (const auto& each : plan.unplanned) {
        sum += each.predicted;
        launches += each.launches;
    }
    CHECK(sum.value() == doctest::Approx(plan.predicted.value()));
    for (const Stage& stage : run.workload.stages) {
        for (const Pass& pass : stage.passes) {
            const KernelSequence sequence = lower(pass.graph, run.stack, run.gpu.architecture);
            launches_of_run += pass.count * static_cast<double>(sequence.launches.size());
        }
    }
    CHECK(launches == launches_of_run);
    const probe::Plan parsed = probe::parse_plan(probe_plan_text(plan), "plan");
    std::size_t replays = 0;
    for (const probe::Case& each : parsed.cases) {
        if (each.kind().name != "replay") continue;
        const auto& planned = plan.replays[replays++ / 2];
        REQUIRE(each.launches() != nullptr);
        CHECK(each.launches()->order.size() == planned.order.size());
        CHECK(each.count() == planned.passes);
        const auto& launched = each.launches()->cases[each.launches()->order.back()];
        CHECK(launched.id() == planned.order.back());
        // what the worker process is sent says the same by itself
        const probe::Plan request = probe::parse_request(each.request());
        REQUIRE(request.cases.size() == 1);
        CHECK(request.cases.front().text() == each.text());
        CHECK(request.cases.front().launches()->order == each.launches()->order);
    }
    CHECK(replays == 2 * plan.replays.size());
}

TEST_CASE("one stage can be planned alone; kernels that the probe cannot measure are named") {
    const Run run("sdxl", "pytorch-eager-flash");
    const auto plan = validation::probe_plan(run.workload, CostModel(run.gpu), run.stack, "vae_decoder");
    REQUIRE(plan.replays.size() == 1);
    CHECK(plan.replays.front().stage == "vae_decoder");
    CHECK(plan.replays.front().left_out == 1);
    REQUIRE(plan.unplanned.size() == 1);
    CHECK(plan.unplanned.front().launches == 1);  // its attention has one head of 512
    CHECK(probe_plan_text(plan).find("# no case: attention of an odd or large head dim (attention): 1 launches") !=
          std::string::npos);
}
