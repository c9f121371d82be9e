#include "cupola/cost/parameter_table.hpp"

#include "cupola/cost/parameter_families.hpp"

#include <algorithm>
#include <vector>

namespace cupola {
namespace {

std::vector<ParameterInfo> joined_families() {
    using namespace cost_detail;
    std::vector<ParameterInfo> table;
    for (const auto family : {common_parameters(), gemm_parameters(), quant_parameters(), convolution_parameters(),
                              attention_parameters(), memory_parameters()}) {
        table.insert(table.end(), family.begin(), family.end());
    }
    return table;
}

}  // namespace

std::span<const ParameterInfo> parameter_table() {
    static const std::vector<ParameterInfo> table = joined_families();
    return table;
}

const ParameterInfo* find_parameter(std::string_view name) {
    const auto table = parameter_table();
    const auto found = std::find_if(table.begin(), table.end(), [&](const auto& info) { return info.name == name; });
    return found == table.end() ? nullptr : &*found;
}

}  // namespace cupola
