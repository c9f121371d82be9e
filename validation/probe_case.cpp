#include "cupola/validation/probe_case.hpp"

#include "cupola/units/overloaded.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace cupola::validation {
namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 31;  ///< of an extent, what the probe's plan takes
constexpr double most_bytes = 64.0 * 1024 * 1024 * 1024;       ///< of an operand

/// A kernel that the probe has no case for.
struct NoCase {
    std::string reason;
};

/// A line of the plan, field after field.
class Line {
public:
    explicit Line(std::string kind) : text_(std::move(kind)) {}
    Line& word(std::string_view name, std::string_view value) {
        text_ += ' ' + std::string(name) + '=' + std::string(value);
        return *this;
    }
    Line& number(std::string_view name, std::int64_t value) {
        if (value < 1 || value > most_elements) throw NoCase{"an extent beyond what the probe takes"};
        return word(name, std::to_string(value));
    }
    Line& optional(std::string_view name, std::int64_t value, std::int64_t fallback) {
        return value == fallback ? *this : word(name, std::to_string(value));
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

std::string type_in(const Kernel& kernel, std::initializer_list<DataType> types) {
    if (std::find(types.begin(), types.end(), kernel.type) != types.end()) return std::string(name_of(kernel.type));
    throw NoCase{"data type " + std::string(name_of(kernel.type))};
}

std::span<const Operand> operands_of(const Kernel& kernel) {
    return std::span(kernel.operands).first(kernel.operand_count);
}

/// The largest divisor of `count` that is a multiple of `step` and at most `limit`; 0: none.
std::int64_t divisor_below(std::int64_t count, std::int64_t step, std::int64_t limit) {
    for (std::int64_t divisor = limit / step * step; divisor > 0; divisor -= step) {
        if (count % divisor == 0) return divisor;
    }
    return 0;
}

std::int64_t volume(const std::array<std::int64_t, 3>& extents) { return extents[0] * extents[1] * extents[2]; }

// ------------------------------------------------------------------------------------------------ matrix kernels

Line line_of(const GemmWork& work, const Kernel& kernel, const Operator& op) {
    if (work.weight || work.block_scaled) throw NoCase{"weights of another type than the product's, or block scales"};
    if (work.integer_lanes) throw NoCase{"int8 product with k across the rows of a factor"};
    Line line("gemm");
    line.word("type", type_in(kernel, {DataType::fp16, DataType::bf16, DataType::tf32, DataType::fp32, DataType::int8,
                                       DataType::fp8}));
    if (work.batch > 1) line.number("batch", work.batch);
    line.number("m", work.m).number("n", work.n).number("k", work.k);
    const auto weight = std::find_if(kernel.operands.begin(), kernel.operands.begin() + kernel.operand_count,
                                     [](const Operand& operand) { return operand.access == Access::weight; });
    const double filter = static_cast<double>(work.n) * static_cast<double>(work.k) * bytes_per_element(kernel.type);
    const bool has_bias = std::holds_alternative<Linear>(op.kind) &&
                          weight != kernel.operands.begin() + kernel.operand_count && weight->bytes.value() > filter;
    return has_bias ? line.word("epilogue", "bias") : line;
}

Line line_of(const ConvolutionWork& work, const Kernel& kernel, const Operator& op) {
    const auto* conv = std::get_if<Convolution>(&op.kind);
    if (conv == nullptr || conv->transposed) throw NoCase{"transposed convolution"};
    if (work.groups != 1) throw NoCase{"convolution in groups"};
    if (conv->pad_before != conv->pad_after) throw NoCase{"convolution padded on one side"};
    if (work.stride[1] != work.stride[2]) throw NoCase{"convolution with unequal strides"};
    Line line("conv");
    line.word("type", type_in(kernel, {DataType::fp16, DataType::bf16, DataType::tf32})).word("layout", "nhwc");
    line.number("batch", work.batch).number("in", work.in_channels).number("out", work.out_channels);
    const bool is_3d = work.input[0] > 1 || work.kernel[0] > 1;
    if (is_3d) line.number("depth", work.input[0]);
    line.number("height", work.input[1]).number("width", work.input[2]);
    if (is_3d) line.number("kernel_d", work.kernel[0]);
    line.number("kernel_h", work.kernel[1]).number("kernel_w", work.kernel[2]).number("stride", work.stride[1]);
    if (is_3d) line.optional("stride_d", work.stride[0], work.stride[1]);
    for (const std::int64_t padding : conv->pad_before) {
        if (padding > 64) throw NoCase{"convolution padded by more than 64"};
    }
    if (is_3d) line.optional("pad_d", conv->pad_before[0], 0);
    return line.word("pad_h", std::to_string(conv->pad_before[1])).word("pad_w", std::to_string(conv->pad_before[2]));
}

Line line_of(const AttentionWork& work, const Kernel& kernel, const Operator&) {
    if (work.kv_heads != work.heads) throw NoCase{"attention whose heads share keys"};
    if (work.value_dim != work.head_dim) throw NoCase{"attention with values of another width"};
    if (work.window > 0 || kernel.operand_count > 4) throw NoCase{"attention with a window, a mask or a bias"};
    if (work.head_dim > 256 || work.head_dim % 8 != 0) throw NoCase{"attention of an odd or large head dim"};
    const bool causal = work.causal && work.queries > 1;  // a single query sees every key
    if (causal && work.queries > work.keys) throw NoCase{"causal attention with fewer keys than queries"};
    Line line("attention");
    // cuDNN's causal mask is for as many queries as keys
    line.word("library", causal && work.queries != work.keys ? "own" : "cudnn");
    line.word("type", type_in(kernel, {DataType::fp16, DataType::bf16}));
    line.number("batch", work.batch).number("heads", work.heads).number("queries", work.queries);
    line.number("keys", work.keys).number("dim", work.head_dim).optional("causal", causal ? 1 : 0, 0);
    return kernel.operands[0].run_bytes > 0 ? line.word("layout", "bshd") : line;
}

// ------------------------------------------------------------------------------------------------ memory-bound

std::string memory_type(const Kernel& kernel) {
    return type_in(kernel, {DataType::fp16, DataType::bf16, DataType::fp32});
}

bool is_full(const Operand& operand, const Kernel& kernel, const MemoryWork& work) {
    return operand.bytes.value() == static_cast<double>(work.elements) * bytes_per_element(kernel.type);
}

/// Reads one whole tensor and writes another, with parameters at most beside them.
bool maps_one_tensor(const Kernel& kernel, const MemoryWork& work) {
    std::size_t reads = 0, writes = 0;
    for (const Operand& operand : operands_of(kernel)) {
        if (operand.access == Access::weight) continue;
        if (!is_full(operand, kernel, work)) return false;
        ++(operand.access == Access::read ? reads : writes);
    }
    return reads == 1 && writes == 1;
}

std::int64_t pack_of(const Kernel& kernel) { return static_cast<std::int64_t>(16 / bytes_per_element(kernel.type)); }

/// As many operands of as many bytes; what a pass reads again counts again.
Line traffic_line(const Kernel& kernel) {
    std::array<double, 4> reads{};
    std::array<double, 2> writes{};
    std::size_t read = 0, write = 0;
    for (const Operand& operand : operands_of(kernel)) {
        const double bytes = std::ceil(operand.bytes.value() * static_cast<double>(operand.passes));
        if (bytes > most_bytes) throw NoCase{"an operand beyond what the probe takes"};
        if (operand.access == Access::write) {
            writes[std::min(write++, writes.size() - 1)] += bytes;
        } else {
            reads[std::min(read++, reads.size() - 1)] += bytes;
        }
    }
    const bool half = kernel.type == DataType::fp16 || kernel.type == DataType::bf16;
    Line line("traffic");
    line.word("type", half ? name_of(kernel.type) : "fp32");
    for (std::size_t i = 0; i < reads.size(); ++i) {
        line.optional("read" + std::to_string(i + 1), static_cast<std::int64_t>(reads[i]), 0);
    }
    for (std::size_t i = 0; i < writes.size(); ++i) {
        line.optional("write" + std::to_string(i + 1), static_cast<std::int64_t>(writes[i]), 0);
    }
    if (read + write == 0) throw NoCase{"no bytes"};
    return line;
}

/// cuDNN's layout copies are transposes of channels and positions.
Line transpose_line(const Kernel& kernel, const Convolution& conv) {
    Line line("transpose");
    line.word("type", memory_type(kernel));
    const bool is_filter = kernel.label == "conv.filter_layout", is_output = kernel.label == "conv.nhwc_to_nchw";
    const std::int64_t outer = is_filter ? conv.out_channels : conv.batch;
    const std::int64_t channels = is_filter   ? conv.in_channels / conv.groups
                                  : is_output ? conv.out_channels
                                              : conv.in_channels;
    const std::int64_t positions = volume(is_filter ? conv.kernel : is_output ? conv.output : conv.input);
    constexpr std::int64_t tile = 32, most_blocks = 65535;  // of the probe's kernel; a grid's y and z
    if (outer > most_blocks || std::max(channels, positions) > tile * most_blocks) return traffic_line(kernel);
    return line.number("batch", outer)
        .number("rows", is_output ? positions : channels)
        .number("columns", is_output ? channels : positions);
}

/// Runs of a few bytes that change places: the nearest of the probe's permutes.
Line permute_line(const Kernel& kernel, const MemoryWork& work) {
    float run = 0;
    for (const Operand& operand : operands_of(kernel)) run = std::max(run, operand.run_bytes);
    const auto inner = static_cast<std::int64_t>(static_cast<double>(run) / bytes_per_element(kernel.type));
    if (inner < 1 || work.elements % inner != 0) return traffic_line(kernel);
    const std::int64_t runs = work.elements / inner;
    const auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(runs)));
    const std::int64_t rows = std::max<std::int64_t>(divisor_below(runs, 1, root), 1);
    Line line("permute");
    line.word("type", memory_type(kernel)).number("batch", 1);
    return line.number("rows", rows).number("columns", runs / rows).number("inner", inner);
}

