#include "cupola/validation/case_evaluation.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>

namespace cupola::validation {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<std::string_view, 5> decoding_stages{"decode", "decoder", "text_decoder", "draft", "verify"};

std::optional<double> parameter(const Prediction& prediction, std::string_view name) {
    for (const ParameterSetting& setting : prediction.parameters) {
        if (setting.name != name) continue;
        double value = 0;
        const char* const end = setting.value.data() + setting.value.size();
        const auto parsed = std::from_chars(setting.value.data(), end, value);
        return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(value) : std::nullopt;
    }
    return std::nullopt;
}

const PredictedStage* longest_stage(const Prediction& prediction) {
    const auto longest = std::max_element(prediction.stages.begin(), prediction.stages.end(),
                                          [](const auto& a, const auto& b) { return a.span.latency < b.span.latency; });
    return longest == prediction.stages.end() ? nullptr : &*longest;
}

/// Latency and steps of the stages that a test holds for.
template <typename Test>
std::pair<Seconds, double> time_and_steps(const Prediction& prediction, const Test& belongs) {
    std::pair<Seconds, double> sum;
    for (const PredictedStage& stage : prediction.stages) {
        if (!belongs(stage.name)) continue;
        sum.first += stage.span.latency;
        sum.second += stage.steps;
    }
    return sum;
}

double rate(double count, Seconds time) { return time > Seconds(0) ? count / time.value() : nothing; }

double iterations_per_second(const Prediction& prediction) {
    const auto [time, passes] =
        time_and_steps(prediction, [](const std::string& name) { return name.find("denoiser") != std::string::npos; });
    const std::optional<double> steps = parameter(prediction, "steps");
    if (steps && passes > 0) return rate(*steps, time);
    const PredictedStage* const longest = longest_stage(prediction);
    return longest == nullptr ? nothing : rate(longest->steps, longest->span.latency);
}

double tokens_per_second(const Prediction& prediction) {
    const auto [time, passes] = time_and_steps(prediction, [](const std::string& name) {
        return std::find(decoding_stages.begin(), decoding_stages.end(), name) != decoding_stages.end();
    });
    std::optional<double> tokens = parameter(prediction, "tokens");
    if (!tokens) tokens = parameter(prediction, "image_tokens");
    return rate(tokens.value_or(passes) * parameter(prediction, "batch").value_or(1), time);
}

std::optional<ComparedCase> compare(const Case& measured, const CasePredictor& predict,
                                    std::vector<SkippedCase>& skipped) {
    const auto skip = [&](CaseColumn column, const std::string& reason) {
        skipped.push_back({measured.where(column), measured.id, reason});
        return std::nullopt;
    };
    try {
        const Prediction prediction = predict(measured);
        const double predicted = predicted_value(prediction, measured.metric);
        if (!std::isfinite(predicted)) {
            return skip(CaseColumn::metric, "found " + std::string(name_of(measured.metric)) +
                                                ", expected a metric that " + measured.workload + " has a stage for");
        }
        const double idle = prediction.span.latency > Seconds(0) ? prediction.span.idle / prediction.span.latency : 0;
        return ComparedCase{measured,
                            predicted,
                            relative_error(predicted, measured.measured),
                            idle,
                            bound_of(prediction),
                            prediction.fits_memory()};
    } catch (const CaseError& error) {
        return skip(error.column(), error.what());
    }
}

/// Cases by a text of each, in order of first appearance.
template <typename Text>
void add_groups(std::vector<CaseGroup>& groups, const std::string& by, const std::vector<ComparedCase>& cases,
                const Text& text) {
    std::vector<std::pair<std::string, std::vector<double>>> errors;
    for (const ComparedCase& compared : cases) {
        const std::string name(text(compared));
        auto found = std::find_if(errors.begin(), errors.end(), [&](const auto& group) { return group.first == name; });
        if (found == errors.end()) found = errors.insert(errors.end(), {name, {}});
        found->second.push_back(compared.error);
    }
    for (const auto& [name, of_group] : errors) groups.push_back({by, name, summarise(of_group)});
}

std::vector<CaseGroup> groups_of(const std::vector<ComparedCase>& cases) {
    std::vector<CaseGroup> groups;
    add_groups(groups, "all", cases, [](const ComparedCase&) { return "all"; });
    add_groups(groups, "bound", cases, [](const ComparedCase& c) { return c.bound.name(); });
    if (groups.size() == 3 && groups[1].name == "host-bound") std::swap(groups[1], groups[2]);
    add_groups(groups, "model", cases, [](const ComparedCase& c) { return c.measured.workload; });
    add_groups(groups, "gpu", cases, [](const ComparedCase& c) { return c.measured.gpu; });
    add_groups(groups, "stack", cases, [](const ComparedCase& c) { return c.measured.stack; });
    return groups;
}

std::vector<std::size_t> worst_of(const std::vector<ComparedCase>& cases) {
    std::vector<std::size_t> order(cases.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return std::abs(cases[a].error) > std::abs(cases[b].error); });
    order.resize(std::min(order.size(), worst_cases));
    return order;
}

