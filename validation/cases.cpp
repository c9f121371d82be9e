#include "cupola/validation/cases.hpp"

#include "cupola/units/suggest.hpp"
#include "cupola/validation/csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>

namespace cupola::validation {
namespace {

struct ColumnRule {
    std::string_view name;
    bool needed;
};
/// By CaseColumn.
constexpr std::array<ColumnRule, case_columns> column_rules{{{"id", true},
                                                             {"workload", true},
                                                             {"gpu", true},
                                                             {"stack", true},
                                                             {"set", false},
                                                             {"levers", false},
                                                             {"metric", true},
                                                             {"value", true},
                                                             {"unit", false},
                                                             {"source", false},
                                                             {"confidence", false}}};

/// By Metric; the first is the one that messages name.
constexpr std::array<std::array<std::string_view, 5>, all_metrics.size()> unit_spellings{{
    {"s", "sec", "second", "seconds", "s/batch"},
    {"it/s", "its/s", "iterations/s", "steps/s", "step/s"},
    {"images/s", "image/s", "img/s", "videos/s", "samples/s"},
    {"tok/s", "tokens/s", "token/s", "toks/s", "t/s"},
    {"GiB", "gib", "GIB", "gibibytes", "gibibyte"},
}};

/// What is wrong with one cell.
struct BadCell {
    CaseColumn column;
    std::string reason;
};

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

/// Which column of the table holds each of the columns of a case.
using ColumnMap = std::array<std::optional<std::size_t>, case_columns>;

[[noreturn]] void fail_at_header(const std::string& path, const std::string& found, const std::string& hint) {
    std::string names;
    for (const ColumnRule& rule : column_rules) names += (names.empty() ? "" : ",") + std::string(rule.name);
    throw InputError({{std::make_shared<const std::string>(path), 1, 0}, "", found, names, hint});
}

/// Refuses a column that is probably one of those that are not there, misspelt; others are only reported.
void check_other_column(const std::string& path, const std::string& name, const ColumnMap& map) {
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < case_columns; ++i) {
        if (!map[i]) missing.emplace_back(column_rules[i].name);
    }
    if (const auto meant = closest_name(name, missing)) {
        fail_at_header(path, "a column " + quoted(name), "did you mean " + quoted(*meant) + "?");
    }
}

ColumnMap map_columns(const CsvTable& table, const std::string& path, CaseList& list) {
    ColumnMap map;
    std::vector<std::string> others;
    for (std::size_t i = 0; i < table.columns().size(); ++i) {
        const std::string& name = table.columns()[i];
        const auto rule = std::find_if(column_rules.begin(), column_rules.end(),
                                       [&](const ColumnRule& candidate) { return candidate.name == name; });
        if (rule != column_rules.end()) {
            map[static_cast<std::size_t>(rule - column_rules.begin())] = i;
        } else {
            others.push_back(name);
        }
    }
    for (const std::string& name : others) check_other_column(path, name, map);
    for (std::size_t i = 0; i < case_columns; ++i) {
        if (column_rules[i].needed && !map[i]) fail_at_header(path, "no column " + quoted(column_rules[i].name), "");
    }
    list.other_columns = std::move(others);
    return map;
}

Metric parse_metric(std::string_view text) {
    std::vector<std::string> names;
    for (const Metric metric : all_metrics) {
        if (name_of(metric) == text) return metric;
        names.emplace_back(name_of(metric));
    }
    throw BadCell{CaseColumn::metric, "found " + quoted(text) + ", expected a metric; " + suggestion(text, names)};
}

double parse_value(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && std::isfinite(value) && value > 0) return value;
    throw BadCell{CaseColumn::value, "found " + quoted(text) + ", expected a number above 0"};
}

void check_unit(std::string_view text, Metric metric) {
    const auto& spellings = unit_spellings[static_cast<std::size_t>(metric)];
    if (text.empty() || std::find(spellings.begin(), spellings.end(), text) != spellings.end()) return;
    throw BadCell{CaseColumn::unit, "found " + quoted(text) + ", expected " + std::string(spellings.front()) + " for " +
                                        std::string(name_of(metric))};
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// "steps=30;batch=1"
std::vector<std::pair<std::string, std::string>> parse_set(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> settings;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(';'), text.size());
        const std::string_view item = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (item.empty()) continue;
        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos || equals == 0 || equals + 1 == item.size()) {
            throw BadCell{CaseColumn::set, "found " + quoted(item) + ", expected name=value;name=value"};
        }
        settings.emplace_back(trimmed(item.substr(0, equals)), trimmed(item.substr(equals + 1)));
    }
    return settings;
}