/// The moments of a GroupNorm, or their application: the probe's kernels of the way in several passes.
Line group_norm_line(const Kernel& kernel, const MemoryWork& work) {
    const bool is_apply = kernel.label == "group_norm.apply";
    std::int64_t planes = work.rows;
    if (is_apply) planes = static_cast<std::int64_t>(kernel.operands[1].bytes.value()) / 8;  // two fp32 factors each
    if (planes < 1 || work.elements % planes != 0 || work.elements / planes % pack_of(kernel) != 0) {
        return traffic_line(kernel);
    }
    Line line("group_norm");
    line.word("type", memory_type(kernel)).number("batch", 1).number("channels", planes);
    line.number("spatial", work.elements / planes).number("groups", planes).word("passes", "multi");
    return line.word("part", is_apply ? "apply" : "moments");
}

Line row_norm_line(const Kernel& kernel, const MemoryWork& work, const char* op) {
    const std::int64_t columns = work.elements / std::max<std::int64_t>(work.rows, 1);
    const bool is_whole = columns * work.rows == work.elements && columns % pack_of(kernel) == 0;
    if (!is_whole || !maps_one_tensor(kernel, work)) return traffic_line(kernel);
    Line line("row_norm");
    line.word("op", op).word("type", memory_type(kernel)).number("rows", work.rows).number("columns", columns);
    constexpr double shared_memory = 96.0 * 1024;  // what any GPU that the probe is built for gives a block
    const bool fits = static_cast<double>(columns) * bytes_per_element(kernel.type) < shared_memory;
    return fits ? line : line.word("passes", "multi");
}

