#include "probe/sections/sections.hpp"

#include <map>

namespace cupola::probe {

Operation operation_of(const Case& measured, Session& session) {
    using Prepare = Operation (*)(const Case&, Session&);
    static const std::map<std::string_view, Prepare> operations = {
        {"stream", stream_operation},       {"gather", gather_operation},       {"transpose", transpose_operation},
        {"permute", permute_operation},     {"row_norm", row_norm_operation},   {"group_norm", group_norm_operation},
        {"pointwise", pointwise_operation}, {"upsample", upsample_operation},   {"gemm", gemm_operation},
        {"conv", convolution_operation},    {"attention", attention_operation}, {"traffic", traffic_operation},
    };
    return operations.at(measured.kind().name)(measured, session);
}

std::vector<Row> measure_case(const Case& measured, Session& session) {
    using Run = Row (*)(const Case&, Session&);
    static const std::map<std::string_view, Run> others = {
        {"launch", measure_launch}, {"rate", measure_rate},         {"sustained", measure_sustained},
        {"pair", measure_pair},     {"sequence", measure_sequence}, {"replay", measure_replay},
    };
    const std::string_view kind = measured.kind().name;
    if (kind == "facts") return measure_facts(measured, session);
    if (const auto other = others.find(kind); other != others.end()) return {other->second(measured, session)};
    return {session.measured(measured, operation_of(measured, session))};
}

}  // namespace cupola::probe
