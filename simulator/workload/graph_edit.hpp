#pragma once

#include "cupola/workload/graph.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace cupola {

/// Changes a graph: operators leave it, others come in between, readers read something else. What nothing needs any
/// more goes with `take`, so that an edit states only where it cuts. Operators and values keep their numbers until
/// then. An operator whose result nobody reads runs for its own sake, unless it is removed or lost its readers.
class GraphEdit {
public:
    explicit GraphEdit(const Graph& graph);

    [[nodiscard]] const Graph& graph() const { return graph_; }
    /// An operator to change in place: its sizes. The shape of its result is `value(id).shape`.
    [[nodiscard]] Operator& op(std::uint32_t index) { return graph_.operators[index]; }
    [[nodiscard]] Value& value(ValueId id) { return graph_.values[id]; }
    /// The parameters of an operator that has some, now its own.
    [[nodiscard]] Weight& weight(Operator& op);
    /// The number of operators that the graph came with; those put in come behind.
    [[nodiscard]] std::uint32_t original_count() const { return original_; }

    /// The operator does not run. Who stays and reads its result reads what an earlier pass left in memory.
    void remove(std::uint32_t index) { removed_[index] = true; }
    /// The value is one that an earlier pass left in memory; what only led to it goes.
    void cut(ValueId value);
    /// The value is needed, though nobody reads it: what leads to it stays, removed or not.
    void keep(ValueId value) { kept_.push_back(value); }
    /// It lies in memory beyond the pass, for another one to read.
    void persist(ValueId value) { graph_.values[value].persistent = true; }

    /// The pass has this result and no other.
    void end_with(ValueId output) { graph_.outputs = {output}; }

    /// A tensor that an earlier pass left in memory.
    [[nodiscard]] ValueId add_input(const Shape& shape, DataType type);
    /// Puts an operator before another (or behind all: before = original_count()); those put before the same one keep
    /// their order. `name` becomes a segment of its module path below `parent`'s.
    ValueId insert(std::uint32_t before, std::uint32_t parent, const std::string& name, const OperatorKind& kind,
                   std::span<const ValueId> inputs, const Shape& shape, DataType type);
    /// Readers of `from` at operator `begin` and behind, and the pass's outputs, read `to`; operators put in do not
    /// change.
    void redirect(ValueId from, ValueId to, std::uint32_t begin = 0);

    /// The graph that is left, without gaps. The edit is over.
    [[nodiscard]] Graph take();

private:
    struct Inserted {
        std::uint32_t before, op;
    };
    [[nodiscard]] std::vector<std::uint32_t> order() const;
    [[nodiscard]] std::vector<bool> needed() const;
    void need_all_behind(std::vector<bool>& alive) const;
    void need_what_runs(std::vector<bool>& alive) const;

    Graph graph_;
    std::uint32_t original_;
    std::vector<bool> removed_;
    std::vector<bool> cut_;        ///< by value
    std::vector<bool> read_once_;  ///< by value: somebody read it in the graph as given
    std::vector<ValueId> kept_;
    std::vector<Inserted> inserted_;
};

/// One graph behind the other in one pass. `links` says which inputs of `second` are values of `first`; all others are
/// inputs of the whole. Parameters with one key are one weight. The outputs are those of `second`.
[[nodiscard]] Graph concatenated(const Graph& first, const Graph& second,
                                 std::span<const std::pair<ValueId, ValueId>> links);

/// One of the model's repeated layers or blocks: operators [begin, end).
struct LayerRange {
    std::uint32_t scope = no_id;  ///< the iteration's scope: "model.layers.layer.3"
    std::uint32_t begin = 0, end = 0;
};

/// The chain of layers that does most of the multiply-adds: the iterations of repeats and loops directly below one
/// module (flux.double.0 … flux.single.37; unet.down.0 … unet.up.3), in order. Empty for a graph without any.
[[nodiscard]] std::vector<LayerRange> main_layers(const Graph& graph);

/// The last result of a range of operators that the operators from `begin` on read, what a layer hands on; no_id if
/// there is none. With `like` only one of that size.
[[nodiscard]] ValueId handed_on(const Graph& graph, const LayerRange& range, std::uint32_t begin,
                                const Shape* like = nullptr);

/// The operators that read a value, in order.
[[nodiscard]] std::vector<std::uint32_t> readers(const Graph& graph, ValueId value);

}  // namespace cupola
