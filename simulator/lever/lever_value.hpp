#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// What stands behind the `=` of `--lever NAME=VALUE`: one value ("flash2"), or fields "exit:8,draft:6". Each reader
/// throws InputError that names the lever and says what it takes.
class LeverValue {
public:
    LeverValue(std::string lever, std::string text);

    [[nodiscard]] bool given() const { return !text_.empty(); }
    [[nodiscard]] const std::string& text() const { return text_; }

    /// Index of the value among `names`.
    [[nodiscard]] std::size_t one_of(const std::vector<std::string>& names) const;
    /// A whole number in [min, max].
    [[nodiscard]] std::int64_t whole(std::int64_t min, std::int64_t max) const;
    /// A finite number in [min, max].
    [[nodiscard]] double number(double min, double max) const;
    /// Refuses any value.
    void none() const;

    /// Refuses fields other than these, a field that is given twice, and text that is no list of fields.
    void allow_only(const std::vector<std::string>& keys) const;
    /// The field's value; empty where it is not given. REQUIRES: allow_only has passed.
    [[nodiscard]] std::optional<LeverValue> field(std::string_view key) const;

    [[noreturn]] void fail(const std::string& expected, const std::string& hint = "") const;

private:
    struct Field {
        std::string key, value;
    };
    [[nodiscard]] std::vector<Field> fields() const;

    std::string lever_;  ///< as messages name it: "--lever layerskip", "--lever layerskip, exit"
    std::string text_;
};

}  // namespace cupola
