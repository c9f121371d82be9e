#include "cupola/config/tree_builder.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cupola::config {
namespace {

constexpr std::size_t longest_key = 128;
constexpr std::size_t small_map = 16;  // below, comparing with each key is faster than hashing

bool is_plain_name(const std::string& key) {
    if (key.empty() || key.size() > longest_key) return false;
    return std::none_of(key.begin(), key.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20U; });
}

}  // namespace

TreeBuilder::TreeBuilder(std::shared_ptr<const std::string> file, const ReadLimits& limits)
    : limits_(limits), document_(std::make_shared<Node::Document>()) {
    document_->file = std::move(file);
}

Node TreeBuilder::finish() {
    if (document_->root == nullptr || document_->root->kind == Node::Kind::null) {
        throw InputError({{document_->file, 0, 0}, "", "an empty file", "a YAML document", ""});
    }
    return {document_, document_->root};
}

/// Where reading stands. `Node::key_path` would not do: what is open is not yet among its parent's children.
std::string TreeBuilder::path() const {
    std::string text;
    for (const Open& level : open_) {
        if (level.data->kind == Node::Kind::sequence) {
            text += fmt::format("[{}]", level.data->children.size());
        } else if (level.has_key) {
            text += (text.empty() ? "" : ".") + level.next.key;
        }
    }
    return text;
}

void TreeBuilder::fail(const YAML::Mark& mark, std::string found, std::string expected, std::string hint) const {
    throw InputError({{document_->file, mark.line + 1, mark.column + 1},
                      path(),
                      std::move(found),
                      std::move(expected),
                      std::move(hint)});
}

void TreeBuilder::OnDocumentStart(const YAML::Mark& mark) {
    if (started_) fail(mark, "a second document", "one document a file", "remove the \"---\" or split the file");
    started_ = true;
}

bool TreeBuilder::expects_key() const {
    return !open_.empty() && open_.back().data->kind == Node::Kind::map && !open_.back().has_key;
}

void TreeBuilder::read_key(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& key) {
    if (anchor != YAML::NullAnchor) fail(mark, "an anchor on a key", "a plain name", "put the anchor before the value");
    if (key == "<<") fail(mark, "the merge key \"<<\"", "a plain name", "merge keys are not read: write the keys out");
    if (!is_plain_name(key)) fail(mark, key.empty() ? "an empty key" : "a key that is no name", "a plain name");
    Open& map = open_.back();
    map.next = {key, mark.line + 1, mark.column + 1, nullptr};
    map.has_key = true;
    refuse_repeated_key(mark, map);
    if (map.data->children.size() >= small_map) map.keys.insert(key);
}

void TreeBuilder::refuse_repeated_key(const YAML::Mark& mark, Open& map) const {
    const auto& children = map.data->children;
    if (children.size() == small_map) {
        for (const auto& child : children) map.keys.insert(child.key);
    }
    if (children.size() >= small_map && map.keys.count(map.next.key) == 0) return;
    const auto first =
        std::find_if(children.begin(), children.end(), [&](const auto& child) { return child.key == map.next.key; });
    if (first == children.end()) return;
    fail(mark, "the key \"" + map.next.key + "\" again", "each key once",
         fmt::format("first seen in line {}", first->line));
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (expects_key()) fail(mark, "nothing (or null) as a key", "a plain name");
    Node::Data& data = add(mark, anchor, Node::Kind::null);
    if (!open_.empty() && open_.back().has_key) {  // yaml-cpp marks the token after the missing value
        data.line = open_.back().next.line;
        data.column = open_.back().next.column;
    }
    attach(&data);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
    check_tag(mark, tag);
    if (expects_key()) {
        read_key(mark, anchor, value);
        return;
    }
    Node::Data& data = add(mark, anchor, Node::Kind::scalar);
    data.text = value;
    data.quoted = tag == "!";
    attach(&data);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (expects_key()) fail(mark, "an alias as a key", "a plain name");
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) fail(mark, "an alias without an anchor", "the name of an anchor above it");
    const Node::Data& data = *known->second;
    if (!data.complete)
        fail(mark, "an alias to a value that contains it", "an alias to a value above it that has ended");
    check_depth(mark, data.height);
    check_count(mark, data.node_count);
    attach(&data);
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value) {
    if (expects_key()) fail(mark, "a list as a key", "a plain name");
    open(mark, tag, anchor, Node::Kind::sequence);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
    if (expects_key()) fail(mark, "a map as a key", "a plain name", "a text that begins with \"{\" needs quotes");
    open(mark, tag, anchor, Node::Kind::map);
}

void TreeBuilder::OnSequenceEnd() { close(); }

void TreeBuilder::OnMapEnd() { close(); }

Node::Data& TreeBuilder::add(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind) {
    check_depth(mark, 1);
    check_count(mark, 1);
    Node::Data& data = document_->values.emplace_back();
    data.kind = kind;
    data.line = mark.line + 1;
    data.column = mark.column + 1;
    if (!open_.empty()) {
        data.parent = open_.back().data;
        data.index = open_.back().data->children.size();
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = &data;
    return data;
}

void TreeBuilder::attach(const Node::Data* value) {
    if (open_.empty()) {
        document_->root = value;
        return;
    }
    Open& parent = open_.back();
    parent.next.value = value;
    parent.data->children.push_back(std::move(parent.next));
    parent.next = {};
    parent.has_key = false;
    parent.data->node_count += value->node_count;
    parent.data->height = std::max(parent.data->height, value->height + 1);
}

void TreeBuilder::open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    check_tag(mark, tag);
    Node::Data& data = add(mark, anchor, kind);
    data.complete = false;
    open_.push_back({&data, {}, false, {}});
}

void TreeBuilder::close() {
    Node::Data* const data = open_.back().data;
    data->complete = true;
    open_.pop_back();
    attach(data);
}

void TreeBuilder::check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    fail(mark, "the tag \"" + tag.substr(0, longest_key) + "\"", "a value without a tag", "remove the tag");
}

void TreeBuilder::check_count(const YAML::Mark& mark, std::size_t added) {
    node_count_ += added;
    if (node_count_ <= limits_.nodes) return;
    fail(mark, fmt::format("more than {} values", limits_.nodes), "a smaller file", "aliases count as often as used");
}

void TreeBuilder::check_depth(const YAML::Mark& mark, std::size_t height) const {
    if (open_.size() + height <= limits_.depth) return;
    const SourcePosition where{document_->file, mark.line + 1, mark.column + 1};  // the path would fill a page
    throw InputError({where, "", fmt::format("more than {} levels of nesting", limits_.depth), "a flatter file", ""});
}

}  // namespace cupola::config
