#include "cupola/report/validation.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

namespace cupola {
namespace {

using namespace validation;

std::string share(Seconds part, Seconds whole) { return percent(whole > Seconds(0) ? part / whole : 0); }

/// "1,2,5-9": runs of ascending ids are written by their ends.
std::string order_text(const std::vector<std::uint32_t>& order) {
    std::string text;
    for (std::size_t i = 0; i < order.size();) {
        std::size_t last = i;
        while (last + 1 < order.size() && order[last + 1] == order[last] + 1) ++last;
        text += fmt::format("{}{}", text.empty() ? "" : ",", order[i]);
        if (last > i) text += fmt::format("-{}", order[last]);
        i = last + 1;
    }
    return text;
}

std::string head(const ProbePlan& plan) {
    std::string text = fmt::format("# {} on {} with {}\n#", plan.workload, plan.gpu, plan.stack);
    for (const ParameterSetting& parameter : plan.parameters) {
        text += fmt::format(" {}={}", parameter.name, parameter.value);
    }
    Seconds planned;
    for (const PlannedCase& each : plan.cases) planned += each.predicted;
    text += fmt::format("\n# {} distinct kernels as {} cases, {} of {} predicted; longest first\n", plan.kernels,
                        plan.cases.size(), share(planned, plan.predicted), format(plan.predicted));
    for (const Unplanned& each : plan.unplanned) {
        text += fmt::format("# no case: {} ({}): {:.9g} launches, {}\n", each.reason, each.label, each.launches,
                            share(each.predicted, plan.predicted));
    }
    return text;
}

}  // namespace

std::string probe_plan_text(const ProbePlan& plan) {
    std::string text = head(plan) + "facts\n";
    for (const PlannedCase& each : plan.cases) {
        text += fmt::format("{} count={:.9g} id={}  # {} {}\n", each.line, each.launches, each.id,
                            share(each.predicted, plan.predicted), each.label);
    }
    if (!plan.replays.empty()) text += "# one pass of each stage in order, launched one by one and as one graph\n";
    for (const PlannedReplay& replay : plan.replays) {
        if (replay.left_out > 0) {
            text += fmt::format("# {}: {} launches of a pass have no case\n", replay.stage, replay.left_out);
        }
        for (const char* mode : {"stream", "graph"}) {
            text += fmt::format("replay mode={} name={}/{} order={} count={:.9g} priority=9\n", mode, plan.workload,
                                replay.stage, order_text(replay.order), replay.passes);
        }
    }
    return text;
}

}  // namespace cupola