Line pointwise_line(const Kernel& kernel, const MemoryWork& work, const char* op, std::int64_t columns) {
    if (columns < 1 || columns % pack_of(kernel) != 0 || work.elements % columns != 0) return traffic_line(kernel);
    Line line("pointwise");
    line.word("op", op).word("type", memory_type(kernel));
    return line.number("rows", work.elements / columns).number("columns", columns);
}

Line upsample_line(const Kernel& kernel, const MemoryWork& work, const Graph& graph, const Operator& op) {
    const Shape& shape = graph.values[graph.inputs(op).front()].shape;
    const std::size_t rank = shape.rank();
    if (rank < 3 || std::get<Upsample>(op.kind).mode != UpsampleMode::nearest) return traffic_line(kernel);
    const std::int64_t height = shape.axis_size(rank - 2), width = shape.axis_size(rank - 1);
    const std::int64_t planes = work.elements / (4 * height * width);
    const bool is_twofold = kernel.operand_count == 2 &&
                            kernel.operands[1].bytes.value() == 4 * kernel.operands[0].bytes.value() &&
                            planes * 4 * height * width == work.elements;
    if (!is_twofold || 2 * width % pack_of(kernel) != 0) return traffic_line(kernel);
    Line line("upsample");
    line.word("type", memory_type(kernel)).number("batch", 1).number("channels", planes);
    return line.number("height", height).number("width", width);
}

