#include "cupola/config/data_files.hpp"
#include "cupola/config/layer_reader.hpp"
#include "cupola/config/load_dataset.hpp"
#include "cupola/config/node.hpp"
#include "cupola/validation/build_kernel.hpp"

#include <algorithm>
#include <array>

namespace cupola::config {
namespace {

using namespace validation;

std::string text_at(const Node& map, std::string_view key) {
    const Node node = map.at(key);
    if (!node.is_scalar() || node.text().empty()) node.fail(node.description(), "a text");
    return node.text();
}

/// The names that the expressions of layers mention.
void collect_names(const std::vector<Layer>& layers, std::vector<NameId>& names) {
    const auto collect = [&names](const Expression& expression) {
        const std::vector<NameId> found = expression.names();
        names.insert(names.end(), found.begin(), found.end());
    };
    for (const Layer& layer : layers) {
        for (const Argument& argument : layer.arguments) {
            collect(argument.expression);
            for (const auto& [name, expression] : argument.bindings) collect(expression);
            collect_names(argument.layers, names);
        }
    }
}

/// Reads one adapter file.
class AdapterReader {
public:
    /// `attached`: the GPU of a file of results that the adapter does not name, null where it names both.
    AdapterReader(std::string data, const Gpu* attached)
        : data_(std::move(data)), attached_(attached), expressions_(adapter_.descriptor) {
        for (const char* name : {"", "channels", "choice"}) (void)expressions_.intern(name);  // that layers make
        adapter_.line = expressions_.intern("line");
        adapter_.labels = std::make_shared<std::vector<std::string>>();
    }

    Adapter read(const DataFile& file) {
        const Node root = read_yaml_file(file.path);
        root.allow_only({"name",     "title",    "source", "file",  "gpu",       "library",  "clock",
                         "columns",  "where",    "let",    "skip",  "time",      "overhead", "weight",
                         "launches", "counters", "split",  "label", "tolerance", "rows"});
        adapter_.where = root.position();
        adapter_.name = text_at(root, "name");
        if (!file.required_name.empty() && adapter_.name != file.required_name) {
            root.at("name").fail("\"" + adapter_.name + "\"", "\"" + file.required_name + "\", as the file is called");
        }
        adapter_.title = text_at(root, "title");
        adapter_.source = text_at(root, "source");
        adapter_.library = text_at(root, "library");
        if (attached_ == nullptr) {
            adapter_.file = text_at(root, "file");
            read_gpus(root.at("gpu"));
        } else {
            attach(root);
        }
        if (const auto clock = root.find("clock")) read_clocks(*clock);
        if (const auto columns = root.find("columns")) read_columns(*columns);
        if (const auto where = root.find("where")) adapter_.condition = expressions_.read_expression(*where);
        if (const auto variables = root.find("let")) {
            for (auto& variable : expressions_.read_bindings(*variables))
                adapter_.variables.push_back(std::move(variable));
        }
        if (const auto skip = root.find("skip")) adapter_.skip = expressions_.read_expression(*skip);
        adapter_.time = expressions_.read_expression(root.at("time"));
        adapter_.overhead = optional(root, "overhead", constant(root, 0));
        adapter_.weight = optional(root, "weight", constant(root, 1));
        if (const auto launches = root.find("launches")) adapter_.launches = expressions_.read_expression(*launches);
        if (const auto counters = root.find("counters")) read_counters(*counters);
        adapter_.split = read_list(root.at("split"));
        const auto label = root.find("label");
        adapter_.label = label ? read_list(*label) : adapter_.split;
        if (const auto tolerance = root.find("tolerance")) read_tolerance(*tolerance);
        read_rows(root.at("rows"));
        return std::move(adapter_);
    }

private:
    // ------------------------------------------------------------------------------------------ hardware

    /// What `load` makes of the name that stands here; a name that is unknown is a mistake in this place.
    template <typename Load>
    auto load_at(const Node& node, const Load& load) const {
        try {
            return load(data_, node.text());
        } catch (const InputError& error) {
            if (error.fault().where.file) throw;
            InputFault fault = error.fault();
            fault.where = node.position();
            fault.key_path = node.key_path();
            throw InputError(std::move(fault));
        }
    }

