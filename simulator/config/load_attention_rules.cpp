#include "cupola/config/load_attention_rules.hpp"

#include "cupola/units/data_type.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace cupola::config {
namespace {

constexpr const char* math = "math";

/// The values of a list of names; empty where the key is missing: no restriction.
template <typename T, std::size_t N>
std::vector<T> read_names(const Node& map, const std::string& key, const std::array<T, N>& known) {
    const auto list = map.find(key);
    if (!list) return {};
    std::vector<std::string> names;
    for (const T value : known) names.emplace_back(name_of(value));
    std::vector<T> values;
    for (const Node& item : list->items()) values.push_back(known[item.one_of(names)]);
    if (values.empty()) list->fail("an empty list", "at least one name", "leave the key out where all are served");
    return values;
}

std::int64_t optional_integer(const Node& map, const std::string& key, std::int64_t fallback) {
    constexpr std::int64_t longest = 65'536;
    const auto value = map.find(key);
    return value ? value->integer(1, longest) : fallback;
}

bool optional_boolean(const Node& map, const std::string& key, bool fallback) {
    const auto value = map.find(key);
    return value ? value->boolean() : fallback;
}

AttentionKernel read_kernel(const Node& node) {
    std::vector<std::string> names;
    for (const AttentionKernel kernel : all_attention_kernels) names.emplace_back(name_of(kernel));
    return all_attention_kernels[node.one_of(names)];
}

AttentionRule read_rule(const std::string& name, const Node& map, std::vector<Fact>& facts) {
    map.allow_only({"kernel", "architectures", "types", "head_dim_limit", "head_dim_multiple", "masked",
                    "unequal_head_dims", "bf16_before_ampere", "source", "recalled"});
    AttentionRule rule;
    rule.name = name;
    rule.kernel = read_kernel(map.at("kernel"));
    rule.architectures = read_names(map, "architectures", all_architectures);
    rule.types = read_names(map, "types", all_data_types);
    rule.head_dim_limit = optional_integer(map, "head_dim_limit", rule.head_dim_limit);
    rule.head_dim_multiple = optional_integer(map, "head_dim_multiple", rule.head_dim_multiple);
    rule.masked = optional_boolean(map, "masked", rule.masked);
    rule.unequal_head_dims = optional_boolean(map, "unequal_head_dims", rule.unequal_head_dims);
    rule.bf16_before_ampere = optional_boolean(map, "bf16_before_ampere", rule.bf16_before_ampere);
    const Node source = map.at("source");
    if (source.text().empty()) source.fail("an empty text", "where the rule comes from");
    facts.push_back({"attention_kernels." + name, std::string(name_of(*rule.kernel)), source.text(),
                     optional_boolean(map, "recalled", false)});
    return rule;
}

}  // namespace

void read_attention(const Node& root, Stack& stack) {
    std::vector<std::string> names{math};
    stack.attention_kernels.push_back({.name = math});
    for (const Node::Entry& entry : root.at("attention_kernels").entries()) {
        if (entry.key == math) {
            entry.value.fail("a rule for math", "fused kernels only", "math serves every call and needs no rule");
        }
        stack.attention_kernels.push_back(read_rule(entry.key, entry.value, stack.facts));
        names.push_back(entry.key);
    }
    for (const Node& item : root.at("attention").items()) {
        const AttentionRule& rule = stack.attention_kernels[item.one_of(names)];
        const bool again = std::any_of(stack.attention.begin(), stack.attention.end(),
                                       [&](const AttentionRule& other) { return other.name == rule.name; });
        if (again) item.fail(item.description() + " again", "each kernel once");
        if (!stack.attention.empty() && !stack.attention.back().kernel) {
            item.fail(item.description() + " behind math", "math last",
                      "math serves every call: nothing behind it runs");
        }
        stack.attention.push_back(rule);
    }
    if (stack.attention.empty() || stack.attention.back().kernel) {
        stack.attention.push_back(stack.attention_kernels.front());
    }
}

}  // namespace cupola::config
