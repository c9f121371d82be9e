#include "cupola/report/validation.hpp"

#include <fmt/format.h>

#include <iterator>

namespace cupola {
namespace {

using namespace validation;

/// In quotes where RFC 4180 wants them.
std::string cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + "\"";
}

void append_row(std::string& text, const Evaluation& evaluation, std::size_t index) {
    const Dataset& data = evaluation.data;
    const Measurement& row = data.rows[index];
    const ComparedRow& compared = evaluation.rows[index];
    const KernelCost& cost = compared.cost;
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{},{:.6g},{:.6g},{:.6f},{:.6g},{:.6g}",
                   cell(data.name), row.line, cell(data.groups[row.group]),
                   name_of(row.test ? Split::test : Split::train), cell(row.label), data.gpus[row.gpu].name,
                   compared.kind, name_of(compared.type), cell(row.shape_key), row.measured.value(), cost.time.value(),
                   compared.error, compared.interval.low.value(), compared.interval.high.value());
    for (const Bound bound : all_bounds) {
        fmt::format_to(std::back_inserter(text), ",{:.6g}", cost.of(bound).value());
    }
    fmt::format_to(std::back_inserter(text), ",{:.6g},{:.6g},{:.6g},{}\n", cost.l2_bytes.value(),
                   cost.dram_bytes.value(), cost.flops.value(), name_of(cost.bound));
}

}  // namespace

std::string validation_csv(const std::vector<Evaluation>& evaluations) {
    std::string text =
        "dataset,line,group,split,label,gpu,kind,dtype,shape_key,measured_s,predicted_s,error,low_s,high_s";
    for (const Bound bound : all_bounds) text += "," + std::string(name_of(bound)) + "_s";
    text += ",l2_bytes,dram_bytes,flop,bound\n";
    for (const Evaluation& evaluation : evaluations) {
        for (std::size_t i = 0; i < evaluation.rows.size(); ++i) append_row(text, evaluation, i);
    }
    return text;
}

}  // namespace cupola
