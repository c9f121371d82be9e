#include "cupola/report/json.hpp"

#include "cupola/kernel/kernel_kind.hpp"
#include "cupola/report/describe.hpp"

#include <cmath>

namespace cupola {
namespace {

/// Doubles beyond this are not told apart from their whole neighbours.
constexpr double largest_exact = 9007199254740992.0;
/// Beyond this a count stays a floating-point number.
constexpr double largest_integer = 9.2e18;

json sizes_json(const GemmWork& work) {
    json sizes{{"batch", work.batch}, {"m", work.m}, {"n", work.n}, {"k", work.k}};
    if (work.weight) sizes["weight"] = name_of(*work.weight);
    if (work.block_scaled) sizes["block_scaled"] = true;
    return sizes;
}

json sizes_json(const ConvolutionWork& work) {
    return {{"batch", work.batch},
            {"in_channels", work.in_channels},
            {"out_channels", work.out_channels},
            {"groups", work.groups},
            {"input", work.input},
            {"output", work.output},
            {"kernel", work.kernel},
            {"stride", work.stride}};
}

json sizes_json(const AttentionWork& work) {
    return {{"batch", work.batch},         {"heads", work.heads},   {"kv_heads", work.kv_heads},
            {"queries", work.queries},     {"keys", work.keys},     {"head_dim", work.head_dim},
            {"value_dim", work.value_dim}, {"causal", work.causal}, {"kernel", name_of(work.kernel)},
            {"window", work.window},       {"paged", work.paged}};
}

json sizes_json(const MemoryWork& work) {
    return {{"pattern", name_of(work.pattern)}, {"elements", work.elements}, {"rows", work.rows}};
}

}  // namespace

json whole_json(double value) {
    if (!std::isfinite(value)) return nullptr;
    if (std::abs(value) >= largest_integer) return value;
    return static_cast<std::int64_t>(std::llround(value));
}

json number_json(double value) {
    if (!std::isfinite(value)) return nullptr;
    if (std::abs(value) <= largest_exact && value == std::round(value)) return whole_json(value);
    return value;
}

json parameters_json(const std::vector<ParameterSetting>& parameters) {
    json result = json::object();
    for (const ParameterSetting& parameter : parameters) {
        const json value = json::parse(parameter.value, nullptr, false);
        result[parameter.name] = value.is_number() || value.is_boolean() ? value : json(parameter.value);
    }
    return result;
}

json work_json(const Work& work) {
    json result{{"kind", name_of(kernel_kind(work))}};
    result.update(std::visit([](const auto& sizes) { return sizes_json(sizes); }, work));
    return result;
}

}  // namespace cupola
