#pragma once

#include <functional>
#include <string>

#include "probe/host/options.hpp"
#include "probe/host/plan.hpp"
#include "probe/host/results.hpp"
#include "probe/host/worker_process.hpp"

namespace cupola::probe {

/// Measures one case. It reports what goes wrong in its answer, and throws FatalError where nothing can be measured.
using Measure = std::function<WorkerProcess::Answer(const Case&)>;

/// How many cases came out how.
struct RunSummary {
    int ok = 0;
    int skipped = 0;
    int failed = 0;  ///< or hung, or died
    std::size_t left = 0;
};

/// Measures the plan's cases that `results` does not have, the most valuable first, until the end of the plan or of
/// the budget; each row is written as soon as it is there. `say` takes lines of progress.
RunSummary run_plan(const Plan& plan, const Options& options, Results& results, const Measure& measure,
                    const WorkerProcess::Say& say);

/// A `Measure` through a worker process that is started anew after each death. `worker` has been started.
Measure measure_in(WorkerProcess& worker, double timeout, const WorkerProcess::Say& say);

}  // namespace cupola::probe
