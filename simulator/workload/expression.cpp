#include "cupola/workload/expression.hpp"

#include "cupola/units/suggest.hpp"
#include "cupola/workload/expression_functions.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace cupola {
namespace {

constexpr std::array<FunctionSignature, 12> signatures{{
    {"min", "min(a, b, …) or min(list)", 1, 99},
    {"max", "max(a, b, …) or max(list)", 1, 99},
    {"sum", "sum(list)", 1, 1},
    {"len", "len(list)", 1, 1},
    {"reversed", "reversed(list)", 1, 1},
    {"ceil", "ceil(number)", 1, 1},
    {"floor", "floor(number)", 1, 1},
    {"ceil_div", "ceil_div(a, b)", 2, 2},
    {"choose", "choose(condition, value if true, value if false)", 3, 3},
    {"size", "size(axis) or size(tensor, axis)", 1, 2},
    {"has", "has(tensor)", 1, 1},
    {"remembers", "remembers(state)", 1, 1},
}};

bool is_true(const Datum& datum) {
    if (datum.is_none()) return false;
    if (datum.is_number()) return datum.number() != 0.0;
    if (const auto* text = datum.text()) return !text->empty();
    return !datum.list()->empty();
}

}  // namespace

int find_function(std::string_view name) {
    for (std::size_t i = 0; i < signatures.size(); ++i) {
        if (signatures[i].name == name) return static_cast<int>(i);
    }
    return -1;
}

const FunctionSignature& function_signature(int function) { return signatures[static_cast<std::size_t>(function)]; }

std::vector<std::string> function_names() {
    std::vector<std::string> names;
    for (const auto& signature : signatures) names.emplace_back(signature.name);
    return names;
}

bool Datum::operator==(const Datum& other) const {
    if (is_number() && other.is_number()) return number() == other.number();
    if (const auto* mine = list()) {
        const auto* theirs = other.list();
        return theirs != nullptr && *mine == *theirs;
    }
    return value == other.value;
}

std::string text_of(const Datum& datum) {
    if (datum.is_none()) return "none";
    if (const auto* whole = datum.integer()) return std::to_string(*whole);
    if (const auto* real = datum.real()) {
        std::array<char, 32> text{};  // the shortest text that reads back as the same number
        return {text.data(), std::to_chars(text.data(), text.data() + text.size(), *real).ptr};
    }
    if (const auto* text = datum.text()) return "'" + *text + "'";
    std::string text = "[";
    for (const Datum& item : *datum.list()) text += (text.size() > 1 ? ", " : "") + text_of(item);
    return text + "]";
}

/// Walks the nodes of one expression.
class ExpressionEvaluator {
public:
    ExpressionEvaluator(const Expression& expression, const Environment& environment)
        : expression_(expression), environment_(environment) {}

    Datum evaluate(std::uint32_t index) const {
        const Node& node = expression_.nodes_[index];
        switch (node.op) {
            case Op::literal: return node.literal;
            case Op::name: return variable(node);
            case Op::list: return list(node);
            case Op::index: return element(node);
            case Op::call: return call(node);
            case Op::logical_and:
                return Datum(std::int64_t{is_true(evaluate(node.operands[0])) && is_true(evaluate(node.operands[1]))});
            case Op::logical_or:
                return Datum(std::int64_t{is_true(evaluate(node.operands[0])) || is_true(evaluate(node.operands[1]))});
            case Op::logical_not: return Datum(std::int64_t{!is_true(evaluate(node.operands[0]))});
            case Op::equal: return Datum(std::int64_t{evaluate(node.operands[0]) == evaluate(node.operands[1])});
            case Op::not_equal: return Datum(std::int64_t{!(evaluate(node.operands[0]) == evaluate(node.operands[1]))});
            case Op::negate: return arithmetic(node, Datum(std::int64_t{0}), evaluate(node.operands[0]), Op::subtract);
            default: return arithmetic(node, evaluate(node.operands[0]), evaluate(node.operands[1]), node.op);
        }
    }

private:
    using Node = Expression::Node;
    using Op = Expression::Op;

    [[noreturn]] void fail(const Node& node, std::string found, std::string expected, std::string hint = {}) const {
        SourcePosition where = expression_.where_;
        where.column += node.offset;
        throw InputError(
            {where, "", std::move(found) + " in \"" + expression_.text_ + "\"", std::move(expected), std::move(hint)});
    }

    Datum variable(const Node& node) const {
        const auto variables = environment_.variables;
        for (std::size_t i = variables.size(); i-- > 0;) {
            if (variables[i].name == node.name) return variables[i].value;
        }
        std::vector<std::string> known;
        for (const Binding& binding : variables) known.push_back(environment_.names->text(binding.name));
        const std::string& name = environment_.names->text(node.name);
        fail(node, "\"" + name + "\"", "a variable that is defined here", suggestion(name, known));
    }

