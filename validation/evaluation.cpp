#include "cupola/validation/evaluation.hpp"

#include "cupola/kernel/kernel_kind.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace cupola::validation {
namespace {

constexpr std::array<Split, 3> splits{Split::test, Split::train, Split::all};

void add(KernelCost& sum, const KernelCost& cost, double count) {
    sum.time += cost.time * count;
    sum.tensor += cost.tensor * count;
    sum.simt += cost.simt * count;
    sum.mufu += cost.mufu * count;
    sum.l2 += cost.l2 * count;
    sum.dram += cost.dram * count;
    sum.launch += cost.launch * count;
    sum.l2_bytes += cost.l2_bytes * count;
    sum.dram_bytes += cost.dram_bytes * count;
    sum.flops += cost.flops * count;
}

/// The interval of a row: that of its main kernel's class at the time of all its kernels, as the fit states it.
Interval interval_of(const Measurement& row, const Kernel& main, Seconds kernels, const ModelParameters& parameters) {
    const LibraryCalibration* const fitted = parameters.fitted ? &*parameters.fitted : nullptr;
    const Uncertainty uncertainty = uncertainty_of(main, kernels, fitted, parameters.general);
    return {row.overhead + kernels * uncertainty.low, row.overhead + kernels * uncertainty.high};
}

ComparedRow compare(const Measurement& row, const Gpu& gpu, const ModelParameters& parameters) {
    ComparedRow compared;
    const Kernel* main = nullptr;
    Seconds longest(-1);
    for (const MeasuredKernel& measured : row.kernels) {
        const KernelCost cost = price(measured.kernel, gpu, parameters.values);
        add(compared.cost, cost, measured.count);
        if (cost.time * measured.count <= longest) continue;
        longest = cost.time * measured.count;
        main = &measured.kernel;
    }
    if (main != nullptr) {
        compared.kind = name_of(kernel_kind(main->work));
        compared.type = main->type;
        compared.interval = interval_of(row, *main, compared.cost.time, parameters);
    }
    compared.cost.time += row.overhead;
    compared.cost.launch += row.overhead;
    for (const Bound bound : all_bounds) {
        if (compared.cost.of(bound) > compared.cost.of(compared.cost.bound)) compared.cost.bound = bound;
    }
    compared.error = relative_error(compared.cost.time, row.measured);
    return compared;
}

bool belongs(const Measurement& row, Split split) { return split == Split::all || row.test == (split == Split::test); }

/// Summaries of the rows by an index into `names` that `key` gives for each.
std::vector<ErrorGroup> grouped(const Evaluation& evaluation, const std::vector<std::string>& names,
                                const std::function<std::size_t(std::size_t row)>& key) {
    struct Members {
        std::vector<double> errors;
        double inside = 0, predicted = 0, measured = 0;
    };
    std::vector<std::array<Members, splits.size()>> members(names.size());
    for (std::size_t row = 0; row < evaluation.rows.size(); ++row) {
        const Measurement& measurement = evaluation.data.rows[row];
        const Interval& interval = evaluation.rows[row].interval;
        const bool inside = measurement.measured >= interval.low && measurement.measured <= interval.high;
        for (std::size_t s = 0; s < splits.size(); ++s) {
            if (!belongs(measurement, splits[s])) continue;
            Members& group = members[key(row)][s];
            group.errors.push_back(evaluation.rows[row].error);
            group.inside += inside ? 1 : 0;
            group.predicted += measurement.weight * evaluation.rows[row].cost.time.value();
            group.measured += measurement.weight * measurement.measured.value();
        }
    }
    std::vector<ErrorGroup> groups;
    for (std::size_t i = 0; i < names.size(); ++i) {
        for (std::size_t s = 0; s < splits.size(); ++s) {
            const Members& group = members[i][s];
            if (group.errors.empty()) continue;
            const double coverage = group.inside / static_cast<double>(group.errors.size());
            const double total = group.measured > 0 ? group.predicted / group.measured - 1 : 0;
            groups.push_back({names[i], splits[s], summarise(group.errors), total, coverage, false, true});
        }
    }
    return groups;
}

/// The same by a text of each row; names in order of first appearance.
std::vector<ErrorGroup> grouped_by_text(const Evaluation& evaluation,
                                        const std::function<std::string_view(std::size_t row)>& text) {
    std::vector<std::string> names;
    std::vector<std::size_t> index(evaluation.rows.size());
    for (std::size_t row = 0; row < evaluation.rows.size(); ++row) {
        const std::string_view name = text(row);
        const auto found = std::find(names.begin(), names.end(), name);
        index[row] = static_cast<std::size_t>(found - names.begin());
        if (found == names.end()) names.emplace_back(name);
    }
    return grouped(evaluation, names, [&](std::size_t row) { return index[row]; });
}

std::vector<Breakdown> breakdowns_of(const Evaluation& evaluation) {
    const Dataset& data = evaluation.data;
    std::vector<std::string> sizes;
    for (const SizeClass size : {SizeClass::below_10us, SizeClass::to_100us, SizeClass::to_1ms, SizeClass::above_1ms}) {
        sizes.emplace_back(name_of(size));
    }
    return {{"size",
             grouped(evaluation, sizes,
                     [&](std::size_t row) { return static_cast<std::size_t>(size_class(data.rows[row].measured)); })},
            {"kind", grouped_by_text(evaluation, [&](std::size_t row) { return evaluation.rows[row].kind; })},
            {"dtype", grouped_by_text(evaluation, [&](std::size_t row) { return name_of(evaluation.rows[row].type); })},
            {"gpu", grouped_by_text(evaluation, [&](std::size_t row) {
                 return std::string_view(data.gpus[data.rows[row].gpu].name);
             })}};
}

std::vector<std::size_t> worst_of(const Evaluation& evaluation) {
    std::vector<std::size_t> order(evaluation.rows.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto worse = [&](std::size_t a, std::size_t b) {
        const bool test_a = evaluation.data.rows[a].test, test_b = evaluation.data.rows[b].test;
        if (test_a != test_b) return test_a;
        return std::abs(evaluation.rows[a].error) > std::abs(evaluation.rows[b].error);
    };
    const std::size_t count = std::min(worst_rows, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), worse);
    order.resize(count);
    return order;
}

void judge(std::vector<ErrorGroup>& groups, const Tolerance& tolerance) {
    if (!tolerance.mape && !tolerance.bias) return;
    for (ErrorGroup& group : groups) {
        if (group.split != Split::test) continue;
        group.judged = true;
        group.within_tolerance = (!tolerance.mape || group.errors.mape <= *tolerance.mape) &&
                                 (!tolerance.bias || std::abs(group.errors.bias) <= *tolerance.bias);
    }
}

}  // namespace