/// Indices of the cases, those of one workload and `set` together.
std::vector<std::size_t> by_expansion(const std::vector<Case>& cases) {
    std::vector<std::size_t> order(cases.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::tie(cases[a].workload, cases[a].set) < std::tie(cases[b].workload, cases[b].set);
    });
    return order;
}

void sort_by_place(std::vector<SkippedCase>& skipped) {
    std::stable_sort(skipped.begin(), skipped.end(), [](const SkippedCase& a, const SkippedCase& b) {
        return std::tie(*a.where.file, a.where.line) < std::tie(*b.where.file, b.where.line);
    });
}

}  // namespace

double predicted_value(const Prediction& prediction, Metric metric) {
    switch (metric) {
        case Metric::latency: return prediction.span.latency.value();
        case Metric::iterations_per_s: return iterations_per_second(prediction);
        case Metric::images_per_s: return rate(parameter(prediction, "batch").value_or(1), prediction.span.latency);
        case Metric::tokens_per_s: return tokens_per_second(prediction);
        case Metric::peak_memory_gib: return prediction.peak_memory_bytes / Bytes(0x1p30);
    }
    return nothing;
}

CaseBound bound_of(const Prediction& prediction) {
    CaseBound bound;
    const PredictedStage* const longest = longest_stage(prediction);
    if (longest == nullptr) return bound;
    bound.host = longest->host_bound();
    Seconds most;
    for (const Bound candidate : all_bounds) {
        const Seconds time = longest->busy_by_bound[static_cast<std::size_t>(candidate)];
        if (time <= most) continue;
        most = time;
        bound.limit = candidate;
    }
    return bound;
}

bool CaseEvaluation::within_tolerance() const {
    if (!tolerance.mape && !tolerance.bias) return true;
    if (groups.empty()) return false;
    const ErrorSummary& all = groups.front().errors;
    return (!tolerance.mape || all.mape <= *tolerance.mape) &&
           (!tolerance.bias || std::abs(all.bias) <= *tolerance.bias);
}

CaseEvaluation evaluate(CaseList list, const CasePredictor& predict, const Tolerance& tolerance) {
    CaseEvaluation evaluation;
    evaluation.tolerance = tolerance;
    evaluation.skipped = std::move(list.skipped);
    evaluation.other_columns = std::move(list.other_columns);
    std::vector<std::optional<ComparedCase>> compared(list.cases.size());
    for (const std::size_t i : by_expansion(list.cases)) {
        compared[i] = compare(list.cases[i], predict, evaluation.skipped);
    }
    for (std::optional<ComparedCase>& one : compared) {
        if (one) evaluation.cases.push_back(std::move(*one));
    }
    sort_by_place(evaluation.skipped);
    evaluation.groups = groups_of(evaluation.cases);
    evaluation.worst = worst_of(evaluation.cases);
    return evaluation;
}

}  // namespace cupola::validation