    Datum list(const Node& node) const {
        std::vector<Datum> items;
        for (const std::uint32_t operand : node.operands) items.push_back(evaluate(operand));
        return Datum(std::move(items));
    }

    Datum element(const Node& node) const {
        const Datum list = evaluate(node.operands[0]);
        const Datum index = evaluate(node.operands[1]);
        if (list.list() == nullptr) fail(node, text_of(list) + "[…]", "a list before \"[\"");
        if (index.integer() == nullptr) fail(node, "index " + text_of(index), "a whole number");
        const auto count = static_cast<std::int64_t>(list.list()->size());
        if (*index.integer() < 0 || *index.integer() >= count) {
            fail(node, "index " + text_of(index),
                 "0 to " + std::to_string(count - 1) + " for the list " + text_of(list));
        }
        return (*list.list())[static_cast<std::size_t>(*index.integer())];
    }

    Datum arithmetic(const Node& node, const Datum& left, const Datum& right, Op op) const {
        if (!left.is_number() || !right.is_number()) {
            fail(node, text_of(left.is_number() ? right : left), "a number");
        }
        if (left.integer() != nullptr && right.integer() != nullptr) {
            return whole_arithmetic(node, *left.integer(), *right.integer(), op);
        }
        return real_arithmetic(node, left.number(), right.number(), op);
    }

    Datum whole_arithmetic(const Node& node, std::int64_t a, std::int64_t b, Op op) const {
        std::int64_t result = 0;
        bool overflow = false;
        switch (op) {
            case Op::add: overflow = __builtin_add_overflow(a, b, &result); break;
            case Op::subtract: overflow = __builtin_sub_overflow(a, b, &result); break;
            case Op::multiply: overflow = __builtin_mul_overflow(a, b, &result); break;
            case Op::divide:
            case Op::floor_divide:
            case Op::modulo: return whole_division(node, a, b, op);
            case Op::less: return Datum(std::int64_t{a < b});
            case Op::less_equal: return Datum(std::int64_t{a <= b});
            case Op::greater: return Datum(std::int64_t{a > b});
            case Op::greater_equal: return Datum(std::int64_t{a >= b});
            case Op::range: return range(node, a, b);
            default: fail(node, "an operator", "arithmetic");
        }
        if (overflow) fail(node, std::to_string(a) + " and " + std::to_string(b), "a result below 2^63");
        return Datum(result);
    }

    Datum whole_division(const Node& node, std::int64_t a, std::int64_t b, Op op) const {
        if (b == 0) fail(node, "a division by zero", "another divisor");
        if (a == std::numeric_limits<std::int64_t>::min()) fail(node, std::to_string(a), "a number above -2^63");
        if (op == Op::divide && a % b != 0) return Datum(static_cast<double>(a) / static_cast<double>(b));
        const std::int64_t remainder = a % b;
        const bool below = remainder != 0 && (remainder < 0) != (b < 0);
        if (op == Op::modulo) return Datum(below ? remainder + b : remainder);
        return Datum(a / b - (below ? 1 : 0));
    }

