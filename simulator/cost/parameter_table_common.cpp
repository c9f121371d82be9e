#include "cupola/cost/parameter_families.hpp"

namespace cupola::cost_detail {

// Parameters of all laws; README.md states defaults, sources and what identifies each.
std::span<const ParameterInfo> common_parameters() {
    using P = CostParameters;
    static constexpr ParameterInfo table[] = {
        {"overlap_exponent", "", 4, 64,
         "how much two nearly equal bounds disturb each other: exponent of the smooth maximum",
         [](P& p) -> double& { return p.overlap_exponent; }},
        {"eviction_width", "share", 0.05, 2,
         "footprint beyond usable L2 at which nothing of a tensor is left, of usable L2",
         [](P& p) -> double& { return p.eviction_width; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
