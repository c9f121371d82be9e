#include "cupola/config/fact.hpp"

namespace cupola::config {

Node read_fact(const Node& fact, const std::string& field, std::vector<Fact>& facts) {
    if (!fact.is_map()) {
        fact.fail(fact.description(), "{value: ..., source: ...}", "every number states where it comes from");
    }
    fact.allow_only({"value", "source", "recalled"});
    Node value = fact.at("value");
    const Node source = fact.at("source");
    if (source.text().empty()) source.fail("an empty text", "where the number comes from");
    const auto recalled = fact.find("recalled");
    if (!value.is_scalar()) value.fail(value.description(), "a number or a quantity");
    facts.push_back({field, value.text(), source.text(), recalled && recalled->boolean()});
    return value;
}

}  // namespace cupola::config
