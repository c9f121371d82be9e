#include "cupola/validation/probe_results.hpp"

#include "cupola/units/input_error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>

namespace cupola::validation {
namespace {

/// Cells of the columns that the probe names; a column that is missing has empty ones.
class Columns {
public:
    explicit Columns(const CsvTable& table) : table_(table) {}
    [[nodiscard]] std::string_view cell(std::size_t row, std::string_view column) const {
        const auto& names = table_.columns();
        const auto found = std::find(names.begin(), names.end(), column);
        return found == names.end() ? "" : table_.cell(row, static_cast<std::size_t>(found - names.begin()));
    }
    /// A finite number that is not negative; none where the cell is something else.
    [[nodiscard]] std::optional<double> number(std::size_t row, std::string_view column) const {
        const std::string_view text = cell(row, column);
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool whole = error == std::errc() && end == text.data() + text.size();
        if (!whole || !std::isfinite(value) || value < 0) return std::nullopt;
        return value;
    }
    /// The first and, where it differs, the last cell that says something, each cut to `length`.
    [[nodiscard]] std::string span(std::string_view column, std::size_t length) const {
        std::string first, last;
        for (std::size_t row = 0; row < table_.row_count(); ++row) {
            const std::string text(cell(row, column).substr(0, length));
            if (text.empty()) continue;
            if (first.empty()) first = text;
            last = text;
        }
        return first == last ? first : first + " to " + last;
    }

private:
    const CsvTable& table_;
};

void count(std::vector<Skip>& skips, const std::string& reason, std::size_t line) {
    const auto found =
        std::find_if(skips.begin(), skips.end(), [&](const Skip& skip) { return skip.reason == reason; });
    if (found != skips.end()) {
        ++found->rows;
    } else {
        skips.push_back({reason, 1, line});
    }
}

double median_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void add_replay(ProbeResults& results, const Columns& columns, std::size_t row, std::size_t line) {
    const std::string status(columns.cell(row, "status"));
    if (status != "ok") return count(results.unread, "replay: status " + status, line);
    const auto whole = columns.number(row, "median_s");
    if (!whole || *whole <= 0) return count(results.unread, "replay: median_s is no time above 0", line);
    Replay replay;
    replay.name = columns.cell(row, "name");
    replay.mode = columns.cell(row, "mode");
    replay.launches = columns.number(row, "launches").value_or(0);
    replay.passes = columns.number(row, "count").value_or(0);
    replay.whole = Seconds(*whole);
    if (const auto kernels = columns.number(row, "kernel_s"); kernels && *kernels > 0) {
        replay.kernels = Seconds(*kernels);
    }
    replay.line = line;
    results.replays.push_back(std::move(replay));
}

}  // namespace

bool is_probe_results(const CsvTable& table) {
    const auto& names = table.columns();
    const auto has = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    return has("case") && has("section") && has("kind") && has("status") && has("median_s") && has("sm_clock_hz");
}

std::string device_of(const CsvTable& table, const std::string& path) {
    const Columns columns(table);
    std::string device;
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        const std::string name(columns.cell(row, "gpu"));
        if (name.empty() || name == device || columns.cell(row, "kind") == "kind") continue;
        if (!device.empty()) {
            const auto file = std::make_shared<const std::string>(path);
            throw InputError({{file, static_cast<int>(table.line(row)), 0},
                              "gpu",
                              "\"" + name + "\" after \"" + device + "\"",
                              "one GPU in a file of results",
                              "measure each into a file of its own"});
        }
        device = name;
    }
    return device;
}

ProbeResults probe_results(const CsvTable& table, const std::string& path, const std::vector<bool>& taken) {
    const Columns columns(table);
    ProbeResults results;
    results.path = path;
    results.drivers = columns.span("driver", 40);
    results.dates = columns.span("date_utc", 10);
    results.unread = table.malformed();
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        if (taken[row]) continue;
        const std::string kind(columns.cell(row, "kind"));
        if (kind == "replay") {
            add_replay(results, columns, row, table.line(row));
        } else if (kind != "facts") {
            count(results.unread, "kind \"" + kind + "\", which no adapter of validation/probe takes", table.line(row));
        }
    }
    return results;
}

std::vector<CounterGroup> counter_groups(std::span<const Evaluation> evaluations) {
    struct Members {
        std::size_t rows = 0;
        std::vector<double> errors, sizes, l1, l2;
    };
    std::map<std::string, Members> groups;
    for (const Evaluation& evaluation : evaluations) {
        for (std::size_t i = 0; i < evaluation.rows.size(); ++i) {
            const auto& counters = evaluation.data.rows[i].counters;
            if (!counters) continue;
            Members& group = groups[counters->group];
            ++group.rows;
            if (counters->dram && *counters->dram > Bytes(0)) {
                group.errors.push_back(evaluation.rows[i].cost.dram_bytes / *counters->dram - 1);
                group.sizes.push_back(std::abs(group.errors.back()));
            }
            if (counters->l1_hits) group.l1.push_back(*counters->l1_hits);
            if (counters->l2_hits) group.l2.push_back(*counters->l2_hits);
        }
    }
    std::vector<CounterGroup> result;
    for (const auto& [name, group] : groups) {
        CounterGroup& summary = result.emplace_back(CounterGroup{name, group.rows, group.errors.size(), 0, 0, {}, {}});
        for (const double error : group.errors) {
            summary.dram_bias += error / static_cast<double>(group.errors.size());
        }
        if (!group.sizes.empty()) summary.dram_median = median_of(group.sizes);
        if (!group.l1.empty()) summary.l1_hits = median_of(group.l1);
        if (!group.l2.empty()) summary.l2_hits = median_of(group.l2);
    }
    return result;
}

std::vector<KernelSum> kernel_sums(std::span<const Evaluation> evaluations) {
    std::vector<KernelSum> sums;
    for (const Evaluation& evaluation : evaluations) {
        KernelSum sum;
        sum.name = evaluation.data.name;
        for (std::size_t i = 0; i < evaluation.rows.size(); ++i) {
            const Measurement& row = evaluation.data.rows[i];
            if (row.launches <= 0) continue;
            ++sum.cases;
            sum.launches += row.launches;
            sum.measured += row.measured * row.launches;
            sum.predicted += evaluation.rows[i].cost.time * row.launches;
        }
        if (sum.cases > 0) sums.push_back(std::move(sum));
    }
    return sums;
}

}  // namespace cupola::validation
