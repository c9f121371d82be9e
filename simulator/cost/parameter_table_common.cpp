#include "cupola/cost/parameter_families.hpp"

namespace cupola::cost_detail {

// Parameters of all laws; README.md states defaults, sources and what identifies each.
std::span<const ParameterInfo> common_parameters() {
    using P = CostParameters;
    static constexpr ParameterInfo table[] = {
        {"overlap_exponent", "", 4, 64,
         "how much two nearly equal bounds disturb each other: exponent of the smooth maximum",
         [](P& p) -> double& { return p.overlap_exponent; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
