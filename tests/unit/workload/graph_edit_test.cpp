#include "cupola/workload/graph_edit.hpp"

#include "cupola/workload/graph_builder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace cupola {
namespace {

Shape row(std::int64_t width) {
    Shape shape;
    shape.push_axis(AxisName("batch"), 1);
    shape.push_axis(AxisName("channels"), width);
    return shape;
}

/// in -> layer.0 {linear, silu} -> layer.1 {linear, silu} -> norm, and a linear layer whose result nobody reads.
struct Sample {
    Names names;
    Graph graph;
    ValueId in = 0, hidden = 0, out = 0;

    Sample() {
        GraphBuilder builder(names);
        in = builder.add_input(row(8), DataType::fp16, false);
        ValueId x = in;
        for (int i = 0; i < 2; ++i) {
            builder.enter(names.intern("layer"), 0, i);
            x = emit(builder, "linear", Linear{1, 8, 8, true}, {x});
            x = emit(builder, "silu", Activation{}, {x});
            builder.leave();
            if (i == 0) hidden = x;
        }
        (void)emit(builder, "unread", Linear{1, 8, 8, true}, {in});
        out = emit(builder, "norm", Norm{}, {x});
        graph = builder.take();
        graph.outputs = {out};
    }

    ValueId emit(GraphBuilder& builder, const char* name, const OperatorKind& kind, std::vector<ValueId> inputs) {
        return builder.emit(names.intern(name), 0, kind, inputs, row(8), DataType::fp16);
    }
};

std::string paths(const Graph& graph) {
    std::string text;
    for (const Operator& op : graph.operators) text += (text.empty() ? "" : " ") + graph.path(op.scope);
    return text;
}

/// Every number in the graph refers to something that stands before it.
void check_sound(const Graph& graph) {
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        const Operator& op = graph.operators[i];
        CHECK(graph.values.at(op.output).producer == i);
        for (const ValueId input : graph.inputs(op)) {
            const std::uint32_t producer = graph.values.at(input).producer;
            CHECK((producer == no_id || producer < i));
        }
        CHECK((op.weight == no_id || op.weight < graph.weights.size()));
    }
    for (const ValueId output : graph.outputs) CHECK(output < graph.values.size());
}

TEST_CASE("an edit that changes nothing gives the same graph") {
    const Sample sample;
    const Graph same = GraphEdit(sample.graph).take();
    check_sound(same);
    CHECK(paths(same) == "layer.0.linear layer.0.silu layer.1.linear layer.1.silu unread norm");
    CHECK(same.values.size() == sample.graph.values.size());
    CHECK(same.weights.size() == sample.graph.weights.size());
    CHECK(count_macs(same).total() == count_macs(sample.graph).total());
}

TEST_CASE("a cut value is an input that lies in memory, and what only led to it goes") {
    const Sample sample;
    GraphEdit edit(sample.graph);
    edit.cut(sample.hidden);
    const Graph graph = edit.take();
    check_sound(graph);
    CHECK(paths(graph) == "layer.1.linear layer.1.silu unread norm");
    const Value& input = graph.values[graph.inputs(graph.operators[0]).front()];
    CHECK(input.producer == no_id);
    CHECK(input.persistent);
    CHECK(graph.weights.size() == sample.graph.weights.size() - 1);
}

TEST_CASE("removed operators go though someone reads them; kept values bring theirs back") {
    const Sample sample;
    GraphEdit edit(sample.graph);
    for (std::uint32_t i = 2; i < 5; ++i) edit.remove(i);
    CHECK(paths(edit.take()) == "norm");

    GraphEdit keeping(sample.graph);
    for (std::uint32_t i = 0; i < 5; ++i) keeping.remove(i);
    keeping.keep(sample.hidden);
    const Graph graph = keeping.take();
    check_sound(graph);
    CHECK(paths(graph) == "layer.0.linear layer.0.silu norm");
}

TEST_CASE("operators that are put in stand before the one named, and later readers read them") {
    const Sample sample;
    GraphEdit edit(sample.graph);
    const std::vector<ValueId> inputs{sample.hidden, edit.add_input(row(8), DataType::fp16)};
    const ValueId sum = edit.insert(2, no_id, "sum", Elementwise{}, inputs, row(8), DataType::fp16);
    edit.redirect(sample.hidden, sum, 2);
    const Graph graph = edit.take();
    check_sound(graph);
    CHECK(paths(graph) == "layer.0.linear layer.0.silu sum layer.1.linear layer.1.silu unread norm");
    CHECK(graph.values[graph.inputs(graph.operators[3]).front()].producer == 2);
}

TEST_CASE("graphs behind one another share weights and the values that link them") {
    const Sample sample;
    const std::vector<std::pair<ValueId, ValueId>> links{{sample.in, sample.out}};
    const Graph both = concatenated(sample.graph, sample.graph, links);
    check_sound(both);
    CHECK(both.operators.size() == 2 * sample.graph.operators.size());
    CHECK(both.weights.size() == sample.graph.weights.size());
    CHECK(both.values[both.inputs(both.operators[6]).front()].producer == 5);
    CHECK(both.values[both.outputs.front()].producer == 11);
}

TEST_CASE("the main layers are the repeats that do most of the work") {
    const Sample sample;
    const auto layers = main_layers(sample.graph);
    REQUIRE(layers.size() == 2);
    CHECK(layers[0].begin == 0);
    CHECK(layers[0].end == 2);
    CHECK(layers[1].end == 4);
    CHECK(sample.graph.path(layers[1].scope) == "layer.1");
    CHECK(main_layers(Graph{}).empty());
    CHECK(readers(sample.graph, sample.hidden) == std::vector<std::uint32_t>{2});
}

}  // namespace
}  // namespace cupola
