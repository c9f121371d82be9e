#pragma once

#include "cupola/config/node.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace cupola::config {

/// One value of a document. Built once by the reader, immutable afterwards; an alias is a second pointer to it.
struct Node::Data {
    struct Child {
        std::string key;  ///< empty in a list
        int line = 0, column = 0;
        const Data* value = nullptr;
    };

    Kind kind = Kind::null;
    bool quoted = false;
    bool complete = true;  ///< false while its end has not been read: an alias to it would contain itself
    int line = 0, column = 0;
    std::string text;             ///< scalars
    std::vector<Child> children;  ///< lists and maps, in file order

    const Document* origin = nullptr;  ///< the document it was read from, if another one (a stack's base) holds it now
    const Data* parent = nullptr;  ///< where it stands (an aliased value: where its anchor stands); null at the root
    std::size_t index = 0;         ///< which of its parent's children it is
    std::size_t node_count = 1;    ///< itself and everything below, aliases expanded
    std::size_t height = 1;        ///< levels from here down, aliases expanded
};

/// Owns the values of one file.
struct Node::Document {
    std::shared_ptr<const std::string> file;
    std::deque<Data> values;  ///< addresses stay valid while it grows
    const Data* root = nullptr;
    std::vector<std::shared_ptr<const Document>> origins;  ///< documents that values were copied from
};

}  // namespace cupola::config