    Datum range(const Node& node, std::int64_t first, std::int64_t last) const {
        if (last >= first && static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first) > 1'000'000) {
            fail(node, std::to_string(first) + " .. " + std::to_string(last), "at most a million numbers");
        }
        std::vector<Datum> items;
        for (std::int64_t i = first; i <= last; ++i) items.emplace_back(i);
        return Datum(std::move(items));
    }

    Datum real_arithmetic(const Node& node, double a, double b, Op op) const {
        if ((op == Op::divide || op == Op::floor_divide || op == Op::modulo) && b == 0) {
            fail(node, "a division by zero", "another divisor");
        }
        switch (op) {
            case Op::add: return finite(node, a + b);
            case Op::subtract: return finite(node, a - b);
            case Op::multiply: return finite(node, a * b);
            case Op::divide: return finite(node, a / b);
            case Op::floor_divide: return to_whole(node, std::floor(a / b));
            case Op::modulo: return finite(node, a - b * std::floor(a / b));
            case Op::less: return Datum(std::int64_t{a < b});
            case Op::less_equal: return Datum(std::int64_t{a <= b});
            case Op::greater: return Datum(std::int64_t{a > b});
            case Op::greater_equal: return Datum(std::int64_t{a >= b});
            default: fail(node, text_of(Datum(a)) + " .. " + text_of(Datum(b)), "whole numbers");
        }
    }

    Datum finite(const Node& node, double value) const {
        if (!std::isfinite(value)) fail(node, "a result that is not finite", "a finite number");
        return Datum(value);
    }

    Datum to_whole(const Node& node, double value) const {
        if (std::abs(value) > 9e15) fail(node, text_of(Datum(value)), "a whole number below 9e15");
        return Datum(static_cast<std::int64_t>(value));
    }

    Datum call(const Node& node) const {
        const auto function = static_cast<Function>(node.function);
        switch (function) {
            case Function::min:
            case Function::max: return extreme(node, function == Function::max);
            case Function::sum: return total(node);
            case Function::len: return Datum(static_cast<std::int64_t>(list_argument(node).list()->size()));
            case Function::reversed: {
                const Datum list = list_argument(node);
                return Datum(std::vector<Datum>(list.list()->rbegin(), list.list()->rend()));
            }
            case Function::ceil: return to_whole(node, std::ceil(number_argument(node, 0)));
            case Function::floor: return to_whole(node, std::floor(number_argument(node, 0)));
            case Function::ceil_div: {
                const double divisor = number_argument(node, 1);
                if (divisor == 0) fail(node, "a division by zero", "another divisor");
                return to_whole(node, std::ceil(number_argument(node, 0) / divisor));
            }
            case Function::choose: return evaluate(node.operands[is_true(evaluate(node.operands[0])) ? 1 : 2]);
            case Function::size: return size(node);
            case Function::has: return Datum(std::int64_t{tensors(node).has(name_argument(node, 0))});
            case Function::remembers: return Datum(std::int64_t{tensors(node).remembers(name_argument(node, 0))});
        }
        fail(node, "a function", "another");
    }

    const TensorSizes& tensors(const Node& node) const {
        if (environment_.tensors == nullptr) fail(node, "a question about a tensor", "an expression without one here");
        return *environment_.tensors;
    }

    Datum size(const Node& node) const {
        const bool named = node.operands.size() == 2;
        const std::string& axis = name_argument(node, named ? 1 : 0);
        const std::string tensor = named ? name_argument(node, 0) : std::string();
        const std::int64_t size = tensors(node).size(tensor, axis);
        if (size < 0) fail(node, "\"" + axis + "\"", "an axis of " + (named ? tensor : "the current tensor"));
        return Datum(size);
    }

    const std::string& name_argument(const Node& node, std::size_t i) const {
        const Node& argument = expression_.nodes_[node.operands[i]];
        if (argument.op != Op::name) fail(argument, "an expression", "a plain name");
        return environment_.names->text(argument.name);
    }
    double number_argument(const Node& node, std::size_t i) const {
        const Datum value = evaluate(node.operands[i]);
        if (!value.is_number()) fail(node, text_of(value), "a number");
        return value.number();
    }
    Datum list_argument(const Node& node) const {
        Datum value = evaluate(node.operands[0]);
        if (value.list() == nullptr) fail(node, text_of(value), "a list");
        return value;
    }
    std::vector<Datum> numbers(const Node& node) const {
        std::vector<Datum> values;
        for (const std::uint32_t operand : node.operands) {
            Datum value = evaluate(operand);
            if (const auto* list = value.list()) {
                values.insert(values.end(), list->begin(), list->end());
            } else {
                values.push_back(std::move(value));
            }
        }
        for (const Datum& value : values) {
            if (!value.is_number()) fail(node, text_of(value), "a number");
        }
        if (values.empty()) fail(node, "an empty list", "at least one number");
        return values;
    }
    Datum extreme(const Node& node, bool largest) const {
        const std::vector<Datum> values = numbers(node);
        std::size_t best = 0;
        for (std::size_t i = 1; i < values.size(); ++i) {
            const double difference = values[i].number() - values[best].number();
            if (largest ? difference > 0 : difference < 0) best = i;
        }
        return values[best];
    }
    Datum total(const Node& node) const {
        Datum sum(std::int64_t{0});
        const Datum list = list_argument(node);
        for (const Datum& item : *list.list()) sum = arithmetic(node, sum, item, Op::add);
        return sum;
    }

    const Expression& expression_;
    const Environment& environment_;
};

Datum Expression::evaluate(const Environment& environment) const {
    return ExpressionEvaluator(*this, environment).evaluate(static_cast<std::uint32_t>(nodes_.size() - 1));
}

std::int64_t evaluate_integer(const Expression& expression, const Environment& environment, std::string_view what,
                              std::int64_t min, std::int64_t max) {
    const Datum value = expression.evaluate(environment);
    const auto* whole = value.integer();
    if (whole == nullptr || *whole < min || *whole > max) {
        std::string found = text_of(value);
        if (found != expression.text()) found += " from \"" + expression.text() + "\"";
        std::string expected = std::string(what) + ": a whole number";
        if (whole != nullptr) expected += " from " + std::to_string(min) + " to " + std::to_string(max);
        throw InputError({expression.where(), "", std::move(found), std::move(expected), ""});
    }
    return *whole;
}

bool evaluate_condition(const Expression& expression, const Environment& environment) {
    return is_true(expression.evaluate(environment));
}

std::vector<Datum> evaluate_list(const Expression& expression, const Environment& environment) {
    Datum value = expression.evaluate(environment);
    if (const auto* list = value.list()) return *list;
    return {std::move(value)};
}

}  // namespace cupola
