#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "probe/host/builtin_plan.hpp"
#include "probe/host/error.hpp"
#include "probe/host/options.hpp"
#include "probe/host/results.hpp"
#include "probe/host/run.hpp"
#include "probe/worker.hpp"

namespace cupola::probe {

namespace {

constexpr double start_timeout = 120;  // seconds: a first context on a machine of many GPUs takes its time

void say(const std::string& line) { std::cerr << line << std::endl; }

Plan load_plan(const Options& options) {
    if (options.plan.empty()) return parse_plan(builtin_plan(), "built-in plan");
    if (options.plan == "-") {
        return parse_plan(std::string(std::istreambuf_iterator<char>(std::cin), {}), "standard input");
    }
    std::ifstream file(options.plan);
    if (!file) throw FatalError(options.plan + ": the plan cannot be read");
    return parse_plan(std::string(std::istreambuf_iterator<char>(file), {}), options.plan);
}

int print_plan(const Options& options) {
    const Plan plan = load_plan(options);
    for (const std::string& problem : plan.problems) say(problem);
    for (const Case& each : plan.cases) {
        if (options.section && each.kind().section != *options.section) continue;
        std::cout << each.text() << " priority=" << each.priority();
        if (each.id() > 0) std::cout << " id=" << each.id();
        std::cout << "\n";
    }
    return plan.problems.empty() ? 0 : 2;
}

int compare(const Options& options) {
    constexpr double tolerance = 0.03;
    const Agreement found = agreement(medians(options.compare[0]), medians(options.compare[1]), tolerance);
    std::cout << found.common << " cases in both; " << found.apart.size() << " medians differ by more than 3 %\n";
    for (const std::string& line : found.apart) std::cout << line << "\n";
    return found.apart.empty() ? 0 : 1;
}

std::string own_path() {
    char path[4096];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0) throw FatalError("/proc/self/exe cannot be read");
    return {path, static_cast<std::size_t>(length)};
}

int measure(const Options& options) {
    const Plan plan = load_plan(options);
    for (const std::string& problem : plan.problems) say(problem);
    if (plan.cases.empty()) throw FatalError("the plan has no case that can be measured");
    std::vector<std::string> command = {own_path(), "--worker", "--device", std::to_string(options.device)};
    if (options.counters) command.emplace_back("--counters");
    if (!options.use_cupti) command.emplace_back("--no-cupti");
    WorkerProcess worker(command);
    if (!options.in_process) worker.start(start_timeout, say);
    const Measure measure = options.in_process ? measure_here(options, say) : measure_in(worker, options.timeout, say);
    Results results(options.out);
    const RunSummary summary = run_plan(plan, options, results, measure, say);
    say(options.out + ": " + std::to_string(summary.ok) + " measured, " + std::to_string(summary.skipped) +
        " skipped, " + std::to_string(summary.failed) + " failed" +
        (summary.left > 0 ? ", " + std::to_string(summary.left) + " left: run the same command again to continue"
                          : ""));
    return 0;
}

int run(const Options& options) {
    switch (options.action) {
        case Options::Action::help: std::cout << help_text(); return 0;
        case Options::Action::print_plan: return print_plan(options);
        case Options::Action::compare: return compare(options);
        case Options::Action::worker: return serve(options);
        case Options::Action::measure: return measure(options);
    }
    return 2;
}

}  // namespace

}  // namespace cupola::probe

int main(int argc, char** argv) {
    try {
        return cupola::probe::run(cupola::probe::parse_options({argv + 1, argv + argc}));
    } catch (const std::exception& error) {
        std::cerr << "cupola-probe: " << error.what() << "\n";
        return 2;
    }
}
