#include "cupola/validation/measurements.hpp"

#include "cupola/units/suggest.hpp"
#include "cupola/validation/build_kernel.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace cupola::validation {
namespace {

constexpr double most_seconds = 1e6;
constexpr double most_buffers = 1e9;
constexpr double most_weight = 1e15;

/// A whole number, a real one, or a text.
Datum scalar_of(std::string_view cell) {
    const char* const end = cell.data() + cell.size();
    std::int64_t whole = 0;
    if (const auto [rest, error] = std::from_chars(cell.data(), end, whole); error == std::errc() && rest == end) {
        return whole;
    }
    double real = 0;
    if (const auto [rest, error] = std::from_chars(cell.data(), end, real);
        error == std::errc() && rest == end && std::isfinite(real)) {
        return real;
    }
    return std::string(cell);
}

/// A cell as a value: nothing, a scalar, or a list of such "(3, 1, 1)".
Datum datum_of(std::string_view cell) {
    if (cell.empty()) return {};
    if (cell.front() != '(' || cell.back() != ')') return scalar_of(cell);
    std::vector<Datum> list;
    for (std::string_view rest = cell.substr(1, cell.size() - 2); !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        list.push_back(scalar_of(rest.substr(0, comma)));
        rest.remove_prefix(std::min(rest.find_first_not_of(", ", comma), rest.size()));
    }
    return list;
}

std::string plain(const Datum& value) { return value.text() != nullptr ? *value.text() : text_of(value); }

/// "gemm bf16 cold" of a list.
std::string joined(const Datum& value) {
    if (value.list() == nullptr) return plain(value);
    std::string text;
    for (const Datum& part : *value.list()) text += (text.empty() ? "" : " ") + plain(part);
    return text;
}

/// Calls `visit` with every expression outside of `layers:`.
template <typename Visit>
void each_expression(const KernelSpec& kernel, const Visit& visit) {
    visit(kernel.count);
    for (const Expression& distance : kernel.reuse) visit(distance);
    if (const auto* gemm = std::get_if<GemmSpec>(&kernel.work)) {
        for (const auto* e : {&gemm->type, &gemm->weight, &gemm->output, &gemm->batch, &gemm->m, &gemm->n, &gemm->k,
                              &gemm->block_scaled}) {
            visit(*e);
        }
    } else if (const auto* a = std::get_if<AttentionSpec>(&kernel.work)) {
        for (const auto* e : {&a->type, &a->kv_type, &a->kernel, &a->batch, &a->heads, &a->kv_heads, &a->queries,
                              &a->keys, &a->head_dim, &a->value_dim, &a->causal, &a->window, &a->paged, &a->split}) {
            visit(*e);
        }
    } else if (const auto* c = std::get_if<ConvolutionSpec>(&kernel.work)) {
        for (const auto* e : {&c->type, &c->output, &c->batch, &c->in_channels, &c->out_channels, &c->groups, &c->input,
                              &c->kernel, &c->stride, &c->padding}) {
            visit(*e);
        }
    } else if (const auto* m = std::get_if<MemorySpec>(&kernel.work)) {
        for (const auto* e : {&m->type, &m->pattern, &m->elements, &m->rows, &m->flops, &m->mufu,
                              &m->clocks_per_element, &m->clocks_per_row, &m->threads_per_row, &m->in_flight_per_sm}) {
            visit(*e);
        }
        for (const OperandSpec& operand : m->operands) {
            for (const auto* e : {&operand.bytes, &operand.passes, &operand.run}) visit(*e);
        }
    }
}

template <typename Visit>
void each_expression(const RowSpec& row, const Visit& visit) {
    for (const auto* e : {&row.when, &row.group, &row.cache.state, &row.cache.buffers}) visit(*e);
    for (const KernelSpec& kernel : row.kernels) each_expression(kernel, visit);
    if (!row.layers) return;
    visit(row.layers->type);
    for (const StageInput& input : row.layers->inputs) {
        visit(input.type);
        for (const auto& [axis, size] : input.axes) visit(size);
    }
}

/// Reads the rows of one table.
class Reader {
public:
    Reader(const Adapter& adapter, const CsvTable& table, std::string path, const ReadOptions& options)
        : adapter_(adapter), table_(table), path_(std::move(path)), options_(options) {}

    Dataset read() {
        bind_columns();
        if (adapter_.gpu.column) {
            gpu_column_ = find_column(adapter_.gpu.column->column, adapter_.gpu.column->where);
        }
        check_names();
        data_.name = adapter_.name;
        data_.title = adapter_.title;
        data_.source = adapter_.source;
        data_.library = adapter_.library;
        data_.path = path_;
        data_.gpus = adapter_.gpus;
        data_.tolerance = adapter_.tolerance;
        data_.labels = adapter_.labels;
        if (!options_.shared) data_.skipped = table_.malformed();
        data_.rows.reserve(table_.row_count());
        for (std::size_t row = 0; row < table_.row_count(); ++row) read_row(row);
        std::stable_sort(data_.skipped.begin(), data_.skipped.end(),
                         [](const Skip& a, const Skip& b) { return a.first_line < b.first_line; });
        if (!options_.shared) refuse_nothing();
        return std::move(data_);
    }

private:
    // ------------------------------------------------------------------------------------------ columns and names

