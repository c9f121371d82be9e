#pragma once

#include "cupola/config/node.hpp"
#include "cupola/config/node_data.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace cupola::config {

/// Builds a document from yaml-cpp's events, so that everything refused is refused while reading: yaml-cpp's own tree
/// keeps the first of two equal keys, forgets positions of missing ones and expands what it is given without bound.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::shared_ptr<const std::string> file, const ReadLimits& limits);

    /// The root of the one document read; refuses an empty file.
    [[nodiscard]] Node finish();

    void OnDocumentStart(const YAML::Mark& mark) override;
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override;
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override;
    void OnSequenceEnd() override;
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override;
    void OnMapEnd() override;

private:
    /// A list or map whose end has not been read.
    struct Open {
        Node::Data* data;
        Node::Data::Child next;  ///< the key read, waiting for its value
        bool has_key = false;
        std::unordered_set<std::string> keys;  ///< for maps too large to be searched one by one
    };

    [[nodiscard]] bool expects_key() const;
    void read_key(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& key);
    void refuse_repeated_key(const YAML::Mark& mark, Open& map) const;
    Node::Data& add(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind);
    void attach(const Node::Data* value);
    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind);
    void close();
    void check_tag(const YAML::Mark& mark, const std::string& tag) const;
    void check_count(const YAML::Mark& mark, std::size_t added);
    void check_depth(const YAML::Mark& mark, std::size_t height) const;
    [[nodiscard]] std::string path() const;
    [[noreturn]] void fail(const YAML::Mark& mark, std::string found, std::string expected,
                           std::string hint = {}) const;

    ReadLimits limits_;
    std::shared_ptr<Node::Document> document_;
    std::vector<Open> open_;
    std::unordered_map<YAML::anchor_t, Node::Data*> anchors_;
    std::size_t node_count_ = 0;
    bool started_ = false;
};

}  // namespace cupola::config