/// Reads the rows of one file.
class CaseReader {
public:
    CaseReader(std::string_view text, const std::string& path)
        : text_(text),
          path_(std::make_shared<const std::string>(path)),
          table_(parse_csv(text, path)),
          line_starts_(line_starts(text)) {}

    CaseList read() {
        columns_ = map_columns(table_, *path_, list_);
        for (const Skip& skip : table_.malformed()) {
            list_.skipped.push_back(
                {{path_, static_cast<int>(skip.first_line), 0}, "", "found " + skip.reason, skip.rows});
        }
        for (std::size_t row = 0; row < table_.row_count(); ++row) read_row(row);
        return std::move(list_);
    }

private:
    [[nodiscard]] std::string_view cell(std::size_t row, CaseColumn column) const {
        const auto index = columns_[static_cast<std::size_t>(column)];
        return index ? table_.cell(row, *index) : std::string_view();
    }

    [[nodiscard]] std::string needed(std::size_t row, CaseColumn column) const {
        if (const std::string_view text = cell(row, column); !text.empty()) return std::string(text);
        throw BadCell{
            column, "found nothing, expected the " + std::string(column_rules[static_cast<std::size_t>(column)].name)};
    }

    void read_row(std::size_t row) {
        Case read;
        locate(read, row);
        try {
            fill(read, row);
            list_.cases.push_back(std::move(read));
        } catch (const BadCell& bad) {
            list_.skipped.push_back({read.where(bad.column), std::string(cell(row, CaseColumn::id)), bad.reason});
        }
    }

    void locate(Case& read, std::size_t row) const {
        const std::size_t line = table_.line(row);
        const std::vector<CellPosition> cells = cell_positions(text_.substr(line_starts_.at(line - 1)), line);
        for (std::size_t i = 0; i < case_columns; ++i) {
            const CellPosition at = columns_[i] && *columns_[i] < cells.size()
                                        ? cells[*columns_[i]]
                                        : CellPosition{static_cast<int>(line), 0};
            read.positions[i] = {path_, at.line, at.column};
        }
    }

    void fill(Case& read, std::size_t row) {
        read.id = needed(row, CaseColumn::id);
        check_new(read.id, row);
        read.workload = needed(row, CaseColumn::workload);
        read.gpu = needed(row, CaseColumn::gpu);
        read.stack = needed(row, CaseColumn::stack);
        read.set = cell(row, CaseColumn::set);
        read.settings = parse_set(read.set);
        read.levers = cell(row, CaseColumn::levers);
        read.metric = parse_metric(cell(row, CaseColumn::metric));
        read.measured = parse_value(cell(row, CaseColumn::value));
        check_unit(cell(row, CaseColumn::unit), read.metric);
        read.source = cell(row, CaseColumn::source);
        read.confidence = cell(row, CaseColumn::confidence);
    }

    void check_new(const std::string& id, std::size_t row) {
        const auto [known, is_new] = line_of_id_.emplace(id, table_.line(row));
        if (is_new) return;
        throw BadCell{CaseColumn::id,
                      "found a second " + quoted(id) + ", expected ids once; line " + std::to_string(known->second)};
    }

    std::string_view text_;
    std::shared_ptr<const std::string> path_;
    CsvTable table_;
    std::vector<std::size_t> line_starts_;
    ColumnMap columns_{};
    CaseList list_;
    std::map<std::string, std::size_t> line_of_id_;
};

}  // namespace

std::string_view name_of(Metric metric) {
    switch (metric) {
        case Metric::latency: return "latency_s";
        case Metric::iterations_per_s: return "it_per_s";
        case Metric::images_per_s: return "images_per_s";
        case Metric::tokens_per_s: return "tokens_per_s";
        case Metric::peak_memory_gib: return "peak_mem_gib";
    }
    return "";
}

std::string_view unit_of(Metric metric) { return unit_spellings[static_cast<std::size_t>(metric)].front(); }

CaseList parse_cases(std::string_view text, const std::string& path) { return CaseReader(text, path).read(); }

CaseList read_cases(const std::string& path) { return parse_cases(read_text(path), path); }

}  // namespace cupola::validation
