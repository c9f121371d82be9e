#include "probe/host/run.hpp"

#include <chrono>
#include <cstdio>

#include "probe/host/error.hpp"
#include "probe/host/row.hpp"
#include "probe/host/schedule.hpp"
#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The row of a case whose worker did not live to write one.
std::string lost_row(const Case& lost, const WorkerProcess::Answer& answer) {
    Row row;
    row.set("case", lost.text());
    row.set("section", static_cast<double>(lost.kind().section));
    row.set("kind", lost.kind().name);
    if (lost.count() > 0) row.set("count", lost.count());
    row.set("status", answer.end == WorkerProcess::End::hung ? "hung" : "failed");
    row.set("note", answer.detail);
    return row.csv();
}

std::string cell(const std::string& csv_line, const std::string& column) {
    const auto cells = csv_cells(csv_line);
    for (std::size_t i = 0; i < cells.size() && i < columns().size(); ++i) {
        if (columns()[i] == column) return cells[i];
    }
    return "";
}

std::string progress(const Schedule& schedule, double elapsed, const Case& measured, const std::string& csv_line) {
    char head[64];
    std::snprintf(head, sizeof head, "[%4zu/%zu %3.0f s] ", schedule.handed_out(), schedule.total(), elapsed);
    const std::string status = cell(csv_line, "status");
    std::string outcome = status;
    if (const auto median = to_real(cell(csv_line, "median_s")); status == "ok" && median) {
        char time[48];
        std::snprintf(time, sizeof time, "%.2f us", *median * 1e6);
        outcome = time;
    }
    const std::string note = cell(csv_line, "note");
    constexpr std::size_t longest = 160;  // of a replay's order
    std::string text = measured.text();
    if (text.size() > longest) text = text.substr(0, longest) + "...";
    return head + text + "  " + outcome + (note.empty() ? "" : "  (" + note + ")");
}

void count(RunSummary& summary, const std::string& status) {
    (status == "ok" ? summary.ok : status == "skipped" ? summary.skipped : summary.failed) += 1;
}

}  // namespace

RunSummary run_plan(const Plan& plan, const Options& options, Results& results, const Measure& measure,
                    const WorkerProcess::Say& say) {
    std::vector<Case> cases;
    for (const Case& candidate : plan.cases) {
        if (!options.section || candidate.kind().section == *options.section) cases.push_back(candidate);
    }
    Schedule schedule(cases, results.done(options.retry), options.budget);
    RunSummary summary;
    const double start = now();
    while (const auto next = schedule.next(now() - start)) {
        const double before = now();
        WorkerProcess::Answer answer = measure(*next);
        if (answer.end != WorkerProcess::End::done || answer.rows.empty()) {
            if (answer.rows.empty() && answer.detail.empty()) answer.detail = "no row came back";
            answer.rows.push_back(lost_row(*next, answer));
        }
        for (const std::string& row : answer.rows) results.append(row);
        count(summary, cell(answer.rows.back(), "status"));
        schedule.took(*next, now() - before);
        say(progress(schedule, now() - start, *next, answer.rows.back()));
    }
    summary.left = schedule.total() - schedule.handed_out();
    return summary;
}

Measure measure_in(WorkerProcess& worker, double timeout, const WorkerProcess::Say& say) {
    return [&worker, timeout, say](const Case& next) {
        if (!worker.is_running()) worker.start(timeout, say);
        WorkerProcess::Answer answer = worker.measure(next.request(), timeout, say);
        if (answer.end == WorkerProcess::End::hung) say("the case hangs; its process is ended and a new one started");
        return answer;
    };
}

}  // namespace cupola::probe
