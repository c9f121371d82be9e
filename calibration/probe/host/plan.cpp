#include "probe/host/plan.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "probe/host/order.hpp"
#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

constexpr char request_separator = ';';

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
    if (field.type == FieldType::label) {
        if (!is_label(value)) throw Problem{column, found + "1 to 100 letters, digits and ._/-"};
        return value;
    }
    if (field.type == FieldType::order) {
        if (!to_order(value)) {
            throw Problem{column, found + "ids of other lines such as 1,2,5-9, up to " + std::to_string(most_launches)};
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

/// Takes a field that any kind may have; false where `name` is none.
bool take_common(CommonFields& common, const std::string& name, const std::string& value, std::size_t column) {
    const auto fail = [&](const char* expected) {
        throw Problem{column, name + ": found \"" + one_line(value) + "\", expected " + expected};
    };
    if (name == "priority") {
        const auto number = to_integer(value);
        if (!number || *number < 1 || *number > 9) fail("1 (first) to 9 (last)");
        common.priority = static_cast<int>(*number);
    } else if (name == "id") {
        const auto number = to_integer(value);
        if (!number || *number < 1 || *number > most_launches) fail("a whole number above 0");
        common.id = *number;
    } else if (name == "count") {
        const auto number = to_real(value);
        if (!number || *number <= 0 || *number > 1e15) fail("a number above 0");
        common.count = *number;
    } else {
        return false;
    }
    return true;
}

Case parse_case(const std::vector<Word>& words) {
    const Kind* kind = find_kind(words.front().text);
    if (kind == nullptr) {
        throw Problem{words.front().column,
                      "unknown kind \"" + one_line(words.front().text) + "\"; known: " + listed(kind_names())};
    }
    std::vector<std::string> values(kind->fields.size());
    CommonFields common;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const Word& word = words[i];
        const std::size_t equals = word.text.find('=');
        if (equals == std::string::npos)
            throw Problem{word.column, "expected name=value, found " + one_line(word.text)};
        const std::string name = word.text.substr(0, equals);
        const std::string value = word.text.substr(equals + 1);
        if (take_common(common, name, value, word.column + equals + 1)) continue;
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
    return {*kind, std::move(values), common};
}

/// Whether a replay may launch such a case: one operation that depends on the cache.
bool is_launchable(const Kind& kind) {
    const auto names = names_of(kind.fields);
    return std::find(names.begin(), names.end(), "cache") != names.end();
}

/// Finds the lines that a replay launches; `lines` are those of the plan by id.
void resolve(Case& replay, const std::map<std::int64_t, Case>& lines) {
    Launches launches;
    std::map<std::int64_t, std::uint32_t> places;
    const std::vector<std::int64_t> order = to_order(replay.word("order")).value();
    for (const std::int64_t id : order) {
        const auto [place, is_new] = places.emplace(id, static_cast<std::uint32_t>(launches.cases.size()));
        if (is_new) {
            const auto line = lines.find(id);
            if (line == lines.end()) {
                throw Problem{1, "order: no line of the plan that can be launched has id=" + std::to_string(id)};
            }
            launches.cases.push_back(line->second);
            launches.ids.push_back(id);
        }
        launches.order.push_back(place->second);
    }
    replay.set_launches(std::move(launches));
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
    return common_.count > 0 ? text + " count=" + number_text(common_.count) : text;
}

std::string Case::request() const {
    std::string line;
    for (std::size_t i = 0; launches_ != nullptr && i < launches_->cases.size(); ++i) {
        line += launches_->cases[i].text() + " id=" + std::to_string(launches_->ids[i]) + request_separator;
    }
    return line + text();
}

Plan parse_plan(std::string_view text, const std::string& file) {
    Plan plan;
    std::map<std::string, std::size_t> known;
    std::map<std::int64_t, Case> by_id;
    std::vector<std::pair<std::size_t, std::size_t>> replays;  // case, line
    std::size_t number = 0;
    const auto report = [&](std::size_t line, const Problem& problem) {
        plan.problems.push_back(file + ":" + std::to_string(line) + ":" + std::to_string(problem.column) + ": " +
                                problem.message);
    };
    for (const std::string& line : split(text, '\n')) {
        ++number;
        const auto words = words_of(line);
        if (words.empty()) continue;
        try {
            const Case parsed = parse_case(words);
            const bool is_replay = parsed.kind().name == "replay";
            if (parsed.id() > 0 && is_launchable(parsed.kind()) && !by_id.emplace(parsed.id(), parsed).second) {
                throw Problem{1, "id=" + std::to_string(parsed.id()) + " is that of an earlier line"};
            }
            const auto [place, is_new] = known.emplace(parsed.text(), plan.cases.size());
            if (is_new) {
                if (is_replay) replays.emplace_back(plan.cases.size(), number);
                plan.cases.push_back(parsed);
            } else if (parsed.priority() < plan.cases[place->second].priority()) {
                plan.cases[place->second] = parsed;
            }
        } catch (const Problem& problem) {
            report(number, problem);
        }
    }
    for (auto replay = replays.rbegin(); replay != replays.rend(); ++replay) {
        try {
            resolve(plan.cases[replay->first], by_id);
        } catch (const Problem& problem) {
            report(replay->second, problem);
            plan.cases.erase(plan.cases.begin() + static_cast<std::ptrdiff_t>(replay->first));
        }
    }
    return plan;
}

Plan parse_request(const std::string& line) {
    std::string text = line;
    std::replace(text.begin(), text.end(), request_separator, '\n');
    Plan plan = parse_plan(text, "request");
    if (plan.cases.size() > 1) plan.cases.erase(plan.cases.begin(), plan.cases.end() - 1);
    if (!plan.problems.empty()) plan.cases.clear();
    return plan;
}

}  // namespace cupola::probe