    std::size_t find_column(const std::string& name, const SourcePosition& where) const {
        const auto& columns = table_.columns();
        const auto found = std::find(columns.begin(), columns.end(), name);
        if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
        throw InputError(
            {where, "", "no column \"" + name + "\" in " + path_, "one of its columns", suggestion(name, columns)});
    }

    /// The columns that any expression asks for; the others are not looked at.
    void bind_columns() {
        std::unordered_set<NameId> mentioned;
        each_name([&](NameId name, const Expression&) { mentioned.insert(name); });
        for (const RowSpec& row : adapter_.rows) {
            if (row.layers) mentioned.insert(row.layers->names.begin(), row.layers->names.end());
        }
        const auto bind = [&](NameId name, std::size_t column) {
            if (mentioned.count(name) == 0) return;
            columns_.push_back(column);
            variables_.push_back({name, {}});
        };
        std::unordered_map<std::string_view, NameId> known;
        for (const NameId name : mentioned) known.emplace(adapter_.descriptor.names.text(name), name);
        for (std::size_t i = 0; i < table_.columns().size(); ++i) {
            const auto name = known.find(table_.columns()[i]);
            if (name != known.end()) bind(name->second, i);
        }
        for (const ColumnName& column : adapter_.columns) bind(column.name, find_column(column.column, column.where));
        if (known.count("line") == 0 || is_bound(adapter_.line)) return;
        variables_.push_back({adapter_.line, {}});
        binds_line_ = true;
    }

    bool is_bound(NameId name) const {
        return std::any_of(variables_.begin(), variables_.end(),
                           [name](const Binding& variable) { return variable.name == name; });
    }

    /// Names in `layers:` may be tensors and loop variables, which only the expansion knows.
    template <typename Visit>
    void each_name(const Visit& visit) const {
        const auto names = [&](const Expression& expression) {
            for (const NameId name : expression.names()) visit(name, expression);
        };
        names(adapter_.condition);
        names(adapter_.skip);
        names(adapter_.clocks.tensor);
        names(adapter_.clocks.simt);
        names(adapter_.launches);
        if (const auto& counters = adapter_.counters) {
            for (const auto* e : {&counters->group, &counters->dram, &counters->l1_hits, &counters->l2_hits}) names(*e);
        }
        for (const auto& [name, value] : adapter_.variables) names(value);
        names(adapter_.time);
        names(adapter_.overhead);
        names(adapter_.weight);
        for (const Expression& expression : adapter_.split) names(expression);
        for (const Expression& expression : adapter_.label) names(expression);
        for (const RowSpec& row : adapter_.rows) each_expression(row, names);
    }

    /// A name that is nothing is a mistake of the adapter, not of a row.
    void check_names() const {
        std::vector<std::string> known = table_.columns();
        std::unordered_set<NameId> defined;
        for (const Binding& variable : variables_) defined.insert(variable.name);
        for (const ColumnName& column : adapter_.columns) {
            known.push_back(adapter_.descriptor.names.text(column.name));
        }
        for (const auto& [name, value] : adapter_.variables) {
            defined.insert(name);
            known.push_back(adapter_.descriptor.names.text(name));
        }
        each_name([&](NameId name, const Expression& expression) {
            if (defined.count(name) != 0) return;
            const std::string& text = adapter_.descriptor.names.text(name);
            throw InputError({expression.where(), "", "\"" + text + "\" in \"" + expression.text() + "\"",
                              "a column of " + path_ + " or a name that `let` defines", suggestion(text, known)});
        });
    }

    // ------------------------------------------------------------------------------------------ rows

    void read_row(std::size_t row) {
        try {
            for (std::size_t i = 0; i < columns_.size(); ++i) {
                variables_[i].value = datum_of(table_.cell(row, columns_[i]));
            }
            variables_.resize(columns_.size() + (binds_line_ ? 1 : 0));
            if (binds_line_) variables_.back().value = static_cast<std::int64_t>(table_.line(row));
            if (!adapter_.condition.empty() && !evaluate_condition(adapter_.condition, environment())) {
                ++data_.rows_of_other;
                return;
            }
            if (options_.taken != nullptr) (*options_.taken)[row] = true;
            add_measurement(row);
        } catch (const InputError& error) {
            const SourcePosition& where = error.fault().where;
            skip(where.line > 0 ? where.text() : error.what(), error.what(), table_.line(row));
        }
    }

