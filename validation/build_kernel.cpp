#include "cupola/validation/build_kernel.hpp"

#include "cupola/units/suggest.hpp"
#include "cupola/workload/expander.hpp"

#include <algorithm>
#include <limits>
#include <span>

namespace cupola::validation {
namespace {

constexpr std::int64_t most = std::int64_t{1} << 40;
constexpr double most_bytes = 0x1p50;

[[noreturn]] void fail(const Expression& expression, const Datum& found, std::string expected, std::string hint = {}) {
    std::string text = text_of(found);
    if (text != expression.text() && !expression.text().empty()) text += " from \"" + expression.text() + "\"";
    throw InputError({expression.where(), "", std::move(text), std::move(expected), std::move(hint)});
}

/// The enumerator whose name the expression gives.
template <typename Enumerators>
auto evaluate_choice(const Expression& expression, const Environment& row, std::string_view what,
                     const Enumerators& enumerators) {
    const std::string name = evaluate_text(expression, row, what);
    for (const auto enumerator : enumerators) {
        if (name_of(enumerator) == name) return enumerator;
    }
    fail(expression, Datum(name), std::string(what), suggestion(name, names_of(enumerators)));
}

DataType evaluate_type(const Expression& expression, const Environment& row) {
    const std::string name = evaluate_text(expression, row, "a data type");
    const auto type = parse_data_type(name);
    if (!type) fail(expression, Datum(name), "a data type: " + std::string(data_type_names()));
    return *type;
}

/// Evaluates the expressions of one row.
class Values {
public:
    explicit Values(const Environment& row) : row_(row) {}
    [[nodiscard]] std::int64_t size(const Expression& expression, std::string_view what) const {
        return evaluate_integer(expression, row_, what, 1, most);
    }
    [[nodiscard]] float factor(const Expression& expression, std::string_view what) const {
        return static_cast<float>(evaluate_number(expression, row_, what, 0, 1e9));
    }
    /// Right-aligned into frames, height, width; what is missing in front is `fill`.
    [[nodiscard]] std::array<std::int64_t, 3> extents(const Expression& expression, std::string_view what,
                                                      std::int64_t min, std::int64_t fill) const {
        const std::vector<Datum> list = evaluate_list(expression, row_);
        std::array<std::int64_t, 3> extents{fill, fill, fill};
        if (list.empty() || list.size() > extents.size()) {
            fail(expression, Datum(list), std::string(what) + ": one to three whole numbers");
        }
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto* whole = list[i].integer();
            if (whole == nullptr || *whole < min || *whole > most) {
                fail(expression, list[i], std::string(what) + ": whole numbers of at least " + std::to_string(min));
            }
            extents[extents.size() - list.size() + i] = *whole;
        }
        return extents;
    }

private:
    const Environment& row_;
};

double product(std::initializer_list<std::int64_t> factors) {
    double product = 1;
    for (const std::int64_t factor : factors) product *= static_cast<double>(factor);
    return product;
}

double product(const std::array<std::int64_t, 3>& extents) { return product({extents[0], extents[1], extents[2]}); }

void add(Kernel& kernel, Access access, double elements, DataType type) {
    Operand operand;
    operand.bytes = Bytes(elements * bytes_per_element(type));
    operand.access = access;
    add_operand(kernel, operand);
}

Kernel build(const GemmSpec& spec, const Environment& row) {
    const Values values(row);
    const DataType type = evaluate_type(spec.type, row);
    const DataType weight = evaluate_type(spec.weight, row);
    GemmWork work;
    work.batch = values.size(spec.batch, "batch");
    work.m = values.size(spec.m, "m");
    work.n = values.size(spec.n, "n");
    work.k = values.size(spec.k, "k");
    if (bytes_per_element(weight) < bytes_per_element(type)) work.weight = weight;
    work.block_scaled = evaluate_condition(spec.block_scaled, row);
    Kernel kernel{"gemm", Category::linear, type, work, {}, 0};
    add(kernel, Access::read, product({work.batch, work.m, work.k}), type);
    add(kernel, Access::weight, product({work.batch, work.k, work.n}), weight);
    add(kernel, Access::write, product({work.batch, work.m, work.n}), evaluate_type(spec.output, row));
    return kernel;
}

Kernel build(const AttentionSpec& spec, const Environment& row) {
    const Values values(row);
    AttentionWork work;
    work.batch = values.size(spec.batch, "batch");
    work.heads = values.size(spec.heads, "heads");
    work.kv_heads = values.size(spec.kv_heads, "kv_heads");
    work.queries = values.size(spec.queries, "queries");
    work.keys = values.size(spec.keys, "keys");
    work.head_dim = values.size(spec.head_dim, "head_dim");
    work.value_dim = values.size(spec.value_dim, "value_dim");
    work.causal = evaluate_condition(spec.causal, row);
    work.kernel = evaluate_choice(spec.kernel, row, "an attention kernel", all_attention_kernels);
    work.window = static_cast<std::int64_t>(values.factor(spec.window, "window"));
    work.paged = evaluate_condition(spec.paged, row);
    work.split = evaluate_condition(spec.split, row);
    if (work.heads % work.kv_heads != 0) {
        fail(spec.kv_heads, Datum(work.kv_heads), "a divisor of the " + std::to_string(work.heads) + " heads");
    }
    Kernel kernel{"attention", Category::attention, evaluate_type(spec.type, row), work, {}, 0};
    const DataType kv_type = evaluate_type(spec.kv_type, row);
    const bool cut = work.queries == 1 && work.window > 0;  // a single query reads no more than its window
    const std::int64_t seen = cut ? std::min(work.keys, work.window) : work.keys;
    add(kernel, Access::read, product({work.batch, work.heads, work.queries, work.head_dim}), kernel.type);
    add(kernel, Access::read, product({work.batch, work.kv_heads, seen, work.head_dim}), kv_type);
    add(kernel, Access::read, product({work.batch, work.kv_heads, seen, work.value_dim}), kv_type);
    add(kernel, Access::write, product({work.batch, work.heads, work.queries, work.value_dim}), kernel.type);
    return kernel;
}

Kernel build(const ConvolutionSpec& spec, const Environment& row) {
    const Values values(row);
    ConvolutionWork work;
    work.batch = values.size(spec.batch, "batch");
    work.in_channels = values.size(spec.in_channels, "in_channels");
    work.out_channels = values.size(spec.out_channels, "out_channels");
    work.groups = values.size(spec.groups, "groups");
    work.input = values.extents(spec.input, "input", 1, 1);
    work.kernel = values.extents(spec.kernel, "kernel", 1, 1);
    work.stride = values.extents(spec.stride, "stride", 1, 1);
    const auto padding = values.extents(spec.padding, "padding", 0, 0);
    for (std::size_t i = 0; i < work.output.size(); ++i) {
        const std::int64_t room = work.input[i] + 2 * padding[i] - work.kernel[i];
        if (room < 0) fail(spec.kernel, Datum(work.kernel[i]), "a filter that fits into the padded input");
        work.output[i] = room / work.stride[i] + 1;
    }
    if (work.in_channels % work.groups != 0 || work.out_channels % work.groups != 0) {
        fail(spec.groups, Datum(work.groups), "a divisor of both numbers of channels");
    }
    Kernel kernel{"conv", Category::convolution, evaluate_type(spec.type, row), work, {}, 0};
    const double filter = product({work.out_channels, work.in_channels / work.groups}) * product(work.kernel);
    add(kernel, Access::read, product({work.batch, work.in_channels}) * product(work.input), kernel.type);
    add(kernel, Access::weight, filter, kernel.type);
    add(kernel, Access::write, product({work.batch, work.out_channels}) * product(work.output),
        evaluate_type(spec.output, row));
    return kernel;
}

Category category_of(Pattern pattern) {
    switch (pattern) {
        case Pattern::streaming: return Category::elementwise;
        case Pattern::row_reduction:
        case Pattern::block_reduction: return Category::norm;
        case Pattern::strided_copy:
        case Pattern::transpose: return Category::data_movement;
        case Pattern::gather:
        case Pattern::chase: return Category::embedding;
    }
    return Category::elementwise;
}

Kernel build(const MemorySpec& spec, const Environment& row) {
    const Values values(row);
    MemoryWork work;
    work.pattern = evaluate_choice(spec.pattern, row, "a pattern", all_patterns);
    work.elements = values.size(spec.elements, "elements");
    work.rows = values.size(spec.rows, "rows");
    work.flops_per_element = values.factor(spec.flops, "flops");
    work.mufu_per_element = values.factor(spec.mufu, "mufu");
    work.sm_clocks_per_element = values.factor(spec.clocks_per_element, "clocks_per_element");
    work.sm_clocks_per_row = values.factor(spec.clocks_per_row, "clocks_per_row");
    work.row_threads = values.factor(spec.threads_per_row, "threads_per_row");
    work.in_flight_per_sm = values.factor(spec.in_flight_per_sm, "in_flight_per_sm");
    Kernel kernel{name_of(work.pattern), category_of(work.pattern), evaluate_type(spec.type, row), work, {}, 0};
    for (const OperandSpec& operand : spec.operands) {
        Operand built;
        built.access = operand.access;
        built.bytes = Bytes(evaluate_number(operand.bytes, row, "bytes", 0, most_bytes));
        built.passes = values.factor(operand.passes, "passes");
        built.run_bytes = values.factor(operand.run, "run");
        add_operand(kernel, built);
    }
    return kernel;
}

/// Unique bytes that a kernel touches.
double bytes_touched(const Kernel& kernel) {
    double bytes = 0;
    for (const Operand& operand : std::span(kernel.operands).first(kernel.operand_count)) {
        bytes += operand.bytes.value();
    }
    return bytes;
}

/// "the kernels are called a, b"
std::string labels_hint(const KernelSequence& sequence) {
    std::string labels;
    for (const Kernel& kernel : sequence.kernels) {
        if (labels.find(kernel.label) == std::string::npos)
            labels += (labels.empty() ? "" : ", ") + std::string(kernel.label);
    }
    return labels.empty() ? "" : "the kernels are called " + labels;
}

AxisName axis_name(const Descriptor& descriptor, NameId name, const SourcePosition& where) {
    const std::string& text = descriptor.names.text(name);
    if (text.size() <= AxisName::max_length) return AxisName(text);
    throw InputError({where, "", "the axis \"" + text + "\"", "a shorter name", ""});
}

}  // namespace

