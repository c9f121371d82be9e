#pragma once

#include "cupola/units/input_error.hpp"
#include "cupola/units/quantity.hpp"
#include "cupola/units/text.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::config {

/// A YAML value with its place in the file. Every reader of a user's file goes through this type, so that every mistake
/// is reported as `file:line:column: key.path: found …, expected …`. A cheap handle into an immutable document that it
/// keeps alive; aliases are resolved. All members throw `InputError`.
class Node {
public:
    enum class Kind { null, scalar, sequence, map };
    struct Entry;

    [[nodiscard]] Kind kind() const;
    [[nodiscard]] bool is_null() const { return kind() == Kind::null; }
    [[nodiscard]] bool is_scalar() const { return kind() == Kind::scalar; }
    [[nodiscard]] bool is_sequence() const { return kind() == Kind::sequence; }
    [[nodiscard]] bool is_map() const { return kind() == Kind::map; }
    [[nodiscard]] SourcePosition position() const;
    [[nodiscard]] std::string key_path() const;  ///< "stages[1].repeat", from the document's root

    /// Throws an InputError at this node.
    [[noreturn]] void fail(std::string found, std::string expected, std::string hint = {}) const;
    /// A short description of what stands here: `"abc"`, `a list of 3`, `a map`, `nothing`.
    [[nodiscard]] std::string description() const;

    // Scalars
    [[nodiscard]] const std::string& text() const;  ///< any scalar as written, quotes removed; never null
    [[nodiscard]] bool quoted() const;              ///< a scalar written in quotes
    [[nodiscard]] std::int64_t integer(std::int64_t min,
                                       std::int64_t max) const;  ///< decimal only ("010" and "0x10" refused)
    [[nodiscard]] double number(double min, double max) const;   ///< finite, unquoted
    [[nodiscard]] bool boolean() const;                          ///< true or false
    template <typename Q>
    [[nodiscard]] Q quantity(Q min, Q max) const {  ///< "3.35 TB/s"; range inclusive
        return checked_range(parsed<Q>(), min, max);
    }
    /// One of the names, else an error with a suggestion; returns its index.
    [[nodiscard]] std::size_t one_of(const std::vector<std::string>& names) const;

    // Sequences
    [[nodiscard]] std::vector<Node> items() const;

    // Maps
    [[nodiscard]] std::vector<Entry> entries() const;   ///< in file order
    [[nodiscard]] Node at(std::string_view key) const;  ///< error at this map if missing
    [[nodiscard]] std::optional<Node> find(std::string_view key) const;
    /// Refuses every key that is not listed, with a suggestion.
    void allow_only(const std::vector<std::string>& keys) const;

    struct Document;
    struct Data;
    Node(std::shared_ptr<const Document> document, const Data* data) : document_(std::move(document)), data_(data) {}

private:
    template <typename Q>
    [[nodiscard]] Q parsed() const {
        if (kind() == Kind::scalar) {
            if (const auto value = parse_quantity<Q>(text())) return *value;
        }
        refuse_quantity(expected_quantity<Q>());
    }
    template <typename Q>
    [[nodiscard]] Q checked_range(Q value, Q min, Q max) const {
        if (value < min || value > max) {
            fail(description(), "a value from " + format(min) + " to " + format(max));
        }
        return value;
    }
    [[noreturn]] void refuse_quantity(std::string expected) const;
    [[nodiscard]] Node child(std::size_t index) const;
    [[nodiscard]] const std::shared_ptr<const std::string>& file_of(const Data& data) const;
    friend Node inherit(const Node& own, const Node& base, const std::vector<std::string>& not_inherited);

    std::shared_ptr<const Document> document_;
    const Data* data_;
};

struct Node::Entry {
    std::string key;
    SourcePosition key_position;
    Node value;
};

/// Limits on what a file may hold; beyond them reading stops with an error instead of exhausting memory or stack.
struct ReadLimits {
    std::size_t bytes = 4 << 20;  ///< file size
    std::size_t depth = 64;       ///< nesting
    std::size_t nodes = 500'000;  ///< values after aliases are expanded (an alias bomb ends here)
};

/// Reads one YAML document. Refused: duplicate keys, keys that are not plain names, several documents, unknown tags,
/// an empty file, anything beyond the limits, and whatever yaml-cpp cannot parse.
[[nodiscard]] Node read_yaml_file(const std::string& path, const ReadLimits& limits = {});
[[nodiscard]] Node read_yaml_text(const std::string& text, std::string file_name, const ReadLimits& limits = {});

}  // namespace cupola::config
