#include "probe/host/kinds.hpp"

#include <algorithm>

namespace cupola::probe {

namespace {

constexpr std::int64_t kibi = 1024;
constexpr std::int64_t gibi = kibi * kibi * kibi;

Field integer(std::string_view name, std::string_view default_value, std::int64_t minimum, std::int64_t maximum) {
    return {name, FieldType::integer, default_value, minimum, maximum, {}};
}

Field count(std::string_view name, std::string_view default_value = "") {
    return integer(name, default_value, 1, std::int64_t{1} << 31);
}

Field word(std::string_view name, std::string_view default_value, std::vector<std::string_view> choices) {
    return {name, FieldType::word, default_value, 0, 0, std::move(choices)};
}

Field real(std::string_view name, std::string_view default_value) {
    return {name, FieldType::real, default_value, 0, 0, {}};
}

/// Bytes of one operand; 0: there is none.
Field operand(std::string_view name) { return integer(name, "0", 0, 64 * gibi); }

Field bytes(std::string_view name, std::string_view default_value = "") {
    return integer(name, default_value, 512, 64 * gibi);
}

/// Where the operands are found: `cold` flushes the L2 cache before each repetition, `hot` replays back to back.
Field cache() { return word("cache", "cold", {"cold", "hot"}); }

Field half_type() { return word("type", "fp16", {"fp16", "bf16", "fp32"}); }

Field data() { return word("data", "random", {"random", "zeros"}); }

/// Reads and writes of the input: `one` keeps the row on chip, `multi` reads it from memory again for each pass.
Field passes() { return word("passes", "one", {"one", "multi"}); }

std::vector<Kind> launch_kinds() {
    return {
        {"facts", 1, {}},
        {"launch",
         1,
         {word("mode", "", {"stream", "graph", "host", "sync"}), integer("chain", "256", 1, 10000),
          integer("blocks", "1", 1, 65535), integer("threads", "32", 32, 1024)}},
    };
}

std::vector<Kind> memory_kinds() {
    return {
        {"stream",
         2,
         {word("op", "", {"copy", "read", "write", "triad", "reduce"}), half_type(), bytes("bytes"),
          integer("sms", "0", 0, 4096), cache()}},
        {"gather", 2, {bytes("bytes"), integer("stride", "", 4, 65536), integer("width", "4", 4, 16), cache()}},
        {"transpose", 2, {half_type(), count("batch"), count("rows"), count("columns"), cache()}},
        {"permute", 2, {half_type(), count("batch"), count("rows"), count("columns"), count("inner"), cache()}},
        {"traffic",
         2,
         {half_type(), operand("read1"), operand("read2"), operand("read3"), operand("read4"), operand("write1"),
          operand("write2"), cache()}},
    };
}

std::vector<Kind> rate_kinds() {
    return {
        {"rate",
         3,
         {word("op", "", {"fma", "mufu", "mma"}), word("type", "", {"fp32", "fp16", "bf16", "tf32", "int8", "fp8"}),
          data(), integer("sms", "0", 0, 4096)}},
        {"sustained",
         3,
         {word("type", "", {"fp16", "bf16", "tf32", "fp32", "int8", "fp8"}), count("m"), count("n"), count("k"), data(),
          real("seconds", "2")}},
    };
}

std::vector<Kind> library_kinds() {
    return {
        {"gemm",
         4,
         {word("type", "", {"fp16", "bf16", "tf32", "fp32", "int8", "fp8"}), count("batch", "1"), count("m"),
          count("n"), count("k"), word("epilogue", "none", {"none", "bias", "gelu", "residual"}), data(), cache()}},
        {"conv",
         5,
         {word("type", "", {"fp16", "bf16", "tf32", "fp32"}), word("layout", "", {"nchw", "nhwc"}), count("batch"),
          count("in"), count("out"), count("depth", "1"), count("height"), count("width"), count("kernel_d", "1"),
          count("kernel_h", "3"), count("kernel_w", "3"), count("stride", "1"), integer("stride_d", "0", 0, 64),
          integer("pad_d", "0", 0, 64), integer("pad_h", "1", 0, 64), integer("pad_w", "1", 0, 64), data(), cache()}},
        {"attention",
         6,
         {word("library", "", {"cudnn", "own", "unfused"}), word("type", "bf16", {"fp16", "bf16"}), count("batch"),
          count("heads"), count("queries"), count("keys"), integer("dim", "", 8, 256), integer("causal", "0", 0, 1),
          word("layout", "bhsd", {"bhsd", "bshd", "sbhd"}), cache()}},
    };
}

std::vector<Kind> pointwise_kinds() {
    return {
        {"row_norm",
         7,
         {word("op", "", {"layer_norm", "rms_norm", "softmax"}), half_type(), count("rows"), count("columns"), passes(),
          cache()}},
        {"group_norm",
         7,
         {half_type(), count("batch"), count("channels"), count("spatial"), count("groups", "32"),
          word("layout", "nchw", {"nchw", "nhwc"}), integer("silu", "0", 0, 1), passes(),
          word("part", "all", {"all", "moments", "apply"}), cache()}},
        {"pointwise",
         7,
         {word("op", "", {"gelu", "silu", "geglu", "add", "bias", "modulate", "rope", "cat"}), half_type(),
          count("rows"), count("columns"), cache()}},
        {"upsample",
         7,
         {half_type(), count("batch"), count("channels"), count("height"), count("width"),
          word("layout", "nchw", {"nchw", "nhwc"}), cache()}},
    };
}

std::vector<Kind> sequence_kinds() {
    return {
        {"pair", 8, {bytes("bytes"), integer("between", "0", 0, 64 * gibi)}},
        {"sequence", 8, {word("mode", "", {"stream", "graph"}), integer("chain", "64", 1, 10000), bytes("bytes")}},
        {"replay",
         8,
         {word("mode", "", {"stream", "graph"}),
          {"name", FieldType::label, "", 0, 0, {}},
          {"order", FieldType::order, "", 0, 0, {}}}},
    };
}

std::vector<Kind> all_kinds() {
    std::vector<Kind> all;
    for (const auto& group :
         {launch_kinds(), memory_kinds(), rate_kinds(), library_kinds(), pointwise_kinds(), sequence_kinds()}) {
        all.insert(all.end(), group.begin(), group.end());
    }
    return all;
}

}  // namespace

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all = all_kinds();
    return all;
}

const Kind* find_kind(std::string_view name) {
    const auto found =
        std::find_if(kinds().begin(), kinds().end(), [&](const Kind& kind) { return kind.name == name; });
    return found == kinds().end() ? nullptr : &*found;
}

std::vector<std::string_view> field_names() {
    std::vector<std::string_view> names;
    for (const Kind& kind : kinds()) {
        for (const Field& field : kind.fields) {
            if (std::find(names.begin(), names.end(), field.name) == names.end()) names.push_back(field.name);
        }
    }
    return names;
}

}  // namespace cupola::probe
