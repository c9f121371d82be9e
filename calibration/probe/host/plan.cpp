#include "probe/host/plan.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

struct Word {
    std::string text;
    std::size_t column;  // from 1
};

/// What is wrong with a line, and where.
struct Problem {
    std::size_t column;
    std::string message;
};

std::vector<Word> words_of(std::string_view line) {
    line = line.substr(0, line.find('#'));
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    std::vector<Word> words;
    for (std::size_t i = 0; i < line.size();) {
        std::size_t end = i;
        while (end < line.size() && !is_space(line[end])) ++end;
        if (end > i) words.push_back({std::string(line.substr(i, end - i)), i + 1});
        i = end + 1;
    }
    return words;
}

template <class Names>
std::string listed(const Names& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
}

std::vector<std::string_view> kind_names() {
    std::vector<std::string_view> names;
    for (const Kind& kind : kinds()) names.push_back(kind.name);
    return names;
}

std::vector<std::string_view> names_of(const std::vector<Field>& fields) {
    std::vector<std::string_view> names;
    for (const Field& field : fields) names.push_back(field.name);
    return names;
}

/// `value` in canonical form; throws Problem where the field does not allow it.
std::string checked(const Field& field, const std::string& value, std::size_t column) {
    const std::string found = std::string(field.name) + ": found \"" + one_line(value) + "\", expected ";
    if (field.type == FieldType::word) {
        const auto& choices = field.choices;
        if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
            throw Problem{column, found + "one of " + listed(choices)};
        }
        return value;
    }
    if (field.type == FieldType::real) {
        const auto number = to_real(value);
        if (!number || *number <= 0 || *number > 600) throw Problem{column, found + "a number above 0, up to 600"};
        return number_text(*number);
    }
    const auto number = to_integer(value);
    if (!number || *number < field.minimum || *number > field.maximum) {
        throw Problem{column, found + "a whole number from " + std::to_string(field.minimum) + " to " +
                                  std::to_string(field.maximum) + " (suffixes Ki, Mi, Gi)"};
    }
    return std::to_string(*number);
}

int checked_priority(const std::string& value, std::size_t column) {
    const auto number = to_integer(value);
    if (!number || *number < 1 || *number > 9) {
        throw Problem{column, "priority: found \"" + one_line(value) + "\", expected 1 (first) to 9 (last)"};
    }
    return static_cast<int>(*number);
}

Case parse_case(const std::vector<Word>& words) {
    const Kind* kind = find_kind(words.front().text);
    if (kind == nullptr) {
        throw Problem{words.front().column,
                      "unknown kind \"" + one_line(words.front().text) + "\"; known: " + listed(kind_names())};
    }
    std::vector<std::string> values(kind->fields.size());
    int priority = default_priority;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const Word& word = words[i];
        const std::size_t equals = word.text.find('=');
        if (equals == std::string::npos)
            throw Problem{word.column, "expected name=value, found " + one_line(word.text)};
        const std::string name = word.text.substr(0, equals);
        const std::string value = word.text.substr(equals + 1);
        if (name == "priority") {
            priority = checked_priority(value, word.column + equals + 1);
            continue;
        }
        const auto field = std::find_if(kind->fields.begin(), kind->fields.end(),
                                        [&](const Field& candidate) { return candidate.name == name; });
        if (field == kind->fields.end()) {
            throw Problem{word.column, std::string(kind->name) + " has no field \"" + one_line(name) +
                                           "\"; it has: " + listed(names_of(kind->fields))};
        }
        std::string& slot = values[static_cast<std::size_t>(field - kind->fields.begin())];
        if (!slot.empty()) throw Problem{word.column, name + " is given twice"};
        slot = checked(*field, value, word.column + equals + 1);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Field& field = kind->fields[i];
        if (values[i].empty() && field.default_value.empty()) {
            throw Problem{words.front().column, std::string(kind->name) + " needs " + std::string(field.name) + "="};
        }
        if (values[i].empty()) values[i] = checked(field, std::string(field.default_value), 1);
    }
    return {*kind, std::move(values), priority};
}

}  // namespace

bool Case::has(std::string_view field) const {
    const auto names = names_of(kind_->fields);
    return std::find(names.begin(), names.end(), field) != names.end();
}

const std::string& Case::word(std::string_view field) const {
    for (std::size_t i = 0; i < kind_->fields.size(); ++i) {
        if (kind_->fields[i].name == field) return values_[i];
    }
    throw std::out_of_range(std::string(kind_->name) + " has no field " + std::string(field));
}

std::int64_t Case::integer(std::string_view field) const { return to_integer(word(field)).value(); }

double Case::real(std::string_view field) const { return to_real(word(field)).value(); }

std::string Case::text() const {
    std::string text(kind_->name);
    for (std::size_t i = 0; i < values_.size(); ++i) {
        text += " " + std::string(kind_->fields[i].name) + "=" + values_[i];
    }
    return text;
}

Plan parse_plan(std::string_view text, const std::string& file) {
    Plan plan;
    std::map<std::string, std::size_t> known;
    std::size_t number = 0;
    for (const std::string& line : split(text, '\n')) {
        ++number;
        const auto words = words_of(line);
        if (words.empty()) continue;
        try {
            const Case parsed = parse_case(words);
            const auto [place, is_new] = known.emplace(parsed.text(), plan.cases.size());
            if (is_new) {
                plan.cases.push_back(parsed);
            } else if (parsed.priority() < plan.cases[place->second].priority()) {
                plan.cases[place->second] = parsed;
            }
        } catch (const Problem& problem) {
            plan.problems.push_back(file + ":" + std::to_string(number) + ":" + std::to_string(problem.column) + ": " +
                                    problem.message);
        }
    }
    return plan;
}

}  // namespace cupola::probe
