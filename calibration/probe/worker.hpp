#pragma once

#include "probe/host/options.hpp"
#include "probe/host/run.hpp"

namespace cupola::probe {

/// A measurer of this process. Throws FatalError where there is no GPU.
Measure measure_here(const Options& options, const WorkerProcess::Say& say);

/// The worker's side of WorkerProcess. The exit status.
int serve(const Options& options);

}  // namespace cupola::probe
