#pragma once

#include "entries.hpp"

#include <map>
#include <string>
#include <vector>

namespace cupola::accuracy {

/// How well a graph agrees with a list. Convolutions, linear layers, attentions and products ("heavy") are compared one
/// by one, in order. What stands between the same two of them is compared as a set, since independent operators have no
/// order; for the same reason a norm of queries, say, may stand before or after the projection of keys.
struct Agreement {
    std::size_t heavy_agreed = 0;  ///< before the first that differs
    std::size_t heavy_total = 0;
    std::string first_difference;  ///< of the heavy ones, with what stands around it; empty if all agree
    std::size_t light_agreed = 0, light_total = 0;
    std::size_t light_moved = 0;  ///< of those that agree: not between the same heavy ones
    std::size_t regrouped = 0;    ///< of those that agree: cats of several parts as one of the last and the rest
    std::vector<std::string> differences;  ///< of the light ones: "only in the list: …", "only in the graph: …"
    [[nodiscard]] double light_share() const {
        return light_total > 0 ? static_cast<double>(light_agreed) / static_cast<double>(light_total) : 1.0;
    }
};
/// How many heavy operators a light one may stand before or after its place in the list.
inline constexpr std::size_t farthest_move = 8;
[[nodiscard]] Agreement compare(const std::vector<Entry>& list, const std::vector<Entry>& graph);

struct CopyComparison {
    std::size_t matched = 0;
    std::vector<std::string> differences;
    std::map<std::string, int> hidden;  ///< copies that no list can show, by reason
    [[nodiscard]] double agreement() const {
        const double all = static_cast<double>(matched + differences.size());
        return all > 0 ? static_cast<double>(matched) / all : 1.0;
    }
};
/// Both sides are ordered by position; a copy matches one of the same size at the same position.
[[nodiscard]] CopyComparison compare(const std::vector<Copy>& expected, std::vector<Copy> found);

}  // namespace cupola::accuracy
