#include "cupola/config/inherit.hpp"

#include "cupola/config/node_data.hpp"

#include <algorithm>

namespace cupola::config {
namespace {

using Data = Node::Data;
using Child = Data::Child;

const Child* find_child(const Data& map, const std::string& key) {
    const auto found =
        std::find_if(map.children.begin(), map.children.end(), [&](const Child& child) { return child.key == key; });
    return found == map.children.end() ? nullptr : &*found;
}

bool is_statement(const Data& map) {
    return find_child(map, "value") != nullptr || find_child(map, "source") != nullptr;
}

/// A value and the document that its place refers to.
struct Source {
    const Data* data;
    const Node::Document* document;
};

/// Copies two trees into one.
class Merger {
public:
    explicit Merger(Node::Document& target) : target_(target) {}

    /// REQUIRES: both are maps; depth and size are bounded by the readers of the two files.
    Data* merge(const Source& own, const Source& base, const std::vector<std::string>& not_inherited) {
        Data* const result = shallow_copy(own);
        for (const Child& child : own.data->children) {
            const Child* const inherited = find_child(*base.data, child.key);
            const Source value{child.value, own.document};
            const bool merges = inherited != nullptr && both_are_open_maps(*child.value, *inherited->value);
            attach(result, child, merges ? merge(value, {inherited->value, base.document}, {}) : copy(value));
        }
        for (const Child& child : base.data->children) {
            const bool known = find_child(*own.data, child.key) != nullptr ||
                               std::find(not_inherited.begin(), not_inherited.end(), child.key) != not_inherited.end();
            if (!known) attach(result, child, copy({child.value, base.document}));
        }
        return result;
    }

private:
    static bool both_are_open_maps(const Data& a, const Data& b) {
        return a.kind == Node::Kind::map && b.kind == Node::Kind::map && !is_statement(a) && !is_statement(b);
    }

    Data* shallow_copy(const Source& source) {
        Data& copied = target_.values.emplace_back();
        copied.kind = source.data->kind;
        copied.quoted = source.data->quoted;
        copied.line = source.data->line;
        copied.column = source.data->column;
        copied.text = source.data->text;
        copied.origin = source.data->origin != nullptr ? source.data->origin : source.document;
        return &copied;
    }

    Data* copy(const Source& source) {
        Data* const result = shallow_copy(source);
        for (const Child& child : source.data->children) {
            attach(result, child, copy({child.value, source.document}));
        }
        return result;
    }

    static void attach(Data* parent, const Child& as, Data* value) {
        value->parent = parent;
        value->index = parent->children.size();
        parent->children.push_back({as.key, as.line, as.column, value});
    }

    Node::Document& target_;
};

}  // namespace

Node inherit(const Node& own, const Node& base, const std::vector<std::string>& not_inherited) {
    const auto merged = std::make_shared<Node::Document>();
    merged->file = own.document_->file;
    merged->origins = {own.document_, base.document_};
    merged->root =
        Merger(*merged).merge({own.data_, own.document_.get()}, {base.data_, base.document_.get()}, not_inherited);
    return {merged, merged->root};
}

}  // namespace cupola::config
