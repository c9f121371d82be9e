#include "cupola/lever/lever_value.hpp"

#include "cupola/units/input_error.hpp"
#include "cupola/units/suggest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace cupola {
namespace {

template <typename Number>
std::optional<Number> parse(const std::string& text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return number;
}

template <typename Number>
std::string plain(Number number) {
    std::array<char, 32> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return {buffer.data(), end};
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

LeverValue::LeverValue(std::string lever, std::string text) : lever_(std::move(lever)), text_(std::move(text)) {}

void LeverValue::fail(const std::string& expected, const std::string& hint) const {
    throw InputError({{}, lever_, given() ? "\"" + text_ + "\"" : "no value", expected, hint});
}

std::size_t LeverValue::one_of(const std::vector<std::string>& names) const {
    const auto found = std::find(names.begin(), names.end(), text_);
    if (found == names.end()) {
        const auto meant = closest_name(text_, names);
        fail("one of " + joined(names), meant ? "did you mean \"" + *meant + "\"?" : "");
    }
    return static_cast<std::size_t>(found - names.begin());
}

std::int64_t LeverValue::whole(std::int64_t min, std::int64_t max) const {
    const auto value = parse<std::int64_t>(text_);
    if (!value || *value < min || *value > max) fail("a whole number from " + plain(min) + " to " + plain(max));
    return *value;
}

double LeverValue::number(double min, double max) const {
    const auto value = parse<double>(text_);
    if (!value || !std::isfinite(*value) || *value < min || *value > max) {
        fail("a number from " + plain(min) + " to " + plain(max));
    }
    return *value;
}

void LeverValue::none() const {
    if (given()) fail("nothing behind the name", "this lever is on or off");
}

std::vector<LeverValue::Field> LeverValue::fields() const {
    std::vector<Field> result;
    for (std::size_t begin = 0; begin < text_.size();) {
        const std::size_t end = std::min(text_.find(',', begin), text_.size());
        const std::string item = text_.substr(begin, end - begin);
        const std::size_t colon = std::min(item.find(':'), item.size());
        result.push_back({item.substr(0, colon), colon < item.size() ? item.substr(colon + 1) : ""});
        begin = end + 1;
    }
    return result;
}

void LeverValue::allow_only(const std::vector<std::string>& keys) const {
    const std::string form = "fields key:value separated by commas, of the keys " + joined(keys);
    std::vector<std::string> seen;
    for (const Field& field : fields()) {
        if (std::find(keys.begin(), keys.end(), field.key) == keys.end()) fail(form, suggestion(field.key, keys));
        if (field.value.empty()) fail(form, "\"" + field.key + "\" has no value");
        if (std::find(seen.begin(), seen.end(), field.key) != seen.end()) fail(form, "\"" + field.key + "\" twice");
        seen.push_back(field.key);
    }
}

std::optional<LeverValue> LeverValue::field(std::string_view key) const {
    for (const Field& field : fields()) {
        if (field.key == key) return LeverValue(lever_ + ", " + field.key, field.value);
    }
    return std::nullopt;
}

}  // namespace cupola
