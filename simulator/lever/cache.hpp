#pragma once

#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <vector>

namespace cupola {

/// Caches of keys and values in one pass: the operators that append to them and the attentions that read them.
struct CacheUse {
    std::vector<std::uint32_t> appends, readers;
};
[[nodiscard]] CacheUse cache_use(const Graph& graph);

/// Tokens in the longest cache of a pass; 0 without one.
[[nodiscard]] std::int64_t longest_cache(const Graph& graph);

/// Keys and values lie in memory in a narrower type.
void narrow_caches(Graph& graph, DataType type);

/// Every step copies the whole cache to make room for the new rows.
void grow_caches(Graph& graph);

/// Every cache is `length` tokens long from the start: new rows are written in place, and attention reads it all under
/// a mask.
void fix_caches(Graph& graph, std::int64_t length);

}  // namespace cupola