    void add_measurement(std::size_t row) {
        Measurement measurement;
        measurement.line = table_.line(row);
        if (!choose_gpu(row, measurement) || refuses(measurement.line)) return;
        for (const auto& [name, value] : adapter_.variables) {
            Datum datum = value.evaluate(environment());
            variables_.push_back({name, std::move(datum)});
        }
        const RowSpec* const spec = choose_spec();
        if (spec == nullptr) return skip("when", "no `when` of the adapter holds", measurement.line);
        if (spec->gpu) measurement.gpu = *spec->gpu;
        measurement.gpu = at_row_clocks(measurement.gpu);
        measurement.measured = measured_time();
        measurement.overhead = Seconds(evaluate_number(adapter_.overhead, environment(), "overhead", 0, most_seconds));
        measurement.weight = evaluate_number(adapter_.weight, environment(), "weight", 0, most_weight);
        if (!adapter_.launches.empty())
            measurement.launches = number_or(adapter_.launches, "launches", 0, most_weight, 0);
        measurement.counters = counters();
        measurement.kernels = kernels_of(*spec, measurement.gpu);
        if (is_hot(spec->cache)) {
            set_hot(measurement.kernels,
                    evaluate_number(spec->cache.buffers, environment(), "buffers", 1, most_buffers));
        }
        for (const Expression& part : adapter_.split) {
            measurement.shape_key += (measurement.shape_key.empty() ? "" : ",") + plain(part.evaluate(environment()));
        }
        measurement.test = is_test(measurement.shape_key);
        for (const Expression& part : adapter_.label) {
            const Datum value = part.evaluate(environment());
            if (value.is_none()) continue;
            measurement.label += (measurement.label.empty() ? "" : " ") + part.text() + "=" + plain(value);
        }
        measurement.group = group_index(joined(spec->group.evaluate(environment())));
        data_.rows.push_back(std::move(measurement));
    }

    /// Counts a row that says of itself that it cannot be used.
    bool refuses(std::size_t line) {
        if (adapter_.skip.empty()) return false;
        const Datum reason = adapter_.skip.evaluate(environment());
        if (reason.is_none()) return false;
        const std::string text = joined(reason);
        if (!text.empty()) skip(text, text, line);
        return !text.empty();
    }

    /// A value of which an empty cell says nothing.
    double number_or(const Expression& expression, std::string_view what, double min, double max,
                     double fallback) const {
        if (expression.evaluate(environment()).is_none()) return fallback;
        return evaluate_number(expression, environment(), what, min, max);
    }

    bool is_hot(const CacheState& cache) const {
        const std::string state = evaluate_text(cache.state, environment(), "hot or cold");
        if (state == "hot" || state == "cold") return state == "hot";
        throw InputError({cache.state.where(), "", "\"" + state + "\"", "hot or cold", ""});
    }

    std::optional<Counters> counters() const {
        if (!adapter_.counters) return std::nullopt;
        const auto read = [&](const Expression& expression, double max) -> std::optional<double> {
            if (expression.empty() || expression.evaluate(environment()).is_none()) return std::nullopt;
            return evaluate_number(expression, environment(), "a counter", 0, max);
        };
        Counters result;
        if (const auto bytes = read(adapter_.counters->dram, 0x1p60)) result.dram = Bytes(*bytes);
        result.l1_hits = read(adapter_.counters->l1_hits, 1);
        result.l2_hits = read(adapter_.counters->l2_hits, 1);
        if (!result.dram && !result.l1_hits && !result.l2_hits) return std::nullopt;
        result.group = joined(adapter_.counters->group.evaluate(environment()));
        return result;
    }

    /// The GPU at the clocks that the row states; boards of one kind may boost beyond its data sheet.
    std::uint32_t at_row_clocks(std::uint32_t base) {
        constexpr double beyond_boost = 1.3;
        const RowClocks& clocks = adapter_.clocks;
        if (clocks.tensor.empty() && clocks.simt.empty()) return base;
        Gpu gpu = data_.gpus[base];
        const auto read = [&](const Expression& expression, Hertz& clock) {
            if (expression.empty()) return;
            clock = Hertz(
                number_or(expression, "a clock in Hz", 1e8, beyond_boost * gpu.boost_clock.value(), clock.value()));
        };
        read(clocks.tensor, gpu.sustained_tensor_clock);
        read(clocks.simt, gpu.sustained_simt_clock);
        const auto key = std::tuple(base, gpu.sustained_tensor_clock.value(), gpu.sustained_simt_clock.value());
        const auto [entry, is_new] = clocked_.emplace(key, static_cast<std::uint32_t>(data_.gpus.size()));
        if (is_new) data_.gpus.push_back(std::move(gpu));
        return entry->second;
    }

