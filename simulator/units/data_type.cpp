#include "cupola/units/data_type.hpp"

#include <array>
#include <utility>

namespace cupola {
namespace {

constexpr std::array<std::pair<DataType, std::string_view>, 10> names{{
    {DataType::fp32, "fp32"},
    {DataType::tf32, "tf32"},
    {DataType::fp16, "fp16"},
    {DataType::bf16, "bf16"},
    {DataType::fp8, "fp8"},
    {DataType::fp4, "fp4"},
    {DataType::int8, "int8"},
    {DataType::int4, "int4"},
    {DataType::int32, "int32"},
    {DataType::int64, "int64"},
}};

}  // namespace

std::string_view name_of(DataType type) {
    for (const auto& [candidate, name] : names) {
        if (candidate == type) return name;
    }
    return "unknown";
}

std::optional<DataType> parse_data_type(std::string_view name) {
    for (const auto& [type, candidate] : names) {
        if (candidate == name) return type;
    }
    return std::nullopt;
}

std::string_view data_type_names() { return "fp32, tf32, fp16, bf16, fp8, fp4, int8, int4, int32, int64"; }

}  // namespace cupola
