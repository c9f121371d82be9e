#include "cupola/validation/probe_plan.hpp"

#include "cupola/predict/kernel_table.hpp"
#include "cupola/validation/probe_case.hpp"

#include <algorithm>
#include <unordered_map>

namespace cupola::validation {
namespace {

/// Gathers cases over the passes of a run.
class Planner {
public:
    Planner(const CostModel& model, const Stack& stack) : model_(model), stack_(stack), table_(model) {}

    void add(const Stage& stage) {
        PlannedReplay longest;
        Seconds most;
        for (const Pass& pass : stage.passes) {
            const Seconds before = plan_.predicted;
            PlannedReplay replay = add(stage, pass);
            const Seconds taken = plan_.predicted - before;
            if (taken <= most || replay.order.empty() || replay.order.size() > most_replayed) continue;
            most = taken;
            longest = std::move(replay);
        }
        if (!longest.order.empty()) plan_.replays.push_back(std::move(longest));
    }

    ProbePlan finish() {
        const auto longer = [](const auto& a, const auto& b) { return a.predicted > b.predicted; };
        std::stable_sort(plan_.cases.begin(), plan_.cases.end(), longer);
        std::stable_sort(plan_.unplanned.begin(), plan_.unplanned.end(), longer);
        plan_.kernels = table_.size();
        return std::move(plan_);
    }

private:
    PlannedReplay add(const Stage& stage, const Pass& pass) {
        const KernelSequence sequence = lower(pass.graph, stack_, model_.gpu().architecture);
        PlannedReplay replay{stage.name, pass.count, {}, 0};
        for (const KernelInstance& launch : sequence.launches) {
            const KernelTable::Entry& entry = table_[table_.index_of(sequence.kernels[launch.kernel])];
            const Operator& op = pass.graph.operators[launch.operator_index];
            const Seconds taken = entry.cost.time * pass.count;
            plan_.predicted += taken;
            const ProbeCase found = probe_case(entry.kernel, entry.cost, pass.graph, op);
            if (found.line.empty()) {
                ++replay.left_out;
                add_unplanned(found.reason, entry.kernel, pass.count, taken);
                continue;
            }
            PlannedCase& planned = case_of(found.line, entry.kernel, stage, pass.graph, op);
            planned.launches += pass.count;
            planned.predicted += taken;
            replay.order.push_back(planned.id);
        }
        return replay;
    }

    PlannedCase& case_of(const std::string& line, const Kernel& kernel, const Stage& stage, const Graph& graph,
                         const Operator& op) {
        const auto [place, is_new] = by_line_.emplace(line, plan_.cases.size());
        if (is_new) {
            const auto id = static_cast<std::uint32_t>(plan_.cases.size() + 1);
            const std::string label = std::string(kernel.label) + " of " + stage.name + ": " + graph.path(op.scope);
            plan_.cases.push_back({line, id, 0, {}, label});
        }
        return plan_.cases[place->second];
    }

    void add_unplanned(const std::string& reason, const Kernel& kernel, double launches, Seconds taken) {
        auto& all = plan_.unplanned;
        auto found = std::find_if(all.begin(), all.end(), [&](const Unplanned& each) { return each.reason == reason; });
        if (found == all.end()) found = all.insert(all.end(), Unplanned{reason, {}, 0, {}, {}});
        found->launches += launches;
        found->predicted += taken;
        if (!found->label.empty() && taken <= found->longest) return;
        found->longest = taken;
        found->label = kernel.label;
    }

    const CostModel& model_;
    const Stack& stack_;
    KernelTable table_;
    std::unordered_map<std::string, std::size_t> by_line_;
    ProbePlan plan_;
};

}  // namespace

ProbePlan probe_plan(const Workload& workload, const CostModel& model, const Stack& stack, const std::string& stage) {
    Planner planner(model, stack);
    for (const Stage& each : workload.stages) {
        if (stage.empty() || each.name == stage) planner.add(each);
    }
    ProbePlan plan = planner.finish();
    plan.workload = workload.name;
    plan.gpu = model.gpu().name;
    plan.stack = stack.name;
    plan.parameters = workload.parameters;
    return plan;
}

}  // namespace cupola::validation
