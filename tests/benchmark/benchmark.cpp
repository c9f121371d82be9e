// How long a prediction takes: the whole command, and the library with the graph already built.
#include "cupola/config/load.hpp"
#include "cupola/cost/cost.hpp"
#include "cupola/predict/prediction.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;  // NOLINT: POSIX names it so

namespace {

using namespace cupola;

/// Median wall time of `runs` calls in seconds, after one that is not counted.
template <typename Function>
double median_time(int runs, Function&& function) {
    function();
    std::vector<double> times;
    for (int i = 0; i < runs; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        function();
        times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

/// Runs `cupola predict --workload sdxl` as a process of its own, its output thrown away.
void run_command() {
    std::array<std::string, 4> words{CUPOLA_COMMAND, "predict", "--workload", "sdxl"};
    std::array<char*, 5> arguments{words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int error = posix_spawn(&child, CUPOLA_COMMAND, &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (error != 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        throw std::runtime_error(std::string(CUPOLA_COMMAND) + " predict --workload sdxl failed");
    }
}

/// The distinct kernels of every pass.
std::vector<Kernel> kernels_of(const Workload& workload, const Gpu& gpu, const Stack& stack) {
    std::vector<Kernel> kernels;
    for (const Stage& stage : workload.stages) {
        for (const Pass& pass : stage.passes) {
            const KernelSequence sequence = lower(pass.graph, stack, gpu.architecture);
            kernels.insert(kernels.end(), sequence.kernels.begin(), sequence.kernels.end());
        }
    }
    return kernels;
}

/// The workload that takes longest to read and expand, and how much memory the process has needed for all of them.
void time_every_workload(const std::string& data) {
    std::string slowest;
    double longest = 0;
    std::size_t operators = 0;
    for (const auto& listing : config::list_workloads(data)) {
        const double time = median_time(5, [&] { (void)config::load_workload(data, listing.name, {}); });
        if (time <= longest) continue;
        longest = time;
        slowest = listing.name;
        operators = 0;
        for (const Stage& stage : config::load_workload(data, slowest, {}).stages) {
            for (const Pass& pass : stage.passes) operators += pass.graph.operators.size();
        }
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf(
        "library, read and expand the slowest workload:            %8.3f ms (%s, %zu operators; peak %.0f MB)\n",
        longest * 1e3, slowest.c_str(), operators, static_cast<double>(usage.ru_maxrss) / 1e3);
}

void run_benchmark() {
    const std::string data = config::data_directory("");
    const auto load = [&] { return config::load_workload(data, "sdxl", {}); };
    const Workload workload = load();
    const Gpu gpu = config::load_gpu(data, "a100-sxm4-80gb");
    const Stack stack = config::load_stack(data, "pytorch-eager-flash");
    const std::vector<Kernel> kernels = kernels_of(workload, gpu, stack);
    double sum = 0;  // keeps the calls from being optimised away

    const double process = median_time(31, run_command);
    const double loading = median_time(21, [&] { sum += static_cast<double>(load().stages.size()); });
    const double prediction = median_time(301, [&] { sum += predict(workload, gpu, stack).span.latency.value(); });
    const double pricing = median_time(301, [&] {
        for (const Kernel& kernel : kernels) sum += price(kernel, gpu).time.value();
    });

    std::printf("command, `cupola predict --workload sdxl`, whole process: %8.3f ms (median of 31)\n", process * 1e3);
    std::printf("library, read and expand sdxl:                            %8.3f ms (median of 21)\n", loading * 1e3);
    std::printf("library, one sdxl prediction, graph already built:        %8.3f ms (median of 301)\n",
                prediction * 1e3);
    std::printf("library, one kernel priced:                               %8.1f ns (mean over %zu distinct kernels)\n",
                pricing * 1e9 / static_cast<double>(kernels.size()), kernels.size());
    time_every_workload(data);
    if (sum <= 0) throw std::runtime_error("the predictions sum up to nothing");
}

}  // namespace

int main() {
    try {
        run_benchmark();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
}
