#pragma once

namespace cupola {

/// A visitor put together from one callable an alternative: std::visit(overloaded{…}, variant).
template <typename... Visitors>
struct overloaded : Visitors... {
    using Visitors::operator()...;
};
template <typename... Visitors>
overloaded(Visitors...) -> overloaded<Visitors...>;

}  // namespace cupola
