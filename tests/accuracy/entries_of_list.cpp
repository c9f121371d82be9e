#include "entries.hpp"

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <string_view>
#include <utility>

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

/// A convolution that enlarges its input; its weights are [in, out / groups, …]. Lists do not name it.
bool is_transposed(const ListRow& row) {
    return row.output.back() > row.inputs.at(0).back() && row.inputs.at(1).at(0) == row.inputs.at(0).at(1);
}

std::string text_of_convolution(const ListRow& row) {
    Sizes weights = row.inputs.at(1);
    const bool transposed = is_transposed(row);
    if (transposed) std::swap(weights[0], weights[1]);
    return "conv " + text_of(row.inputs.at(0)) + " * " + text_of(weights) + " " + row.extra +
           (transposed ? " transposed" : "") + " -> " + text_of(row.output) + (row.inputs.size() > 2 ? " + bias" : "");
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

/// "cat 1x4096x1536 1x333x1536 -> 1x4429x1536"; inputs of no elements are left out.
std::string text_of_cat(const ListRow& row) {
    std::string text = "cat";
    for (const Sizes& input : row.inputs) {
        if (elements_of(input) > 0) text += " " + text_of(input);
    }
    return text + " -> " + text_of(row.output);
}

std::vector<std::int64_t> parts_of(const ListRow& row) {
    std::vector<std::int64_t> parts;
    for (const Sizes& input : row.inputs) {
        if (elements_of(input) > 0) parts.push_back(elements_of(input));
    }
    return parts;
}

bool is_one_of(const std::string& text, std::initializer_list<std::string_view> choices) {
    return std::find(choices.begin(), choices.end(), text) != choices.end();
}

/// Whether the rows from `first` on, all of one module, are these operators; `add` stands for `add_` as well.
bool starts_with(const std::vector<ListRow>& list, std::size_t first, std::initializer_list<std::string_view> ops) {
    if (first + ops.size() > list.size()) return false;
    return std::equal(ops.begin(), ops.end(), list.begin() + static_cast<std::ptrdiff_t>(first),
                      [&](std::string_view op, const ListRow& row) {
                          const bool same = row.op == op || (row.op == "add_" && op == "add");
                          return same && row.module == list[first].module;
                      });
}

/// "7392x2048": independent statistics and what each covers, from a tensor and its reduction.
std::string text_of_statistics(const Sizes& tensor, const Sizes& reduced) {
    const std::int64_t rows = elements_of(reduced);
    return std::to_string(rows) + "x" + std::to_string(elements_of(tensor) / rows);
}

/// The group of eager kernels that begins here: its text and its length, or an empty text.
struct Group {
    std::string text;
    std::size_t length = 1;
};

Group group_at(const std::vector<ListRow>& list, std::size_t first) {
    const ListRow& row = list[first];
    if (starts_with(list, first, {"pow", "mean", "add", "rsqrt", "mul"})) {
        return {"rms_norm " + text_of_statistics(row.inputs.at(0), list[first + 1].output), 5};
    }
    if (starts_with(list, first, {"linalg_vector_norm", "clamp_min", "div"})) {
        return {"rms_norm " + text_of_statistics(row.inputs.at(0), row.output), 3};
    }
    if (starts_with(list, first, {"var", "mean", "sub", "add", "rsqrt", "mul"})) {
        return {"layer_norm " + text_of_statistics(row.inputs.at(0), row.output), 6};
    }
    if (starts_with(list, first, {"neg", "stack", "mul", "mul", "add"})) {
        return {"rope " + std::to_string(elements_of(list[first + 4].output)), 5};
    }
    if (starts_with(list, first, {"mul", "mul", "sub", "copy_", "mul", "mul", "add", "copy_"})) {
        return {"rope " + std::to_string(2 * elements_of(row.output)), 8};
    }
    return {};
}

std::string text_of_bmm(const ListRow& row) {
    const Sizes &left = row.inputs.at(0), &right = row.inputs.at(1);
    return text_of_product(left.at(0), left.at(1), right.at(2), left.at(2));
}

/// The second `bmm` of the attention whose scores are made at `first`; the list's size if there is none.
std::size_t second_product(const std::vector<ListRow>& list, std::size_t first) {
    bool normalised = false;
    for (std::size_t i = first + 1; i < list.size(); ++i) {
        const std::string& op = list[i].op;
        if (op == "_softmax") normalised = true;
        if (op == "bmm") return normalised && list[i].inputs.at(0) == list[first].output ? i : list.size();
        if (!is_one_of(op,
                       {"_softmax", "clone", "mul", "add", "sub", "constant_pad_nd", "bitwise_not", "masked_fill"})) {
            break;
        }
    }
    return list.size();
}

std::string text_of_bmm_attention(const ListRow& scores, const ListRow& product) {
    const Sizes &query = scores.inputs.at(0), &key = scores.inputs.at(1), &value = product.inputs.at(1);
    return text_of_folded_attention(query.at(0), query.at(1), key.at(2), query.at(2), value.at(2));
}

bool is_activation(const ListRow& row) { return is_one_of(row.op, {"silu", "gelu", "relu", "leaky_relu", "sigmoid"}); }

/// Joins nothing: all inputs but one are empty.
bool is_single_cat(const ListRow& row) { return row.op == "cat" && parts_of(row).size() == 1; }

/// Empty for operators that are not compared.
std::string text_of_light(const ListRow& row) {
    if (is_norm(row)) return text_of_norm(row);
    if (is_activation(row)) return row.op + " " + flattened(row.output);
    if (row.op.find("upsample") != std::string::npos) return text_of_upsample(row.output);
    if (row.op == "cat" && elements_of(row.output) >= smallest_cat && !is_single_cat(row)) return text_of_cat(row);
    return {};
}

std::string text_of_heavy(const ListRow& row, const ListRow* next) {
    if (row.op == "convolution") return text_of_convolution(row);
    if (is_linear(row)) return text_of_linear(row, next);
    if (row.op == "sdpa") return text_of_attention(row);
    if (row.op == "bmm") return text_of_bmm(row);
    return {};
}

}  // namespace