Line line_of(const MemoryWork& work, const Kernel& kernel, const Graph& graph, const Operator& op) {
    const std::string_view label = kernel.label;
    const bool known = kernel.type == DataType::fp16 || kernel.type == DataType::bf16 || kernel.type == DataType::fp32;
    if (!known) return traffic_line(kernel);
    if (work.pattern == Pattern::chase) throw NoCase{"a chain of dependent loads"};
    const std::int64_t columns = divisor_below(work.elements, pack_of(kernel), 4096);
    const auto* const conv = std::get_if<Convolution>(&op.kind);
    if (work.pattern == Pattern::transpose && conv != nullptr) return transpose_line(kernel, *conv);
    if (work.pattern == Pattern::strided_copy) return permute_line(kernel, work);
    if (label == "group_norm.statistics" || label == "group_norm.apply") return group_norm_line(kernel, work);
    if (label == "layer_norm" || label == "fused.layer_norm") return row_norm_line(kernel, work, "layer_norm");
    if (label == "fused.rms_norm") return row_norm_line(kernel, work, "rms_norm");
    if (label == "softmax" || label == "attention.softmax") return row_norm_line(kernel, work, "softmax");
    if (label == "upsample" && std::holds_alternative<Upsample>(op.kind)) return upsample_line(kernel, work, graph, op);
    const bool maps = maps_one_tensor(kernel, work);
    if (maps && (label == "silu" || label == "gelu")) {
        return pointwise_line(kernel, work, label == "silu" ? "silu" : "gelu", columns);
    }
    const auto operands = operands_of(kernel);
    const bool all_full = std::all_of(operands.begin(), operands.end(),
                                      [&](const Operand& operand) { return is_full(operand, kernel, work); });
    if (label == "add" && all_full && operands.size() == 3) return pointwise_line(kernel, work, "add", columns);
    return traffic_line(kernel);
}

}  // namespace

ProbeCase probe_case(const Kernel& kernel, const KernelCost& cost, const Graph& graph, const Operator& op) {
    try {
        Line line = std::visit(overloaded{[&](const MemoryWork& work) { return line_of(work, kernel, graph, op); },
                                          [&](const auto& work) { return line_of(work, kernel, op); }},
                               kernel.work);
        const bool resident = cost.dram_bytes < 0.5 * compulsory_bytes(kernel);
        return {resident ? line.word("cache", "hot").text() : line.text(), {}};
    } catch (const NoCase& none) {
        return {{}, none.reason};
    }
}

}  // namespace cupola::validation