ModelParameters architecture_defaults(const Gpu& gpu, const std::string&) {
    return {default_parameters(gpu.architecture), "defaults of " + std::string(name_of(gpu.architecture)), {}, {}};
}

std::string_view name_of(Split split) {
    switch (split) {
        case Split::test: return "test";
        case Split::train: return "train";
        case Split::all: return "all";
    }
    return "";
}

SizeClass size_class(Seconds measured) {
    if (measured < Seconds(10e-6)) return SizeClass::below_10us;
    if (measured < Seconds(100e-6)) return SizeClass::to_100us;
    return measured < Seconds(1e-3) ? SizeClass::to_1ms : SizeClass::above_1ms;
}

std::string_view name_of(SizeClass size) {
    switch (size) {
        case SizeClass::below_10us: return "below 10 us";
        case SizeClass::to_100us: return "10 to 100 us";
        case SizeClass::to_1ms: return "0.1 to 1 ms";
        case SizeClass::above_1ms: return "above 1 ms";
    }
    return "";
}

bool Evaluation::within_tolerance() const {
    return std::all_of(groups.begin(), groups.end(), [](const ErrorGroup& group) { return group.within_tolerance; });
}

Evaluation evaluate(Dataset data, const ParameterSource& parameters, const Tolerance& tolerance) {
    Evaluation evaluation;
    evaluation.data = std::move(data);
    Tolerance& accepted = evaluation.data.tolerance;
    if (tolerance.mape) accepted.mape = tolerance.mape;
    if (tolerance.bias) accepted.bias = tolerance.bias;
    std::vector<ModelParameters> by_gpu;
    for (const Gpu& gpu : evaluation.data.gpus) {
        by_gpu.push_back(parameters(gpu, evaluation.data.library));
        evaluation.parameters.push_back(by_gpu.back().origin);
    }
    evaluation.rows.reserve(evaluation.data.rows.size());
    for (const Measurement& row : evaluation.data.rows) {
        evaluation.rows.push_back(compare(row, evaluation.data.gpus[row.gpu], by_gpu[row.gpu]));
    }
    evaluation.groups = grouped(evaluation, evaluation.data.groups,
                                [&](std::size_t row) { return std::size_t{evaluation.data.rows[row].group}; });
    judge(evaluation.groups, accepted);
    evaluation.breakdowns = breakdowns_of(evaluation);
    evaluation.worst = worst_of(evaluation);
    return evaluation;
}

}  // namespace cupola::validation
