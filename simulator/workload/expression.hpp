#pragma once

#include "cupola/units/input_error.hpp"
#include "cupola/workload/datum.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cupola {

using NameId = std::uint32_t;

/// The identifiers of one descriptor, each stored once: comparing names is comparing numbers.
class Names {
public:
    NameId intern(std::string_view text);
    [[nodiscard]] const std::string& text(NameId id) const { return texts_[id]; }
    /// The id of a name that was interned before. REQUIRES: it was
    [[nodiscard]] NameId find(std::string_view text) const { return ids_.at(std::string(text)); }

private:
    std::vector<std::string> texts_;
    std::unordered_map<std::string, NameId> ids_;
};

/// A variable and its value; later bindings hide earlier ones.
struct Binding {
    NameId name = 0;
    Datum value;
};

/// What an expression may ask of the tensors around it.
class TensorSizes {
public:
    virtual ~TensorSizes() = default;
    /// Size of an axis or atom of a named tensor, or of the current one where `tensor` is empty; -1 if there is none.
    [[nodiscard]] virtual std::int64_t size(std::string_view tensor, std::string_view axis) const = 0;
    /// Whether a tensor of that name is in scope.
    [[nodiscard]] virtual bool has(std::string_view tensor) const = 0;
    /// Whether a loop has left a state of that name.
    [[nodiscard]] virtual bool remembers(std::string_view state) const = 0;
};

struct Environment {
    std::span<const Binding> variables;
    const Names* names = nullptr;
    const TensorSizes* tensors = nullptr;  ///< null where no tensor exists (parameters, repeat counts)
};

/// An arithmetic expression of the descriptor language:
///   or and not | < <= > >= == != | .. | + - | * / // % | -x | f(x) x[i] | 12 0.5 1e-3 'text' [a, b] name true false
///   none
/// `/` of whole numbers stays whole where it divides, `//` rounds down, `a .. b` lists a to b inclusive.
/// Functions: min max sum len reversed ceil floor ceil_div choose(condition, a, b), and of tensors
/// size(axis) size(tensor, axis) has(tensor) remembers(state).
class Expression {
public:
    Expression() = default;
    /// Throws InputError at the offending column.
    static Expression parse(std::string_view text, const SourcePosition& where, Names& names);
    /// A constant.
    static Expression of(Datum value, const SourcePosition& where);

    /// Throws InputError: unknown variable, division by zero, wrong type, index out of range.
    [[nodiscard]] Datum evaluate(const Environment& environment) const;
    [[nodiscard]] bool mentions(NameId name) const;
    /// The names that it mentions, in order, one as often as it is written.
    [[nodiscard]] std::vector<NameId> names() const;
    /// The name, if the whole expression is a single one.
    [[nodiscard]] const NameId* single_name() const;
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const SourcePosition& where() const { return where_; }
    [[nodiscard]] bool empty() const { return nodes_.empty(); }

    enum class Op : std::uint8_t {
        literal,
        name,
        list,
        index,
        call,
        add,
        subtract,
        multiply,
        divide,
        floor_divide,
        modulo,
        negate,
        less,
        less_equal,
        greater,
        greater_equal,
        equal,
        not_equal,
        logical_and,
        logical_or,
        logical_not,
        range,
    };
    struct Node {
        Op op = Op::literal;
        std::uint8_t function = 0;  ///< of a call
        int offset = 0;             ///< in the text, for messages
        NameId name = 0;
        Datum literal;
        std::vector<std::uint32_t> operands;  ///< indices into nodes_
    };

private:
    friend class ExpressionParser;
    friend class ExpressionEvaluator;
    std::vector<Node> nodes_;  ///< the root is last
    std::string text_;
    SourcePosition where_;
};

/// Evaluates to a whole number in [min, max]; throws InputError naming `what`.
[[nodiscard]] std::int64_t evaluate_integer(const Expression& expression, const Environment& environment,
                                            std::string_view what, std::int64_t min, std::int64_t max);
/// Evaluates to true or false (a whole number other than 0 is true; none and an empty list are false).
[[nodiscard]] bool evaluate_condition(const Expression& expression, const Environment& environment);
/// Evaluates to a list; a single value is a list of one.
[[nodiscard]] std::vector<Datum> evaluate_list(const Expression& expression, const Environment& environment);

}  // namespace cupola
