// What the host spends on a pass: calls by kind, modules entered, the host beside the GPU, either mode.
#include "builder.hpp"

#include <doctest/doctest.h>

using namespace cupola;
using namespace cupola::test;

namespace {

Seconds host_of(const Graph& graph, const Stack& stack, Architecture architecture = Architecture::hopper) {
    const KernelSequence sequence = lower(graph, stack, architecture);
    Seconds total = sequence.trailing_host;
    for (const KernelInstance& launch : sequence.launches) total += launch.host;
    return total;
}

/// Linear layers in the modules of the given paths ("net.block.0.fc"), one after another.
Graph in_modules(const std::vector<std::string>& paths) {
    GraphBuilder builder;
    ValueId x = builder.input(shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 64}}));
    for (const std::string& path : paths) {
        x = builder.linear(x, 64);
        Graph& graph = builder.graph();
        std::uint32_t scope = no_id;
        for (std::size_t begin = 0; begin <= path.size();) {
            const std::size_t end = std::min(path.find('.', begin), path.size());
            const std::string name = path.substr(begin, end - begin);
            std::uint32_t child = 0;
            while (child < graph.scopes.size() &&
                   (graph.scopes[child].parent != scope || graph.scopes[child].name != name)) {
                ++child;
            }
            if (child == graph.scopes.size()) graph.scopes.push_back({scope, name});
            scope = child;
            begin = end + 1;
        }
        graph.operators.back().scope = scope;
    }
    return builder.finish(x);
}

int modules_entered(const std::vector<std::string>& paths) {
    Stack stack = eager();
    stack.eager_mode.dispatch = {};
    stack.eager_mode.dispatch.module_call = Seconds(1);
    return static_cast<int>(host_of(in_modules(paths), stack).value() + 0.5);
}

}  // namespace

TEST_CASE("a module is paid for when it is entered; lists of modules and their indices are not modules") {
    CHECK(modules_entered({"net.fc"}) == 2);
    CHECK(modules_entered({"net.fc1", "net.fc2"}) == 3);
    CHECK(modules_entered({"net.blocks.0.block.fc"}) == 3);
    CHECK(modules_entered({"net.blocks.0.block.fc", "net.blocks.1.block.fc"}) == 5);
}

TEST_CASE("an operator without parameters is a function, not a module") {
    Stack stack = eager();
    stack.eager_mode.dispatch = {};
    stack.eager_mode.dispatch.module_call = Seconds(1);
    GraphBuilder builder;
    const ValueId x = builder.input(shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 64}}));
    builder.sum(x, x);
    builder.graph().scopes = {{no_id, "net"}, {0, "add"}};
    builder.graph().operators.back().scope = 1;
    CHECK(host_of(builder.finish(1), stack).value() == 1);  // net alone
}

TEST_CASE("generated code enters no module, and launches for less than eager calls") {
    const Graph graph = in_modules({"net.blocks.0.block.fc", "net.blocks.1.block.fc"});
    Stack stack = eager();
    stack.eager_mode.dispatch.module_call = Seconds(3e-6);
    const Seconds in_eager = host_of(graph, stack);
    stack.compiled = true;
    const Seconds in_compiled = host_of(graph, stack);
    stack.cuda_graphs = true;
    CHECK(in_compiled < in_eager);
    CHECK(host_of(graph, stack) == Seconds(0));
}

TEST_CASE("the host beside the GPU and the stack's own speed multiply every call") {
    const Graph graph = in_modules({"net.fc"});
    Stack stack = eager();
    const double base = host_of(graph, stack).value();
    stack.host_of[static_cast<std::size_t>(Architecture::ampere)] = 1.5;
    CHECK(host_of(graph, stack, Architecture::ampere).value() == doctest::Approx(1.5 * base));
    CHECK(host_of(graph, stack, Architecture::hopper).value() == doctest::Approx(base));
    stack.host_speed = 2;
    CHECK(host_of(graph, stack, Architecture::ampere).value() == doctest::Approx(3 * base));
}

TEST_CASE("products with a bias in their epilogue and without one are calls of their own kind") {
    Stack stack = eager();
    stack.eager_mode.dispatch = {};
    stack.eager_mode.dispatch.linear = Seconds(5);
    stack.eager_mode.dispatch.matmul = Seconds(3);
    for (const bool bias : {false, true}) {
        GraphBuilder builder;
        const ValueId x = builder.input(shape_of({{"batch", 1}, {"tokens", 16}, {"channels", 64}}));
        CHECK(host_of(builder.finish(builder.linear(x, 64, bias)), stack).value() == (bias ? 5 : 3));
    }
}
