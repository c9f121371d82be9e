#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace cupola::probe {

enum class FieldType {
    integer,
    real,
    word,   ///< one of `choices`
    label,  ///< letters, digits and ._/-
    order,  ///< ids of other lines in the order of launch: 1,2,5-9,3
};

/// One `name=value` of a plan line.
struct Field {
    std::string_view name;
    FieldType type = FieldType::integer;
    std::string_view default_value;         ///< empty: the line must give it
    std::int64_t minimum = 1;               ///< of an integer
    std::int64_t maximum = 1;               ///< of an integer
    std::vector<std::string_view> choices;  ///< of a word
};

/// What a plan line may measure: its first word, its section (1 to 8) and its fields in the order of the canonical
/// text.
struct Kind {
    std::string_view name;
    int section = 0;
    std::vector<Field> fields;
};

/// Every kind, in the order of the sections.
const std::vector<Kind>& kinds();

/// The kind called `name`, or none.
const Kind* find_kind(std::string_view name);

/// The names of all fields of all kinds, each once, in order of first appearance: the shape columns of a results file.
std::vector<std::string_view> field_names();

}  // namespace cupola::probe
