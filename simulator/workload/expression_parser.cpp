#include "cupola/units/suggest.hpp"
#include "cupola/workload/expression.hpp"
#include "cupola/workload/expression_functions.hpp"

#include <cctype>
#include <charconv>
#include <utility>

namespace cupola {

NameId Names::intern(std::string_view text) {
    const auto [found, inserted] = ids_.try_emplace(std::string(text), static_cast<NameId>(texts_.size()));
    if (inserted) texts_.emplace_back(text);
    return found->second;
}

/// Recursive descent over the grammar in expression.hpp, lowest precedence first.
class ExpressionParser {
public:
    ExpressionParser(std::string_view text, const SourcePosition& where, Names& names)
        : text_(text), where_(where), names_(names) {}

    Expression parse() {
        if (text_.size() > 2000)
            fail(0, "an expression of " + std::to_string(text_.size()) + " characters", "at most 2000");
        parse_or();
        skip_space();
        if (at_ < text_.size()) fail(at_, quoted_rest(), "an operator or the end of the expression");
        Expression expression;
        expression.nodes_ = std::move(nodes_);
        expression.text_ = text_;
        expression.where_ = where_;
        return expression;
    }

private:
    using Op = Expression::Op;
    using Index = std::uint32_t;

    struct Nesting {
        explicit Nesting(ExpressionParser& parser) : parser_(parser) {
            if (++parser_.depth_ > 100) parser_.fail(parser_.at_, "deeper nesting than 100", "a simpler expression");
        }
        ~Nesting() { --parser_.depth_; }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;
        ExpressionParser& parser_;
    };

    [[noreturn]] void fail(std::size_t offset, std::string found, std::string expected, std::string hint = {}) const {
        SourcePosition where = where_;
        where.column += static_cast<int>(offset);
        throw InputError({where, "", std::move(found), std::move(expected), std::move(hint)});
    }
    [[nodiscard]] std::string quoted_rest() const {
        return at_ < text_.size() ? "\"" + std::string(text_.substr(at_, 20)) + "\"" : "the end";
    }
    void skip_space() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    }
    [[nodiscard]] bool accept(std::string_view symbol) {
        skip_space();
        if (text_.substr(at_, symbol.size()) != symbol) return false;
        at_ += symbol.size();
        return true;
    }
    [[nodiscard]] bool accept_word(std::string_view word) {
        skip_space();
        if (text_.substr(at_, word.size()) != word) return false;
        const std::size_t end = at_ + word.size();
        if (end < text_.size() && is_name_character(text_[end])) return false;
        at_ = end;
        return true;
    }
    static bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

    Index emit(Op op, std::size_t offset, std::vector<Index> operands = {}) {
        Expression::Node node;
        node.op = op;
        node.offset = static_cast<int>(offset);
        node.operands = std::move(operands);
        nodes_.push_back(std::move(node));
        return static_cast<Index>(nodes_.size() - 1);
    }
    Index emit_literal(Datum value, std::size_t offset) {
        const Index index = emit(Op::literal, offset);
        nodes_[index].literal = std::move(value);
        return index;
    }