std::string text_of_folded_attention(std::int64_t batch, std::int64_t queries, std::int64_t keys, std::int64_t head_dim,
                                     std::int64_t value_dim) {
    return "attention q " + text_of({batch, queries, head_dim}) + " k " + text_of({batch, keys, head_dim}) + " v " +
           text_of({batch, keys, value_dim});
}

std::string text_of_folded_cat(const std::vector<std::int64_t>& parts) {
    std::string text = "cat";
    for (const std::int64_t part : parts) text += (text == "cat" ? " " : " + ") + std::to_string(part);
    return text;
}

std::string text_of_regrouped_cat(const std::vector<std::int64_t>& parts) {
    const std::int64_t all = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
    return text_of_folded_cat({all - parts.back(), parts.back()});
}

std::string text_of_upsample(Sizes output) {
    output.erase(std::remove(output.begin(), output.end(), 1), output.end());
    return "upsample " + text_of(output);
}

std::string text_of_product(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k) {
    return "product " + text_of({batch, std::min(m, n), std::max(m, n)}) + " over " + std::to_string(k);
}

std::vector<Entry> entries_of(const std::vector<ListRow>& list) {
    std::vector<Entry> entries;
    std::size_t paired = list.size();  // a `bmm` that is part of an attention already
    for (std::size_t i = 0; i < list.size(); ++i) {
        const ListRow& row = list[i];
        if (i == paired) continue;
        if (const Group group = group_at(list, i); !group.text.empty()) {
            entries.push_back({group.text, row.module, false});
            i += group.length - 1;
            continue;
        }
        if (const std::size_t second = row.op == "bmm" ? second_product(list, i) : list.size(); second < list.size()) {
            const std::string text = text_of_bmm_attention(row, list[second]);
            entries.push_back({text, row.module, true, text});
            paired = second;
            continue;
        }
        const std::string heavy = text_of_heavy(row, i + 1 < list.size() ? &list[i + 1] : nullptr);
        const std::string text = heavy.empty() ? text_of_light(row) : heavy;
        if (text.empty()) continue;
        Entry entry{text, row.module, !heavy.empty()};
        if (is_activation(row)) entry.folded = row.op + " " + std::to_string(elements_of(row.output));
        if (row.op == "cat") {
            entry.folded = text_of_folded_cat(parts_of(row));
            entry.regrouped = text_of_regrouped_cat(parts_of(row));
        }
        entries.push_back(entry);
    }
    return entries;
}

std::int64_t count_single_cats(const std::vector<ListRow>& list) {
    return std::count_if(list.begin(), list.end(), is_single_cat);
}

MacCounts count_macs(const std::vector<ListRow>& list) {
    MacCounts counts;
    for (const ListRow& row : list) {
        if (row.op == "convolution") {
            counts.conv += row.macs;
        } else if (is_linear(row)) {
            counts.linear += row.macs;
        } else {
            counts.attention += row.macs;
        }
    }
    return counts;
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
