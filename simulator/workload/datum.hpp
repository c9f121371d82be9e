#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace cupola {

struct Datum;
using DatumList = std::shared_ptr<const std::vector<Datum>>;

/// A value of the descriptor language: nothing, a whole number (also true = 1 and false = 0), a real number, a name or
/// a list.
struct Datum {
    std::variant<std::monostate, std::int64_t, double, std::string, DatumList> value;

    Datum() = default;
    Datum(std::int64_t number) : value(number) {}
    Datum(double number) : value(number) {}
    Datum(std::string text) : value(std::move(text)) {}
    Datum(std::vector<Datum> list) : value(std::make_shared<const std::vector<Datum>>(std::move(list))) {}

    [[nodiscard]] bool is_none() const { return value.index() == 0; }
    [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value); }
    [[nodiscard]] const double* real() const { return std::get_if<double>(&value); }
    [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&value); }
    [[nodiscard]] const std::vector<Datum>* list() const {
        const auto* list = std::get_if<DatumList>(&value);
        return list != nullptr ? list->get() : nullptr;
    }
    /// Whole and real numbers as a real one. REQUIRES: is_number()
    [[nodiscard]] double number() const { return integer() != nullptr ? static_cast<double>(*integer()) : *real(); }
    [[nodiscard]] bool is_number() const { return integer() != nullptr || real() != nullptr; }

    bool operator==(const Datum& other) const;
};

/// "12", "0.5", "'s2st'", "[1, 2]", "none"
[[nodiscard]] std::string text_of(const Datum& datum);

}  // namespace cupola
