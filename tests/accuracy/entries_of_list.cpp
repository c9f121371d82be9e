#include "entries.hpp"

#include <stdexcept>

namespace cupola::accuracy {

namespace {

bool is_norm(const ListRow& row) { return row.op == "native_group_norm" || row.op == "native_layer_norm"; }
bool is_linear(const ListRow& row) { return row.op == "mm" || row.op == "addmm"; }
bool is_anchor(const ListRow& row) {
    return row.op == "convolution" || row.op == "sdpa" || is_linear(row) || is_norm(row);
}

/// "4096x320": all dimensions but the last become one.
std::string flattened(const Sizes& sizes) {
    const std::int64_t last = sizes.empty() ? 1 : sizes.back();
    return std::to_string(elements_of(sizes) / last) + "x" + std::to_string(last);
}

/// The bias of a linear layer whose input is no plain matrix is a separate `add` of a vector.
bool is_bias_of(const ListRow& linear, const ListRow& next) {
    return linear.op == "mm" && next.op == "add" && next.module == linear.module && next.inputs.size() == 2 &&
           next.inputs[1] == Sizes{linear.output.back()};
}

std::string text_of_linear(const ListRow& row, const ListRow* next) {
    const bool fused_bias = row.op == "addmm";
    const Sizes& input = row.inputs.at(fused_bias ? 1 : 0);
    const bool bias = fused_bias || (next != nullptr && is_bias_of(row, *next));
    return "linear " + text_of(input) + " -> " + text_of(row.output) + (bias ? " + bias" : "");
}

std::string text_of_convolution(const ListRow& row) {
    return "conv " + text_of(row.inputs.at(0)) + " * " + text_of(row.inputs.at(1)) + " " + row.extra + " -> " +
           text_of(row.output) + (row.inputs.size() > 2 ? " + bias" : "");
}

std::string text_of_norm(const ListRow& row) {
    if (row.op == "native_layer_norm") return "layer_norm " + flattened(row.output);
    const std::int64_t batch = row.output.at(0), channels = row.output.at(1);
    return "group_norm " + text_of({batch, channels, elements_of(row.output) / (batch * channels)});
}

std::string text_of_attention(const ListRow& row) {
    return "attention q " + text_of(row.inputs.at(0)) + " k " + text_of(row.inputs.at(1)) + " v " +
           text_of(row.inputs.at(2));
}

std::string text_of_cat(const ListRow& row) {
    std::string text = "cat";
    for (const Sizes& input : row.inputs) text += " " + text_of(input);
    return text + " -> " + text_of(row.output);
}

/// Empty for operators that are not compared.
std::string text_of_row(const ListRow& row, const ListRow* next) {
    if (row.op == "convolution") return text_of_convolution(row);
    if (is_linear(row)) return text_of_linear(row, next);
    if (row.op == "sdpa") return text_of_attention(row);
    if (is_norm(row)) return text_of_norm(row);
    if (row.op == "silu" || row.op == "gelu") return row.op + " " + flattened(row.output);
    if (row.op.rfind("upsample", 0) == 0) return "upsample " + text_of(row.output);
    if (row.op == "cat" && elements_of(row.output) >= smallest_cat) return text_of_cat(row);
    return {};
}

}  // namespace

std::vector<Entry> entries_of(const std::vector<ListRow>& list) {
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string text = text_of_row(list[i], i + 1 < list.size() ? &list[i + 1] : nullptr);
        if (!text.empty()) entries.push_back({text, list[i].module});
    }
    return entries;
}

std::vector<Copy> copies_of(const std::vector<ListRow>& list) {
    std::vector<Copy> copies;
    std::size_t position = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (is_anchor(list[i])) ++position;
        const bool artefact = i > 0 && list[i - 1].op == "sdpa";
        if (list[i].op == "clone" && !artefact && elements_of(list[i].output) >= smallest_copy) {
            copies.push_back({position, elements_of(list[i].output), list[i].module, {}});
        }
    }
    return copies;
}

}  // namespace cupola::accuracy