    void read_gpus(const Node& node) {
        if (node.is_scalar()) {
            adapter_.gpus.push_back(load_at(node, load_gpu));
            return;
        }
        if (!node.is_map()) node.fail(node.description(), "a GPU, or {column: …, names: {value: GPU, …}}");
        node.allow_only({"column", "names"});
        adapter_.gpu.column = ColumnName{0, text_at(node, "column"), node.at("column").position()};
        for (const auto& entry : node.at("names").entries()) {
            adapter_.gpu.values.emplace_back(entry.key, static_cast<std::uint32_t>(adapter_.gpus.size()));
            adapter_.gpus.push_back(load_at(entry.value, load_gpu));
        }
        if (adapter_.gpus.empty()) node.at("names").fail("an empty map", "at least one value of the column");
    }

    /// The GPU of the results, whose architecture expressions find under that name.
    void attach(const Node& root) {
        for (const char* key : {"file", "gpu"}) {
            if (const auto given = root.find(key)) given->fail(given->description(), "neither: results bring both");
        }
        adapter_.gpus.push_back(*attached_);
        const Datum architecture(std::string(name_of(attached_->architecture)));
        adapter_.variables.emplace_back(expressions_.intern("architecture"),
                                        Expression::of(architecture, root.position()));
    }

    /// One map of clocks, or one for each of several GPUs by name.
    void read_clocks(const Node& node) {
        const auto tensor = node.find("tensor");
        if (tensor && tensor->is_map() && tensor->find("expression")) return read_row_clock_expressions(node);
        if (!adapter_.gpu.column) return read_clocks(node, adapter_.gpus.front());
        std::vector<std::string> names;
        for (const Gpu& gpu : adapter_.gpus) names.push_back(gpu.name);
        node.allow_only(names);
        for (Gpu& gpu : adapter_.gpus) {
            if (const auto clocks = node.find(gpu.name)) read_clocks(*clocks, gpu);
        }
    }

    /// The adapter's one GPU once more, at the clocks of some rows.
    std::uint32_t read_row_clocks(const Node& node) {
        if (adapter_.gpu.column) node.fail("clocks of rows on several GPUs", "one `gpu`");
        Gpu gpu = adapter_.gpus.front();
        read_clocks(node, gpu);
        adapter_.gpus.push_back(std::move(gpu));
        return static_cast<std::uint32_t>(adapter_.gpus.size() - 1);
    }

    /// `clock: {tensor: {expression: sm_clock_hz}, …}`
    void read_row_clock_expressions(const Node& node) {
        node.allow_only({"tensor", "simt", "source"});
        (void)text_at(node, "source");
        adapter_.clocks.tensor = read_text(node.at("tensor"));
        adapter_.clocks.simt = read_text(node.at("simt"));
    }

    static void read_clocks(const Node& node, Gpu& gpu) {
        node.allow_only({"tensor", "simt", "source"});
        (void)text_at(node, "source");
        const auto read = [&](const char* key, Hertz& clock) {
            if (const auto given = node.find(key)) clock = given->quantity(Hertz(1e8), gpu.boost_clock);
        };
        read("tensor", gpu.sustained_tensor_clock);
        read("simt", gpu.sustained_simt_clock);
    }

    // ------------------------------------------------------------------------------------------ values

    void read_columns(const Node& node) {
        for (const auto& entry : node.entries()) {
            adapter_.columns.push_back({expressions_.intern(entry.key), entry.value.text(), entry.value.position()});
        }
    }

    std::vector<Expression> read_list(const Node& node) {
        std::vector<Expression> expressions;
        for (const Node& item : node.items()) expressions.push_back(expressions_.read_expression(item));
        if (expressions.empty()) node.fail(node.description(), "at least one value");
        return expressions;
    }

    void read_counters(const Node& node) {
        node.allow_only({"group", "dram", "l1_hits", "l2_hits"});
        CountersSpec& spec = adapter_.counters.emplace();
        spec.group = read_text(node.at("group"));
        spec.dram = optional(node, "dram", {});
        spec.l1_hits = optional(node, "l1_hits", {});
        spec.l2_hits = optional(node, "l2_hits", {});
    }

