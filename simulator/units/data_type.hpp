#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace cupola {

/// Element type of a tensor or of a matrix instruction. `tf32` is stored in 4 bytes like `fp32`.
enum class DataType { fp32, tf32, fp16, bf16, fp8, fp4, int8, int4, int32, int64 };
inline constexpr std::array<DataType, 10> all_data_types{
    DataType::fp32, DataType::tf32, DataType::fp16, DataType::bf16,  DataType::fp8,
    DataType::fp4,  DataType::int8, DataType::int4, DataType::int32, DataType::int64};

/// Storage of one element in bytes (0.5 for int4 and fp4).
[[nodiscard]] constexpr double bytes_per_element(DataType type) {
    switch (type) {
        case DataType::int64: return 8.0;
        case DataType::fp32:
        case DataType::tf32:
        case DataType::int32: return 4.0;
        case DataType::fp16:
        case DataType::bf16: return 2.0;
        case DataType::fp8:
        case DataType::int8: return 1.0;
        case DataType::fp4:
        case DataType::int4: return 0.5;
    }
    return 0.0;
}

/// "fp16", "bf16", …
[[nodiscard]] std::string_view name_of(DataType type);

/// The inverse of `name_of`; empty where no type has that name.
[[nodiscard]] std::optional<DataType> parse_data_type(std::string_view name);

/// All data type names, for messages and suggestions.
[[nodiscard]] std::string_view data_type_names();

}  // namespace cupola
