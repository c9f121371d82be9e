#pragma once

#include "cupola/workload/expression.hpp"
#include "cupola/workload/graph.hpp"

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cupola {

/// Appends operators to a graph and keeps the module path and the identity of weights.
/// A module's weights are known by its path; iterations of a `loop` share path keys, and so weights.
class GraphBuilder {
public:
    explicit GraphBuilder(const Names& names) : names_(names) { open_.push_back({no_id, 0x9e3779b97f4a7c15U, {}}); }

    /// Makes room for a graph as large as another; the passes of one stage are.
    void reserve_like(const Graph& other);

    [[nodiscard]] ValueId add_input(const Shape& shape, DataType type, bool persistent);

    /// Opens a module scope. Siblings of one name are told apart by a counter; `index` >= 0 appends ".index".
    /// With `shared_weights` the index does not enter the weights' identity.
    /// `identity` != 0 names the module by where it is written instead of by segment and counter.
    void enter(NameId segment, std::uint64_t identity, std::int64_t index = -1, bool shared_weights = false);
    void leave() { open_.pop_back(); }
    [[nodiscard]] std::size_t depth() const { return open_.size(); }
    [[nodiscard]] std::uint64_t scope_key() const { return open_.back().key; }
    [[nodiscard]] std::string path() const { return graph_.path(open_.back().id); }

    /// The furthest that a stack may go with the operators that follow.
    [[nodiscard]] Execution execution_limit() const { return limit_; }
    void limit_execution(Execution limit) { limit_ = limit; }

    /// Appends an operator in a leaf scope of that name. Its parameters follow from its kind unless given.
    /// `weight_name` != 0 ties the weights to all operators of the component with the same name.
    ValueId emit(NameId segment, std::uint64_t identity, const OperatorKind& kind, std::span<const ValueId> inputs,
                 const Shape& shape, DataType type, std::uint64_t weight_name = 0);
    /// Parameters of an earlier operator whose weights the last one shares without being of their size; -1 if none.
    [[nodiscard]] std::int64_t conflicting_parameters() const { return conflict_; }

    [[nodiscard]] const Value& value(ValueId id) const { return graph_.values[id]; }
    [[nodiscard]] Value& value(ValueId id) { return graph_.values[id]; }
    [[nodiscard]] std::size_t operator_count() const { return graph_.operators.size(); }
    [[nodiscard]] Graph take() { return std::move(graph_); }
    [[nodiscard]] Graph& graph() { return graph_; }

private:
    struct Open {
        std::uint32_t id;
        std::uint64_t key;
        std::vector<std::pair<NameId, int>> children;  ///< how often a name has been used below
    };
    struct Leaf {
        std::uint32_t id;
        std::uint64_t key;
    };
    Leaf child(NameId segment, std::uint64_t identity, std::int64_t index, bool shared_weights);
    std::uint32_t weight_of(std::uint64_t key, std::int64_t parameters, DataType type);

    const Names& names_;
    Graph graph_;
    std::vector<Open> open_;
    std::unordered_map<std::uint64_t, std::uint32_t> weights_;
    std::int64_t conflict_ = -1;
    Execution limit_ = Execution::captured;
};

/// A hash of two keys.
[[nodiscard]] constexpr std::uint64_t combine_keys(std::uint64_t a, std::uint64_t b) {
    std::uint64_t x = a ^ (b + 0x9e3779b97f4a7c15U + (a << 6U) + (a >> 2U));
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
}

}  // namespace cupola