    bool choose_gpu(std::size_t row, Measurement& measurement) {
        if (!adapter_.gpu.column) return true;
        const std::string_view cell = table_.cell(row, gpu_column_);
        for (const auto& [value, index] : adapter_.gpu.values) {
            if (value != cell) continue;
            measurement.gpu = index;
            return true;
        }
        const std::string reason = adapter_.gpu.column->column + " \"" + std::string(cell) + "\" is none of `names`";
        skip(reason, reason, measurement.line);
        return false;
    }

    const RowSpec* choose_spec() const {
        for (const RowSpec& spec : adapter_.rows) {
            if (spec.when.empty() || evaluate_condition(spec.when, environment())) return &spec;
        }
        return nullptr;
    }

    Seconds measured_time() const {
        const Datum value = adapter_.time.evaluate(environment());
        if (value.is_number() && value.number() > 0 && value.number() < most_seconds) return Seconds(value.number());
        throw InputError({adapter_.time.where(), "", text_of(value) + " from \"" + adapter_.time.text() + "\"",
                          "a time above 0, in seconds", ""});
    }

    std::vector<MeasuredKernel> kernels_of(const RowSpec& spec, std::uint32_t gpu) {
        if (spec.layers) return lowered(spec, data_.gpus[gpu].architecture);
        std::vector<MeasuredKernel> kernels;
        kernels.reserve(spec.kernels.size());
        for (const KernelSpec& kernel : spec.kernels) kernels.push_back(build_kernel(kernel, environment()));
        const auto launched = [](const MeasuredKernel& kernel) { return kernel.count > 0; };
        if (std::any_of(kernels.begin(), kernels.end(), launched)) return kernels;
        throw InputError({spec.kernels.front().count.where(), "", "no launch of any kernel", "a `count` above 0", ""});
    }

    /// Expanding and lowering takes far longer than reading a row, so it is done once for rows that agree.
    const std::vector<MeasuredKernel>& lowered(const RowSpec& row, Architecture architecture) {
        const LayersSpec& spec = *row.layers;
        std::string key = std::to_string(&row - adapter_.rows.data()) + std::string(name_of(architecture));
        for (const Binding& variable : variables_) {
            const bool mentioned = std::find(spec.names.begin(), spec.names.end(), variable.name) != spec.names.end();
            if (mentioned) key += ';' + text_of(variable.value);
        }
        auto found = lowered_.find(key);
        if (found == lowered_.end()) {
            found = lowered_.emplace(key, build_kernels(spec, adapter_.descriptor, variables_, architecture)).first;
        }
        return found->second;
    }

    std::uint32_t group_index(const std::string& name) {
        const auto [entry, inserted] = group_indices_.emplace(name, static_cast<std::uint32_t>(data_.groups.size()));
        if (inserted) data_.groups.push_back(name);
        return entry->second;
    }

    void skip(const std::string& place, const std::string& reason, std::size_t line) {
        const auto [entry, inserted] = skip_indices_.emplace(place, data_.skipped.size());
        if (inserted) data_.skipped.push_back({reason, 0, line});
        ++data_.skipped[entry->second].rows;
    }

    void refuse_nothing() const {
        if (!data_.rows.empty()) return;
        const auto file = std::make_shared<const std::string>(path_);
        if (data_.skipped.empty()) {
            const std::string found =
                data_.rows_of_other > 0 ? "no row for which `where` of the adapter holds" : "no rows";
            throw InputError({{file, 0, 0}, "", found, "at least one row of " + adapter_.name, ""});
        }
        const Skip& first = data_.skipped.front();
        throw InputError({{file, static_cast<int>(first.first_line), 0},
                          "",
                          "no row that " + adapter_.name + " can use",
                          "at least one",
                          "this one: " + first.reason});
    }

    [[nodiscard]] Environment environment() const { return {variables_, &adapter_.descriptor.names, nullptr}; }

    const Adapter& adapter_;
    const CsvTable& table_;
    std::string path_;
    ReadOptions options_;
    Dataset data_;
    std::vector<std::size_t> columns_;  ///< of the first variables
    std::vector<Binding> variables_;
    bool binds_line_ = false;  ///< the variable behind those of columns
    std::size_t gpu_column_ = 0;
    std::unordered_map<std::string, std::uint32_t> group_indices_;
    std::map<std::string, std::size_t> skip_indices_;  ///< by the place in the adapter that refused
    std::unordered_map<std::string, std::vector<MeasuredKernel>> lowered_;
    std::map<std::tuple<std::uint32_t, double, double>, std::uint32_t> clocked_;  ///< GPUs at the clocks of rows
};

}  // namespace

Dataset read_measurements(const Adapter& adapter, const CsvTable& table, const std::string& path,
                          const ReadOptions& options) {
    return Reader(adapter, table, path, options).read();
}

}  // namespace cupola::validation
