#include "cupola/config/node.hpp"

#include "cupola/config/node_data.hpp"
#include "cupola/units/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace cupola::config {
namespace {

constexpr std::size_t longest_quotation = 60;

/// A user's text made fit for one line of a message: control characters replaced, the end of a long text cut.
std::string quotation(const std::string& text) {
    std::string shown;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool continues_character = (byte & 0xC0U) == 0x80U;
        if (shown.size() >= longest_quotation && !continues_character) {
            shown += "…";
            break;
        }
        shown += (byte < 0x20U || byte == 0x7FU) ? ' ' : c;
    }
    return "\"" + shown + "\"";
}

/// The whole of `text` as a number; empty if anything is left over or it does not fit.
template <typename T>
std::optional<T> whole_number(const std::string& text) {
    T value{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || rest != end) return std::nullopt;
    return value;
}

/// "010" would be eight to some YAML readers and ten to others.
bool has_leading_zero(const std::string& text) {
    const std::size_t first = text.starts_with('-') ? 1 : 0;
    return text.size() > first + 1 && text[first] == '0' && text[first + 1] >= '0' && text[first + 1] <= '9';
}

std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::string range_text(const std::string& what, double min, double max) {
    constexpr double beyond = 1e300;
    if (min < -beyond && max > beyond) return what;
    if (max > beyond) return fmt::format("{} of at least {}", what, min);
    if (min < -beyond) return fmt::format("{} of at most {}", what, max);
    return fmt::format("{} from {} to {}", what, min, max);
}

std::string range_text(const std::string& what, std::int64_t min, std::int64_t max) {
    const bool lower = min != std::numeric_limits<std::int64_t>::min();
    const bool upper = max != std::numeric_limits<std::int64_t>::max();
    if (lower && upper) return fmt::format("{} from {} to {}", what, min, max);
    if (lower) return fmt::format("{} of at least {}", what, min);
    return upper ? fmt::format("{} of at most {}", what, max) : what;
}

}  // namespace

Node::Kind Node::kind() const { return data_->kind; }

const std::shared_ptr<const std::string>& Node::file_of(const Data& data) const {
    return data.origin != nullptr ? data.origin->file : document_->file;
}

SourcePosition Node::position() const { return {file_of(*data_), data_->line, data_->column}; }

std::string Node::key_path() const {
    std::vector<std::string> parts;
    for (const Data* data = data_; data->parent != nullptr; data = data->parent) {
        const std::string& key = data->parent->children[data->index].key;
        parts.push_back(data->parent->kind == Kind::map ? "." + key : fmt::format("[{}]", data->index));
    }
    std::string path;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) path += *part;
    return path.starts_with('.') ? path.substr(1) : path;
}

void Node::fail(std::string found, std::string expected, std::string hint) const {
    throw InputError({position(), key_path(), std::move(found), std::move(expected), std::move(hint)});
}

std::string Node::description() const {
    switch (kind()) {
        case Kind::null: return "nothing";
        case Kind::scalar: return quotation(data_->text);
        case Kind::sequence: return fmt::format("a list of {}", data_->children.size());
        case Kind::map: return "a map";
    }
    return "nothing";
}

const std::string& Node::text() const {
    if (kind() != Kind::scalar) fail(description(), "a text");
    return data_->text;
}

bool Node::quoted() const { return data_->quoted; }

std::int64_t Node::integer(std::int64_t min, std::int64_t max) const {
    const std::string expected = range_text("an integer", min, max);
    if (kind() != Kind::scalar) fail(description(), expected);
    const auto value = whole_number<std::int64_t>(data_->text);
    if (value && quoted()) fail(description() + " in quotes", expected, "remove the quotes");
    if (value && has_leading_zero(data_->text)) fail(description(), expected, fmt::format("write {}", *value));
    if (!value || *value < min || *value > max) fail(description(), expected);
    return *value;
}

double Node::number(double min, double max) const {
    const std::string expected = range_text("a number", min, max);
    if (kind() != Kind::scalar) fail(description(), expected);
    const auto value = whole_number<double>(data_->text);
    if (value && quoted()) fail(description() + " in quotes", expected, "remove the quotes");
    if (value && has_leading_zero(data_->text)) fail(description(), expected, fmt::format("write {}", *value));
    if (!value || !std::isfinite(*value) || *value < min || *value > max) fail(description(), expected);
    return *value;
}

bool Node::boolean() const {
    if (kind() != Kind::scalar || quoted() || (data_->text != "true" && data_->text != "false")) {
        fail(description() + (quoted() ? " in quotes" : ""), "true or false");
    }
    return data_->text == "true";
}

std::size_t Node::one_of(const std::vector<std::string>& names) const {
    const std::string expected = "one of " + joined(names);
    if (kind() != Kind::scalar) fail(description(), expected);
    const auto match = std::find(names.begin(), names.end(), data_->text);
    if (match == names.end()) {
        const auto close = closest_name(data_->text, names);
        fail(description(), expected, close ? "did you mean \"" + *close + "\"?" : "");
    }
    return static_cast<std::size_t>(match - names.begin());
}

Node Node::child(std::size_t index) const { return {document_, data_->children[index].value}; }

std::vector<Node> Node::items() const {
    if (kind() != Kind::sequence) fail(description(), "a list");
    std::vector<Node> nodes;
    nodes.reserve(data_->children.size());
    for (std::size_t i = 0; i < data_->children.size(); ++i) nodes.push_back(child(i));
    return nodes;
}

std::vector<Node::Entry> Node::entries() const {
    if (kind() != Kind::map) fail(description(), "a map");
    std::vector<Entry> result;
    result.reserve(data_->children.size());
    for (std::size_t i = 0; i < data_->children.size(); ++i) {
        const Data::Child& entry = data_->children[i];
        result.push_back({entry.key, {file_of(*entry.value), entry.line, entry.column}, child(i)});
    }
    return result;
}

Node Node::at(std::string_view key) const {
    if (auto value = find(key)) return *value;
    fail(fmt::format("no key \"{}\"", key), fmt::format("{}: and a value", key));
}

std::optional<Node> Node::find(std::string_view key) const {
    if (kind() != Kind::map) fail(description(), "a map");
    for (std::size_t i = 0; i < data_->children.size(); ++i) {
        if (data_->children[i].key == key) return child(i);
    }
    return std::nullopt;
}

void Node::allow_only(const std::vector<std::string>& keys) const {
    if (kind() != Kind::map) fail(description(), "a map");
    for (const Data::Child& entry : data_->children) {
        if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) continue;
        throw InputError({{file_of(*entry.value), entry.line, entry.column},
                          key_path(),
                          "the unknown key " + quotation(entry.key),
                          "a known one",
                          suggestion(entry.key, keys)});
    }
}

void Node::refuse_quantity(std::string expected) const {
    const bool bare = kind() == Kind::scalar && whole_number<double>(data_->text).has_value();
    fail(description(), std::move(expected), bare ? "add the unit" : "");
}

}  // namespace cupola::config
