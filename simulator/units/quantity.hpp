#pragma once

#include <compare>

namespace cupola {

/// A physical quantity stored in SI base units, with the exponents of seconds, bytes, floating-point operations and
/// joules in its type. Quantities of unlike dimension do not add, compare or convert; a quotient of like ones is a
/// plain `double`. Prefixes (GB, MiB, TFLOP/s) exist only where text is read or written, see `text.hpp`.
template <int Time, int Byte, int Flop, int Joule>
class Quantity {
public:
    constexpr Quantity() = default;
    constexpr explicit Quantity(double value) : value_(value) {}

    /// The magnitude in SI base units (s, B, FLOP, J and their products).
    [[nodiscard]] constexpr double value() const { return value_; }

    constexpr auto operator<=>(const Quantity&) const = default;

    constexpr Quantity& operator+=(Quantity other) {
        value_ += other.value_;
        return *this;
    }
    constexpr Quantity& operator-=(Quantity other) {
        value_ -= other.value_;
        return *this;
    }
    constexpr Quantity& operator*=(double factor) {
        value_ *= factor;
        return *this;
    }
    friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
    friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }
    friend constexpr Quantity operator*(Quantity a, double factor) { return Quantity(a.value_ * factor); }
    friend constexpr Quantity operator*(double factor, Quantity a) { return Quantity(a.value_ * factor); }
    friend constexpr Quantity operator/(Quantity a, double divisor) { return Quantity(a.value_ / divisor); }

private:
    double value_ = 0.0;
};

template <int T1, int B1, int F1, int J1, int T2, int B2, int F2, int J2>
constexpr auto operator*(Quantity<T1, B1, F1, J1> a, Quantity<T2, B2, F2, J2> b) {
    if constexpr (T1 + T2 == 0 && B1 + B2 == 0 && F1 + F2 == 0 && J1 + J2 == 0) {
        return a.value() * b.value();
    } else {
        return Quantity<T1 + T2, B1 + B2, F1 + F2, J1 + J2>(a.value() * b.value());
    }
}

template <int T1, int B1, int F1, int J1, int T2, int B2, int F2, int J2>
constexpr auto operator/(Quantity<T1, B1, F1, J1> a, Quantity<T2, B2, F2, J2> b) {
    if constexpr (T1 == T2 && B1 == B2 && F1 == F2 && J1 == J2) {
        return a.value() / b.value();
    } else {
        return Quantity<T1 - T2, B1 - B2, F1 - F2, J1 - J2>(a.value() / b.value());
    }
}

using Seconds = Quantity<1, 0, 0, 0>;
using Hertz = Quantity<-1, 0, 0, 0>;
using Bytes = Quantity<0, 1, 0, 0>;
using Flops = Quantity<0, 0, 1, 0>;  ///< a count of floating-point operations, not a rate
using Joules = Quantity<0, 0, 0, 1>;
using BytesPerSecond = Quantity<-1, 1, 0, 0>;
using FlopsPerSecond = Quantity<-1, 0, 1, 0>;
using FlopsPerByte = Quantity<0, -1, 1, 0>;  ///< arithmetic intensity
using Watts = Quantity<-1, 0, 0, 1>;

}  // namespace cupola