    void read_tolerance(const Node& node) {
        node.allow_only({"mape", "bias"});
        if (const auto mape = node.find("mape")) adapter_.tolerance.mape = mape->number(0, 100);
        if (const auto bias = node.find("bias")) adapter_.tolerance.bias = bias->number(0, 100);
    }

    /// A text as it stands, or {expression: …} that gives one for each row.
    Expression read_text(const Node& node, const std::vector<std::string>& choices = {}) {
        if (node.is_map()) {
            node.allow_only({"expression"});
            return expressions_.read_expression(node.at("expression"));
        }
        if (!choices.empty()) (void)node.one_of(choices);
        return Expression::of(Datum(node.text()), node.position());
    }

    Expression type_at(const Node& map, const char* key, const Expression* fallback = nullptr) {
        static const std::vector<std::string> names = names_of(all_data_types);
        if (const auto node = map.find(key)) return read_text(*node, names);
        return fallback != nullptr ? *fallback : read_text(map.at(key), names);
    }

    Expression required(const Node& map, const char* key) { return expressions_.read_expression(map.at(key)); }

    Expression optional(const Node& map, const char* key, const Expression& fallback) {
        const auto node = map.find(key);
        return node ? expressions_.read_expression(*node) : fallback;
    }

    static Expression constant(const Node& map, std::int64_t value) {
        return Expression::of(Datum(value), map.position());
    }

    // ------------------------------------------------------------------------------------------ kernels

    GemmSpec read_gemm(const Node& map) {
        map.allow_only({"type", "weight", "output", "batch", "m", "n", "k", "block_scaled", "reuse", "count", "label"});
        GemmSpec spec;
        spec.type = type_at(map, "type");
        spec.weight = type_at(map, "weight", &spec.type);
        spec.output = type_at(map, "output", &spec.type);
        spec.batch = optional(map, "batch", constant(map, 1));
        spec.m = required(map, "m");
        spec.n = required(map, "n");
        spec.k = required(map, "k");
        spec.block_scaled = optional(map, "block_scaled", constant(map, 0));
        return spec;
    }

    AttentionSpec read_attention(const Node& map) {
        static const std::vector<std::string> kernels = names_of(all_attention_kernels);
        map.allow_only({"type", "kv_type", "kernel", "batch", "heads", "kv_heads", "queries", "keys", "head_dim",
                        "value_dim", "causal", "window", "paged", "split", "reuse", "count", "label"});
        AttentionSpec spec;
        spec.type = type_at(map, "type");
        spec.kv_type = type_at(map, "kv_type", &spec.type);
        spec.kernel = read_text(map.at("kernel"), kernels);
        spec.batch = optional(map, "batch", constant(map, 1));
        spec.heads = required(map, "heads");
        spec.kv_heads = optional(map, "kv_heads", spec.heads);
        spec.queries = required(map, "queries");
        spec.keys = optional(map, "keys", spec.queries);
        spec.head_dim = required(map, "head_dim");
        spec.value_dim = optional(map, "value_dim", spec.head_dim);
        spec.causal = optional(map, "causal", constant(map, 0));
        spec.window = optional(map, "window", constant(map, 0));
        spec.paged = optional(map, "paged", constant(map, 0));
        spec.split = optional(map, "split", constant(map, 1));
        return spec;
    }

    ConvolutionSpec read_convolution(const Node& map) {
        map.allow_only({"type", "output", "batch", "in_channels", "out_channels", "groups", "input", "kernel", "stride",
                        "padding", "reuse", "count", "label"});
        ConvolutionSpec spec;
        spec.type = type_at(map, "type");
        spec.output = type_at(map, "output", &spec.type);
        spec.batch = optional(map, "batch", constant(map, 1));
        spec.in_channels = required(map, "in_channels");
        spec.out_channels = required(map, "out_channels");
        spec.groups = optional(map, "groups", constant(map, 1));
        spec.input = required(map, "input");
        spec.kernel = required(map, "kernel");
        spec.stride = optional(map, "stride", constant(map, 1));
        spec.padding = optional(map, "padding", constant(map, 0));
        return spec;
    }