    Index parse_or() {
        const Nesting nesting(*this);
        Index left = parse_and();
        while (accept_word("or")) {
            const std::size_t offset = at_;
            const Index right = parse_and();
            left = emit(Op::logical_or, offset, {left, right});
        }
        return left;
    }
    Index parse_and() {
        Index left = parse_not();
        while (accept_word("and")) {
            const std::size_t offset = at_;
            const Index right = parse_not();
            left = emit(Op::logical_and, offset, {left, right});
        }
        return left;
    }
    Index parse_not() {
        const Nesting nesting(*this);
        if (accept_word("not")) {
            const std::size_t offset = at_;
            const Index operand = parse_not();
            return emit(Op::logical_not, offset, {operand});
        }
        return parse_comparison();
    }
    Index parse_comparison() {
        const Index left = parse_range();
        static constexpr std::pair<std::string_view, Op> symbols[] = {{"<=", Op::less_equal}, {">=", Op::greater_equal},
                                                                      {"==", Op::equal},      {"!=", Op::not_equal},
                                                                      {"<", Op::less},        {">", Op::greater}};
        for (const auto& [symbol, op] : symbols) {
            if (!accept(symbol)) continue;
            const std::size_t offset = at_;
            const Index right = parse_range();
            return emit(op, offset, {left, right});
        }
        return left;
    }
    Index parse_range() {
        const Index left = parse_sum();
        if (!accept("..")) return left;
        const std::size_t offset = at_;
        const Index right = parse_sum();
        return emit(Op::range, offset, {left, right});
    }
    Index parse_sum() {
        Index left = parse_product();
        for (;;) {
            skip_space();
            const std::size_t offset = at_;
            if (accept("+")) {
                const Index right = parse_product();
                left = emit(Op::add, offset, {left, right});
            } else if (accept("-")) {
                const Index right = parse_product();
                left = emit(Op::subtract, offset, {left, right});
            } else {
                return left;
            }
        }
    }
    Index parse_product() {
        Index left = parse_unary();
        static constexpr std::pair<std::string_view, Op> symbols[] = {
            {"//", Op::floor_divide}, {"*", Op::multiply}, {"/", Op::divide}, {"%", Op::modulo}};
        for (bool more = true; more;) {
            more = false;
            skip_space();
            const std::size_t offset = at_;
            for (const auto& [symbol, op] : symbols) {
                if (!accept(symbol)) continue;
                const Index right = parse_unary();
                left = emit(op, offset, {left, right});
                more = true;
                break;
            }
        }
        return left;
    }
    Index parse_unary() {
        const Nesting nesting(*this);
        skip_space();
        const std::size_t offset = at_;
        if (accept("-")) {
            const Index operand = parse_unary();
            return emit(Op::negate, offset, {operand});
        }
        return parse_postfix();
    }
    Index parse_postfix() {
        Index value = parse_primary();
        for (;;) {
            skip_space();
            const std::size_t offset = at_;
            if (!accept("[")) return value;
            const Index index = parse_or();
            if (!accept("]")) fail(at_, quoted_rest(), "\"]\"");
            value = emit(Op::index, offset, {value, index});
        }
    }
    Index parse_primary() {
        skip_space();
        const std::size_t offset = at_;
        if (at_ == text_.size()) fail(at_, "the end", "a value");
        const char c = text_[at_];
        if (std::isdigit(static_cast<unsigned char>(c)) != 0) return parse_number();
        if (c == '\'') return parse_text();
        if (accept("(")) {
            const Index inner = parse_or();
            if (!accept(")")) fail(at_, quoted_rest(), "\")\"");
            return inner;
        }
        if (accept("[")) return emit(Op::list, offset, parse_arguments("]"));
        if (std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_') return parse_name();
        fail(at_, quoted_rest(), "a number, a name, a 'text', a list or \"(\"");
    }
    std::vector<Index> parse_arguments(std::string_view close) {
        std::vector<Index> arguments;
        if (accept(close)) return arguments;
        do {
            arguments.push_back(parse_or());
        } while (accept(","));
        if (!accept(close)) fail(at_, quoted_rest(), "\",\" or \"" + std::string(close) + "\"");
        return arguments;
    }
    void skip_digits() {
        while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    }
    /// "e-3"; whether there is one.
    bool skip_exponent() {
        if (at_ == text_.size() || (text_[at_] != 'e' && text_[at_] != 'E')) return false;
        std::size_t digits = at_ + 1;
        if (digits < text_.size() && (text_[digits] == '-' || text_[digits] == '+')) ++digits;
        if (digits == text_.size() || std::isdigit(static_cast<unsigned char>(text_[digits])) == 0) return false;
        at_ = digits;
        skip_digits();
        return true;
    }
    Index parse_number() {
        const std::size_t start = at_;
        skip_digits();
        const bool fraction = at_ + 1 < text_.size() && text_[at_] == '.' && text_[at_ + 1] != '.';
        if (fraction) {
            ++at_;
            skip_digits();
        }
        const bool exponent = skip_exponent();
        const char* first = text_.data() + start;
        const char* last = text_.data() + at_;
        if (fraction || exponent) {
            double real = 0;
            if (std::from_chars(first, last, real).ec != std::errc{}) {
                fail(start, std::string(text_.substr(start, at_ - start)), "a number from 1e-308 to 1e308");
            }
            return emit_literal(Datum(real), start);
        }
        std::int64_t whole = 0;
        if (std::from_chars(first, last, whole).ec != std::errc{})
            fail(start, std::string(text_.substr(start, at_ - start)), "a number below 2^63");
        return emit_literal(Datum(whole), start);
    }
    Index parse_text() {
        const std::size_t start = at_++;
        const std::size_t end = text_.find('\'', at_);
        if (end == std::string_view::npos) fail(start, "a text without its closing quote", "'text'");
        std::string content(text_.substr(at_, end - at_));
        at_ = end + 1;
        return emit_literal(Datum(std::move(content)), start);
    }
    Index parse_name() {
        const std::size_t start = at_;
        while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
        const std::string_view word = text_.substr(start, at_ - start);
        if (word == "true") return emit_literal(Datum(std::int64_t{1}), start);
        if (word == "false") return emit_literal(Datum(std::int64_t{0}), start);
        if (word == "none") return emit_literal(Datum(), start);
        if (accept("(")) return parse_call(word, start);
        const Index index = emit(Op::name, start);
        nodes_[index].name = names_.intern(word);
        return index;
    }
    Index parse_call(std::string_view word, std::size_t start) {
        const int function = find_function(word);
        if (function < 0) {
            fail(start, "\"" + std::string(word) + "\"", "a function", suggestion(word, function_names()));
        }
        std::vector<Index> arguments = parse_arguments(")");
        const auto& signature = function_signature(function);
        if (arguments.size() < signature.min_arguments || arguments.size() > signature.max_arguments) {
            fail(start, std::to_string(arguments.size()) + " arguments of " + std::string(word),
                 std::string(signature.usage));
        }
        const Index index = emit(Op::call, start, std::move(arguments));
        nodes_[index].function = static_cast<std::uint8_t>(function);
        return index;
    }

    std::string_view text_;
    const SourcePosition& where_;
    Names& names_;
    std::vector<Expression::Node> nodes_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

Expression Expression::parse(std::string_view text, const SourcePosition& where, Names& names) {
    return ExpressionParser(text, where, names).parse();
}

Expression Expression::of(Datum value, const SourcePosition& where) {
    Expression expression;
    expression.text_ = text_of(value);
    expression.where_ = where;
    Node node;
    node.literal = std::move(value);
    expression.nodes_.push_back(std::move(node));
    return expression;
}

bool Expression::mentions(NameId name) const {
    for (const Node& node : nodes_) {
        if (node.op == Op::name && node.name == name) return true;
    }
    return false;
}

std::vector<NameId> Expression::names() const {
    std::vector<NameId> names;
    for (const Node& node : nodes_) {
        if (node.op == Op::name) names.push_back(node.name);
    }
    return names;
}

const NameId* Expression::single_name() const {
    return nodes_.size() == 1 && nodes_.front().op == Op::name ? &nodes_.front().name : nullptr;
}

}  // namespace cupola
