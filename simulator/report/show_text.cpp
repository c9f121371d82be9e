#include "cupola/report/columns.hpp"
#include "cupola/report/describe.hpp"
#include "cupola/report/report.hpp"
#include "cupola/units/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace cupola {
namespace {

std::string title_line(const TextStyle& style, const std::string& name, const std::string& title) {
    return painted(style, Paint::bold, name) + (title.empty() ? "" : "  " + title) + "\n";
}

std::string heading(const TextStyle& style, std::string_view text) {
    return "\n" + painted(style, Paint::bold, text) + "\n";
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

/// Field, value and source; recalled facts say so.
std::string facts_text(const std::vector<Fact>& facts, const TextStyle& style) {
    std::size_t field_width = 0, value_width = 0;
    for (const Fact& fact : facts) {
        field_width = std::max(field_width, display_width(fact.field));
        value_width = std::max(value_width, display_width(fact.value));
    }
    std::string result;
    const std::size_t indent = 2 + field_width + 2 + value_width + 2;
    for (const Fact& fact : facts) {
        std::vector<std::string> words = words_of(fact.source);
        if (fact.recalled) words.insert(words.begin(), painted(style, Paint::warning, "[recalled]"));
        const std::string field = fact.field + std::string(field_width - display_width(fact.field), ' ');
        const std::string value = std::string(value_width - display_width(fact.value), ' ') + fact.value;
        result +=
            fmt::format("  {}  {}  {}\n", field, value, wrapped(words, std::max(style.width, indent + 30), indent));
    }
    return result;
}

std::string peaks_text(const Gpu& gpu) {
    Columns columns({Align::left, Align::right, Align::right});
    columns.add({"type", "peak, sustained clock", "ridge point"});
    for (const DataType type :
         {DataType::fp32, DataType::tf32, DataType::fp16, DataType::bf16, DataType::fp8, DataType::int8}) {
        if (type != DataType::fp32 && tensor_rate(gpu, type) <= 0) continue;
        columns.add(
            {std::string(name_of(type)), format(peak_matrix_throughput(gpu, type)), format(ridge_point(gpu, type))});
    }
    return columns.text(2);
}

std::string parameters_text(const Workload& workload, const TextStyle& style) {
    Columns columns({Align::left, Align::right, Align::right, Align::left, Align::left});
    columns.add({"", "value", "default", "unit", "range"});
    for (const ParameterSetting& parameter : workload.parameters) {
        const std::string value =
            parameter.is_default ? parameter.value : painted(style, Paint::accent, parameter.value + "*");
        columns.add({parameter.name, value, parameter.fallback, parameter.unit, parameter.range},
                    parameter.about.empty() ? "" : "      " + wrapped(words_of(parameter.about), style.width, 6));
    }
    return columns.text(2);
}

std::string stages_text(const Workload& workload) {
    Columns columns({Align::left, Align::left, Align::right, Align::right, Align::right});
    columns.add({"stage", "component", "steps", "passes", "operators"});
    for (const Stage& stage : workload.stages) {
        const std::size_t operators = stage.passes.empty() ? 0 : stage.passes.front().graph.operators.size();
        columns.add({stage.name, stage.component, count_text(stage.steps()), std::to_string(stage.passes.size()),
                     std::to_string(operators)});
    }
    return columns.text(2);
}

std::string components_text(const Workload& workload) {
    Columns columns({Align::left, Align::right, Align::right});
    columns.add({"component", "parameters", "weights"});
    for (const Component& component : workload.components) {
        columns.add({component.name, format_count(component.parameters), format(Bytes(component.weight_bytes))});
    }
    return columns.text(2);
}

}  // namespace

std::string gpu_text(const Gpu& gpu, const TextStyle& style) {
    return title_line(style, gpu.name, fmt::format("{} ({})", gpu.product, name_of(gpu.architecture))) +
           heading(style, "Facts") + facts_text(gpu.facts, style) + heading(style, "Derived") + peaks_text(gpu);
}

std::string stack_text(const Stack& stack, const TextStyle& style) {
    return title_line(style, stack.name, stack.title) + heading(style, "Facts") + facts_text(stack.facts, style);
}

std::string workload_text(const Workload& workload, const TextStyle& style) {
    std::string result = title_line(style, workload.name, workload.title);
    if (!workload.status.empty()) result += "  " + wrapped(words_of(workload.status), style.width, 2) + "\n";
    if (!workload.parameters.empty()) {
        result += heading(style, "Parameters (--set name=value)") + parameters_text(workload, style);
    }
    result += heading(style, "Components") + components_text(workload);
    result += heading(style, "Stages") + stages_text(workload);
    if (!workload.sources.empty()) result += heading(style, "Sources");
    for (const std::string& source : workload.sources) {
        result += "  - " + wrapped(words_of(source), style.width, 4) + "\n";
    }
    return result;
}

std::string list_text(const std::vector<NamedItem>& items, const TextStyle& style) {
    Columns columns({Align::left, Align::left});
    for (const NamedItem& item : items) columns.add({painted(style, Paint::bold, item.name), item.title});
    return columns.text(0);
}

}  // namespace cupola