    MemorySpec read_memory(const Node& map) {
        static const std::vector<std::string> patterns = names_of(all_patterns);
        map.allow_only({"type", "pattern", "elements", "rows", "flops", "mufu", "clocks_per_element", "clocks_per_row",
                        "threads_per_row", "in_flight_per_sm", "weights", "reads", "writes", "count", "label"});
        MemorySpec spec;
        spec.type = type_at(map, "type");
        spec.pattern = read_text(map.at("pattern"), patterns);
        spec.elements = required(map, "elements");
        spec.rows = optional(map, "rows", constant(map, 1));
        spec.flops = optional(map, "flops", constant(map, 1));
        spec.mufu = optional(map, "mufu", constant(map, 0));
        spec.clocks_per_element = optional(map, "clocks_per_element", constant(map, 0));
        spec.clocks_per_row = optional(map, "clocks_per_row", constant(map, 0));
        spec.threads_per_row = optional(map, "threads_per_row", constant(map, 0));
        spec.in_flight_per_sm = optional(map, "in_flight_per_sm", constant(map, 0));
        for (const auto& [key, access] : {std::pair{"reads", Access::read}, std::pair{"weights", Access::weight},
                                          std::pair{"writes", Access::write}}) {
            const auto list = map.find(key);
            if (!list) continue;
            for (const Node& item : list->items()) spec.operands.push_back(read_operand(item, access));
        }
        if (spec.operands.empty() || spec.operands.size() > Kernel::max_operands) {
            map.fail(std::to_string(spec.operands.size()) + " reads and writes",
                     "1 to " + std::to_string(Kernel::max_operands));
        }
        return spec;
    }

    OperandSpec read_operand(const Node& map, Access access) {
        map.allow_only({"bytes", "passes", "run", "reuse"});
        return {access, required(map, "bytes"), optional(map, "passes", constant(map, 1)),
                optional(map, "run", constant(map, 0))};
    }

    /// `- gemm: {…}`
    KernelSpec read_kernel(const Node& item) {
        static const std::vector<std::string> kinds{"gemm", "attention", "convolution", "memory"};
        if (!item.is_map() || item.entries().size() != 1) {
            item.fail(item.description(), "one kernel such as gemm: {type: bf16, m: m, n: n, k: k}");
        }
        item.allow_only(kinds);
        const auto [kind, position, map] = item.entries().front();
        if (!map.is_map()) map.fail(map.description(), "a map of what the kernel works on");
        KernelSpec spec;
        if (kind == "gemm") {
            spec.work = read_gemm(map);
            spec.reuse = read_reuse(map, {"a", "b", "d"});
        } else if (kind == "attention") {
            spec.work = read_attention(map);
            spec.reuse = read_reuse(map, {"queries", "keys", "values", "output"});
        } else if (kind == "convolution") {
            spec.work = read_convolution(map);
            spec.reuse = read_reuse(map, {"input", "filter", "output"});
        } else {
            spec.work = read_memory(map);
            spec.reuse = read_operand_reuse(map);
        }
        spec.count = optional(map, "count", constant(map, 1));
        if (const auto label = map.find("label")) spec.label = label_of(*label);
        return spec;
    }

    /// `reuse: {a: 0}`, by the operands' names.
    std::vector<Expression> read_reuse(const Node& map, const std::vector<std::string>& operands) {
        std::vector<Expression> distances;
        const auto given = map.find("reuse");
        if (!given) return distances;
        given->allow_only(operands);
        for (const std::string& operand : operands) distances.push_back(optional(*given, operand.c_str(), {}));
        return distances;
    }

    /// `reads: [{bytes: …, reuse: 0}]`
    std::vector<Expression> read_operand_reuse(const Node& map) {
        std::vector<Expression> distances;
        for (const char* key : {"reads", "weights", "writes"}) {
            const auto list = map.find(key);
            if (!list) continue;
            for (const Node& item : list->items()) distances.push_back(optional(item, "reuse", {}));
        }
        return distances;
    }

    /// Labels must not move once kernels refer to them, so there is room for all from the start.
    std::string_view label_of(const Node& node) {
        constexpr std::size_t most_labels = 1000;
        std::vector<std::string>& labels = *adapter_.labels;
        labels.reserve(most_labels);
        const auto known = std::find(labels.begin(), labels.end(), node.text());
        if (known != labels.end()) return *known;
        if (labels.size() == most_labels) node.fail("more than 1000 labels", "fewer");
        return labels.emplace_back(node.text());
    }

