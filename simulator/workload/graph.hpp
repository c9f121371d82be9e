#pragma once

#include "cupola/units/data_type.hpp"
#include "cupola/workload/operator.hpp"
#include "cupola/workload/shape.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cupola {

using ValueId = std::uint32_t;
inline constexpr std::uint32_t no_id = 0xffffffffU;

/// A tensor: the result of one operator, or an input of the pass.
struct Value {
    Shape shape;
    DataType type = DataType::fp16;
    std::uint32_t producer = no_id;  ///< operator index; no_id for inputs and for state of earlier steps
    bool persistent = false;         ///< lives beyond the pass (a KV cache, an input kept for all steps)
};

/// The parameters of one or more operators (tied weights share an entry).
struct Weight {
    std::uint64_t key = 0;  ///< the same in every pass and stage that uses these parameters
    std::int64_t parameters = 0;
    DataType type = DataType::fp16;
    double quantised_bytes = 0;  ///< all of them in memory, scales included, where they are narrower than `type`
};
/// What the parameters take in memory.
[[nodiscard]] inline double memory_bytes(const Weight& weight) {
    return weight.quantised_bytes > 0 ? weight.quantised_bytes
                                      : static_cast<double>(weight.parameters) * bytes_per_element(weight.type);
}

/// A node of the module tree; a module path is read from leaf to root.
struct Scope {
    std::uint32_t parent = no_id;
    std::string name;
};

/// The furthest that a stack may go with an operator. What surrounds a model (a beam search, a sampler) stays out of
/// its compiled module and of its CUDA graph.
enum class Execution : std::uint8_t { captured, compiled, eager };

struct Operator {
    OperatorKind kind;
    std::uint32_t first_input = 0, input_count = 0;  ///< a slice of Graph::operands
    ValueId output = no_id;
    std::uint32_t weight = no_id;  ///< index into Graph::weights
    std::uint32_t scope = no_id;   ///< index into Graph::scopes
    Execution limit = Execution::captured;
};

/// The operators of one forward pass in execution order.
struct Graph {
    std::vector<Operator> operators;
    std::vector<Value> values;
    std::vector<ValueId> operands;
    std::vector<Weight> weights;
    std::vector<Scope> scopes;
    std::vector<ValueId> outputs;
    bool new_shapes = false;  ///< sizes follow an input of any length: libraries have not seen them before

    [[nodiscard]] std::span<const ValueId> inputs(const Operator& op) const;
    [[nodiscard]] const Value& output(const Operator& op) const;
    /// Bytes of the operator's inputs, parameters and output, each once; 0 for a view. Of a table
    /// or a cache only the rows that are read or written.
    [[nodiscard]] double bytes(const Operator& op) const;
    /// "down.0.resnet.1.conv1"
    [[nodiscard]] std::string path(std::uint32_t scope) const;
};

/// Multiply-adds by kind, exact in a double up to 2^53.
struct MacCounts {
    double conv = 0, linear = 0, attention = 0;
    [[nodiscard]] double total() const { return conv + linear + attention; }
    MacCounts& operator+=(const MacCounts& other);
    [[nodiscard]] MacCounts scaled(double factor) const;
};
[[nodiscard]] MacCounts count_macs(const Graph& graph);

/// Bytes that cross a link before or during a pass: offloaded weights, the other GPU's half of a guided step.
struct Transfer {
    enum class Link { host, peer };
    Link link = Link::host;
    double bytes = 0;
    bool overlapped = false;  ///< while the pass's kernels run; else before the first of them
};

/// Some steps of a stage that share one graph.
struct Pass {
    double count = 1;             ///< how many steps it stands for; fractional for interpolated or expected steps
    std::int64_t first_step = 0;  ///< a step at which the shapes are exactly these
    Graph graph;
    std::vector<Transfer> transfers{};  ///< in each step
};

/// A part of the run: text encoder, denoiser x steps, VAE decoder; prefill, decode x tokens.
struct Stage {
    std::string name;       ///< "denoiser"
    std::string component;  ///< the network whose weights it uses: stages of one component share them
    std::vector<Pass> passes;
    int syncs = 0;  ///< times that the program waits for the GPU in each step, besides what the stack says
    [[nodiscard]] double steps() const;
};

/// One network: its parameters once, whatever stages run it.
struct Component {
    std::string name;
    std::int64_t parameters = 0;
    double weight_bytes = 0;
};

/// A parameter of a workload as it was set for this run.
struct ParameterSetting {
    std::string name, value, fallback, unit, about;
    bool is_default = true;
    std::string range{};  ///< what else it may be set to, for a person: "1 to 1000", "a multiple of 64"; may be empty
};

/// What the model's file says a component's counts should be, at some settings.
struct Expectation {
    std::string component;
    std::optional<std::int64_t> parameters;
    std::optional<MacCounts> macs;                        ///< of one pass of each of its stages
    std::vector<std::pair<std::string, std::string>> at;  ///< settings, as for --set
    std::string source;
};

/// A model with its parameters fixed: what the stack lowers.
struct Workload {
    std::string name, title, status;
    std::vector<std::string> sources;
    std::vector<ParameterSetting> parameters;
    std::vector<Component> components;
    std::vector<Stage> stages;
    std::vector<Expectation> expectations;
};

/// One pass of every stage of the component, summed.
[[nodiscard]] MacCounts component_macs(const Workload& workload, const std::string& component);
/// All steps of all stages.
[[nodiscard]] MacCounts run_macs(const Workload& workload);

}  // namespace cupola
