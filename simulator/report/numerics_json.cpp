#include "cupola/report/json.hpp"
#include "cupola/report/numerics.hpp"

namespace cupola {
namespace {

using namespace numerics;

json deviation_json(const Deviation& deviation) {
    return {{"max", number_json(deviation.largest)},
            {"relative_l2", number_json(deviation.relative_l2)},
            {"wasserstein", number_json(deviation.wasserstein)}};
}

json precision_json(const Precision& precision) {
    json result = json::object();
    for (const Step& step : all_steps) result[std::string(step.name)] = name_of(precision.*step.format);
    return result;
}

json row_json(const StudyRow& row) {
    return {{"format", name_of(row.format)},
            {"preset", name_of(row.preset)},
            {"outer", name_of(row.tiling.outer)},
            {"keys", row.keys},
            {"query_tile", row.tiling.query_tile},
            {"key_tile", row.tiling.key_tile},
            {"rescales", row.rescaled()},
            {"raised", row.raised},
            {"baseline", deviation_json(row.baseline)},
            {"tiled", deviation_json(row.tiled)},
            {"apart", deviation_json(row.apart)},
            {"precision",
             {{"baseline", precision_json(row.precision.baseline)}, {"tiled", precision_json(row.precision.tiled)}}}};
}

}  // namespace

std::string numerics_json(const Study& study, const std::vector<StudyRow>& rows) {
    json list = json::array();
    for (const StudyRow& row : rows) list.push_back(row_json(row));
    const json document{{"head_dim", study.head_dim}, {"queries", study.queries},       {"trials", study.trials},
                        {"seed", study.seed},         {"value_mean", study.value_mean}, {"rows", list}};
    return document.dump(2) + "\n";
}

}  // namespace cupola