    // ------------------------------------------------------------------------------------------ rows

    void read_rows(const Node& node) {
        for (const Node& item : node.items()) adapter_.rows.push_back(read_row(item));
        if (adapter_.rows.empty()) node.fail(node.description(), "at least one kind of row");
    }

    RowSpec read_row(const Node& map) {
        map.allow_only(
            {"when", "group", "clock", "cache", "kernels", "stack", "dtype", "input", "inputs", "layers", "only"});
        RowSpec row;
        if (const auto when = map.find("when")) row.when = expressions_.read_expression(*when);
        row.group = read_text(map.at("group"));
        if (const auto clock = map.find("clock")) row.gpu = read_row_clocks(*clock);
        row.cache.state = Expression::of(Datum(std::string("cold")), map.position());
        if (const auto cache = map.find("cache")) row.cache = read_cache(*cache);
        const auto kernels = map.find("kernels");
        if (kernels.has_value() == map.find("layers").has_value()) {
            map.fail(kernels ? "kernels and layers" : "neither kernels nor layers", "one of them");
        }
        if (!kernels) {
            row.layers = read_layers(map);
            return row;
        }
        for (const char* key : {"stack", "dtype", "input", "inputs", "only"}) {
            if (const auto given = map.find(key)) given->fail(given->description(), "`layers`, which need it");
        }
        for (const Node& item : kernels->items()) row.kernels.push_back(read_kernel(item));
        if (row.kernels.empty()) kernels->fail(kernels->description(), "at least one kernel");
        return row;
    }

    CacheState read_cache(const Node& map) {
        static const std::vector<std::string> states{"hot", "cold"};
        if (!map.is_map()) map.fail(map.description(), "{state: hot, buffers: 1} or {state: cold}");
        map.allow_only({"state", "buffers"});
        CacheState cache;
        cache.state = read_text(map.at("state"), states);
        cache.buffers = optional(map, "buffers", constant(map, 1));
        const auto buffers = map.find("buffers");
        if (buffers && !map.at("state").is_map() && map.at("state").text() == "cold")
            buffers->fail(buffers->description(), "no buffers where the state is cold");
        return cache;
    }

    LayersSpec read_layers(const Node& map) {
        LayersSpec spec;
        spec.stack = load_at(map.at("stack"), load_stack);
        spec.type = type_at(map, "dtype");
        if (const auto input = map.find("input")) spec.inputs.push_back(read_input("", *input));
        if (const auto inputs = map.find("inputs")) {
            for (const auto& entry : inputs->entries()) spec.inputs.push_back(read_input(entry.key, entry.value));
        }
        if (spec.inputs.empty()) map.fail("no input", "input: {axis: size, …}");
        spec.layers = expressions_.read_layers(map.at("layers"));
        if (const auto only = map.find("only")) {
            for (const Node& label : only->items()) spec.only.push_back(label.text());
        }
        collect_names(spec.layers, spec.names);
        for (const StageInput& input : spec.inputs) {
            for (const auto& [axis, size] : input.axes) {
                for (const NameId name : size.names()) spec.names.push_back(name);
            }
        }
        for (const NameId name : spec.type.names()) spec.names.push_back(name);
        return spec;
    }

    StageInput read_input(const std::string& name, const Node& map) {
        StageInput input;
        input.name = expressions_.intern(name);
        input.where = map.position();
        for (const auto& entry : map.entries()) {
            if (entry.key == "dtype") {
                input.type = type_at(map, "dtype");
            } else {
                input.axes.emplace_back(expressions_.intern(entry.key), expressions_.read_expression(entry.value));
            }
        }
        if (input.axes.empty()) map.fail(map.description(), "at least one axis");
        return input;
    }

    std::string data_;
    const Gpu* attached_;
    Adapter adapter_;
    LayerReader expressions_;
};

}  // namespace

Adapter load_adapter(const std::string& data, const std::string& name_or_path) {
    return AdapterReader(data, nullptr).read(find_data_file(data, dataset_files, name_or_path));
}

Adapter load_results_adapter(const std::string& data, const std::string& path, const Gpu& gpu) {
    return AdapterReader(data, &gpu).read({path, ""});
}

}  // namespace cupola::config
