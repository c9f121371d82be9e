#include "probe/host/row.hpp"

#include <algorithm>
#include <stdexcept>

#include "probe/host/kinds.hpp"
#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

const char* const measured_columns[] = {
    "case",      // canonical text of the plan line: the key of the row
    "section",   // 1 to 8
    "kind",      // first word of the plan line
    "status",    // ok, skipped (cannot run here), failed, hung
    "note",      // why, or what is odd about the row; of a fact, its value
    "count",     // how often the workload of the plan launches it; absent: the plan does not say
    "launches",  // of a replay: operations that one repetition enqueues
    "provider",  // whose kernel: own, cublaslt, cudnn, torch; of a fact, its name
    "variant",   // which of the provider's algorithms
    "kernels",   // names of the kernels of one repetition, joined by " | "
    "grids",     // their grids and blocks, in the same order: 132x1x1/384x1x1
    "method",    // graph: replays of a graph; event: one repetition between two events; host: CPU clock
    "repetitions",
    "median_s",
    "min_s",
    "p90_s",          // of one operation
    "floor_s",        // what the method measures for an empty kernel
    "kernel_s",       // sum of the kernels' own durations in one operation, from CUPTI; operands as `cache` says
    "traffic_bytes",  // least DRAM traffic: every operand once
    "flops",          // multiply-add is two
    "bytes_per_s",
    "flop_per_s",
    "error",  // relative L2 distance to a double precision reference; absent: unchecked
    "sm_clock_hz",
    "memory_clock_hz",
    "power_w",
    "temperature_c",
    "throttle",  // just after the repetitions
    "dram_read_bytes",
    "dram_write_bytes",
    "l2_hit_rate",
    "l1_hit_rate",
    "tensor_active",  // hardware counters
    "gpu",
    "driver",
    "toolkit",
    "library_version",
    "date_utc",
};

std::string quoted(const std::string& cell) {
    if (cell.find_first_of(",\"\n") == std::string::npos) return cell;
    std::string text = "\"";
    for (const char c : cell) text += c == '"' ? "\"\"" : std::string(1, c);
    return text + "\"";
}

}  // namespace

const std::vector<std::string>& columns() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> names(std::begin(measured_columns), std::end(measured_columns));
        for (const std::string_view field : field_names()) names.emplace_back(field);
        return names;
    }();
    return all;
}

void Row::set(const std::string& column, std::string_view text) {
    if (std::find(columns().begin(), columns().end(), column) == columns().end()) {
        throw std::out_of_range("no column " + column);
    }
    cells_[column] = one_line(text);
}

void Row::set(const std::string& column, double number) { set(column, number_text(number)); }

const std::string& Row::get(const std::string& column) const {
    static const std::string absent;
    const auto found = cells_.find(column);
    return found == cells_.end() ? absent : found->second;
}

std::string Row::csv() const {
    std::string line;
    for (const std::string& column : columns()) line += (line.empty() ? "" : ",") + quoted(get(column));
    return line;
}

std::string csv_header() {
    std::string line;
    for (const std::string& column : columns()) line += (line.empty() ? "" : ",") + column;
    return line;
}

std::vector<std::string> csv_cells(std::string_view line) {
    std::vector<std::string> cells(1);
    bool inside = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (inside && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
            cells.back() += line[++i];
        } else if (c == '"') {
            inside = !inside;
        } else if (c == ',' && !inside) {
            cells.emplace_back();
        } else {
            cells.back() += c;
        }
    }
    return cells;
}

}  // namespace cupola::probe