MeasuredKernel build_kernel(const KernelSpec& spec, const Environment& row) {
    MeasuredKernel built;
    built.kernel = std::visit([&row](const auto& work) { return build(work, row); }, spec.work);
    if (!spec.label.empty()) built.kernel.label = spec.label;
    built.count = evaluate_number(spec.count, row, "count", 0, 1e9);
    for (std::size_t i = 0; i < spec.reuse.size(); ++i) {
        if (spec.reuse[i].empty()) continue;
        built.kernel.operands[i].reuse_distance = Bytes(evaluate_number(spec.reuse[i], row, "reuse", 0, most_bytes));
    }
    return built;
}

std::vector<MeasuredKernel> build_kernels(const LayersSpec& spec, const Descriptor& descriptor,
                                          const std::vector<Binding>& variables, Architecture architecture) {
    const ExpandLimits limits;
    const Environment row{variables, &descriptor.names, nullptr};
    Expander expander(descriptor, limits, evaluate_type(spec.type, row));
    for (const Binding& binding : variables) expander.define(binding.name, binding.value);
    for (const StageInput& input : spec.inputs) {
        Shape shape;
        for (const auto& [axis, size] : input.axes) {
            if (shape.atom_count() == Shape::max_atoms) {
                throw InputError({input.where, "", "more than 8 axes", "at most 8", ""});
            }
            shape.push_axis(axis_name(descriptor, axis, input.where),
                            evaluate_integer(size, row, "a size", 1, std::int64_t{1} << 40));
        }
        expander.add_input(input.name, shape, evaluate_type(input.type.empty() ? spec.type : input.type, row));
    }
    expander.run(spec.layers);
    const KernelSequence sequence = lower(expander.finish(spec.inputs.front().where), spec.stack, architecture);
    double whole_pass = 0;
    for (const KernelInstance& launch : sequence.launches) {
        whole_pass += bytes_touched(sequence.kernels[launch.kernel]);
    }
    std::vector<MeasuredKernel> kernels;
    for (const KernelInstance& launch : sequence.launches) {
        const Kernel& kernel = sequence.kernels[launch.kernel];
        if (!spec.only.empty() && std::find(spec.only.begin(), spec.only.end(), kernel.label) == spec.only.end()) {
            continue;
        }
        MeasuredKernel& measured = kernels.emplace_back(MeasuredKernel{kernel, 1});
        for (Operand& operand : std::span(measured.kernel.operands).first(measured.kernel.operand_count)) {
            if (operand.reuse_distance.value() >= whole_pass) {
                operand.reuse_distance = Bytes(std::numeric_limits<double>::infinity());
            }
        }
    }
    if (!kernels.empty()) return kernels;
    throw InputError(
        {spec.inputs.front().where, "", "layers without a kernel that counts", "at least one", labels_hint(sequence)});
}

void set_hot(std::vector<MeasuredKernel>& kernels, double buffers) {
    double footprint = 0;
    for (const MeasuredKernel& measured : kernels) footprint += bytes_touched(measured.kernel);
    for (MeasuredKernel& measured : kernels) {
        for (Operand& operand : std::span(measured.kernel.operands).first(measured.kernel.operand_count)) {
            if (operand.reuse_distance < Bytes(std::numeric_limits<double>::infinity())) continue;
            operand.reuse_distance = Bytes(footprint * buffers - operand.bytes.value());
        }
    }
}

std::string evaluate_text(const Expression& expression, const Environment& environment, std::string_view what) {
    Datum value = expression.evaluate(environment);
    if (value.text() == nullptr) fail(expression, value, std::string(what));
    return *value.text();
}

double evaluate_number(const Expression& expression, const Environment& environment, std::string_view what, double min,
                       double max) {
    const Datum value = expression.evaluate(environment);
    if (value.is_number() && value.number() >= min && value.number() <= max) return value.number();
    fail(expression, value,
         std::string(what) + ": a number from " + text_of(Datum(min)) + " to " + text_of(Datum(max)));
}

}  // namespace cupola::validation
