#include "cupola/units/text.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace cupola;

namespace {

struct Reading {
    std::string text;
    double value;
};

template <typename Q>
void check_readings(const std::vector<Reading>& readings) {
    for (const Reading& reading : readings) {
        CAPTURE(reading.text);
        const auto parsed = parse_quantity<Q>(reading.text);
        CHECK(parsed.has_value());
        if (parsed) CHECK(parsed->value() == reading.value);
    }
}

template <typename Q>
void check_refused(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        CAPTURE(text);
        CHECK_FALSE(parse_quantity<Q>(text).has_value());
    }
}

}  // namespace

TEST_CASE("every decimal prefix is a power of 1000") {
    check_readings<Bytes>({{"1 B", 1.0},
                           {"1 kB", 1000.0},
                           {"1 MB", 1'000'000.0},
                           {"1 GB", 1'000'000'000.0},
                           {"1 TB", 1'000'000'000'000.0},
                           {"1 PB", 1'000'000'000'000'000.0}});
    check_readings<Hertz>(
        {{"1 Hz", 1.0}, {"1 kHz", 1e3}, {"1 MHz", 1e6}, {"1 GHz", 1e9}, {"1 THz", 1e12}, {"1 PHz", 1e15}});
    check_readings<FlopsPerSecond>({{"1 FLOP/s", 1.0},
                                    {"1 kFLOP/s", 1e3},
                                    {"1 MFLOP/s", 1e6},
                                    {"1 GFLOP/s", 1e9},
                                    {"1 TFLOP/s", 1e12},
                                    {"1 PFLOP/s", 1e15}});
    check_readings<BytesPerSecond>(
        {{"1 B/s", 1.0}, {"1 kB/s", 1e3}, {"1 MB/s", 1e6}, {"1 GB/s", 1e9}, {"1 TB/s", 1e12}, {"1 PB/s", 1e15}});
    check_readings<Flops>(
        {{"1 FLOP", 1.0}, {"1 kFLOP", 1e3}, {"1 MFLOP", 1e6}, {"1 GFLOP", 1e9}, {"1 TFLOP", 1e12}, {"1 PFLOP", 1e15}});
    check_readings<Watts>({{"700 W", 700.0}, {"1.5 kW", 1500.0}, {"250 mW", 0.25}});
    check_readings<Joules>({{"3 J", 3.0}, {"2 kJ", 2000.0}, {"4 pJ", 4e-12}});
    check_readings<FlopsPerByte>({{"153 FLOP/B", 153.0}});
}

TEST_CASE("every binary prefix is a power of 1024") {
    check_readings<Bytes>({{"1 KiB", 1024.0},
                           {"1 MiB", 1048576.0},
                           {"1 GiB", 1073741824.0},
                           {"1 TiB", 1099511627776.0},
                           {"1 PiB", 1125899906842624.0}});
    check_readings<BytesPerSecond>({{"1 KiB/s", 1024.0},
                                    {"1 MiB/s", 1048576.0},
                                    {"1 GiB/s", 1073741824.0},
                                    {"1 TiB/s", 1099511627776.0},
                                    {"1 PiB/s", 1125899906842624.0}});
}

TEST_CASE("every fraction of a second is the nearest double") {
    check_readings<Seconds>({{"1 s", 1.0},
                             {"1 ms", 1e-3},
                             {"1 us", 1e-6},
                             {"1 \u00b5s", 1e-6},
                             {"1 \u03bcs", 1e-6},
                             {"1 ns", 1e-9},
                             {"1 ps", 1e-12},
                             {"5 us", 5e-6},
                             {"2.3 us", 2.3e-6}});
}

TEST_CASE("the space before the unit is optional and the number may have an exponent") {
    check_readings<Bytes>(
        {{"12.5 MB", 12.5e6}, {"12.5MB", 12.5e6}, {"80  GB", 80e9}, {"1e3 B", 1e3}, {".5 GB", 5e8}, {"0 B", 0.0}});
    check_readings<Seconds>({{"-5 us", -5e-6}});
}

TEST_CASE("what is no quantity of the dimension is refused") {
    check_refused<BytesPerSecond>({"", " ", "TB/s", "3.35", "3.35 TB", "3.35 TFLOP/s", "3.35 tb/s", "3.35 Tb/s",
                                   "3,35 TB/s", "3.35 TB/s ", "+3 TB/s", "3.35 TB/s 1", "3.35\tTB/s", "3 KB/s",
                                   "3 kiB/s", "3 mB/s"});
    check_refused<Bytes>({"inf B", "nan B", "infinity B", "1e400 B", "1e308 GB", "0x10 B", "1_000 B", "5 us", "5 EB",
                          "5 mB", "5 b", "five B"});
    check_refused<FlopsPerSecond>({"989 TFLOPS", "989 TFLOP", "989 TFLOPs", "989 TOPS", "989 TiFLOP/s"});
    check_refused<Seconds>({"5 min", "5 ks", "5 Ms", "5 \u00b5", "5 S", "5 msec"});
    check_refused<Hertz>({"1980", "1.98 ghz", "1.98 GiHz", "1.98 G"});
    check_refused<FlopsPerByte>({"153", "153 kFLOP/B", "153 B/FLOP"});
}

TEST_CASE("a text with embedded NUL or a cut multi-byte character is refused") {
    using namespace std::string_literals;
    check_refused<Seconds>({"5 us\0"s, "5\0us"s, "5 \xc2s"s});
}

TEST_CASE("the expectation names the dimension and an example that parses") {
    CHECK(expected_quantity<BytesPerSecond>() == "a bandwidth such as 3.35 TB/s");
    CHECK(expected_quantity<Seconds>() == "a time such as 5 us");
    CHECK(expected_quantity<FlopsPerSecond>() == "a throughput such as 989 TFLOP/s");
    CHECK(parse_quantity<Joules>("1.5 kJ").has_value());
}

TEST_CASE("formatting keeps three significant digits and a number from 1 to 1000") {
    CHECK(format(Seconds(3.3142)) == "3.31 s");
    CHECK(format(Seconds(0.0124)) == "12.4 ms");
    CHECK(format(Seconds(5.2e-6)) == "5.2 us");
    CHECK(format(Seconds(999.6e-6)) == "1 ms");
    CHECK(format(Seconds(999.4e-6)) == "999 us");
    CHECK(format(Seconds(12345.0)) == "12345 s");
    CHECK(format(Seconds(0.0)) == "0 s");
    CHECK(format(Seconds(-0.0124)) == "-12.4 ms");
    CHECK(format(Hertz(1.98e9)) == "1.98 GHz");
    CHECK(format(Bytes(4.78 * 0x1p30)) == "4.78 GiB");
    CHECK(format(Bytes(1023.0)) == "1023 B");
    CHECK(format(Bytes(1024.0)) == "1 KiB");
    CHECK(format(Bytes(0.0)) == "0 B");
    CHECK(format(Flops(6.76e12)) == "6.76 TFLOP");
    CHECK(format(BytesPerSecond(3.35e12)) == "3.35 TB/s");
    CHECK(format(FlopsPerSecond(989.4e12)) == "989 TFLOP/s");
    CHECK(format(FlopsPerSecond(999.7e12)) == "1 PFLOP/s");
    CHECK(format(FlopsPerSecond(5e18)) == "5000 PFLOP/s");
    CHECK(format(FlopsPerByte(153.2)) == "153 FLOP/B");
    CHECK(format(Watts(700.0)) == "700 W");
    CHECK(format(Joules(1500.0)) == "1.5 kJ");
}

TEST_CASE("a formatted quantity reads back within its rounding") {
    for (double exponent = -8.5; exponent < 3.0; exponent += 0.37) {
        const Seconds time(std::pow(10.0, exponent));
        const auto back = parse_quantity<Seconds>(format(time));
        CAPTURE(format(time));
        CHECK(back.has_value());
        if (back) CHECK(back->value() == doctest::Approx(time.value()).epsilon(0.006));
    }
    for (double exponent = 0.0; exponent < 17.5; exponent += 0.37) {
        const Bytes size(std::pow(10.0, exponent));
        const auto back = parse_quantity<Bytes>(format(size));
        CAPTURE(format(size));
        CHECK(back.has_value());
        if (back) CHECK(back->value() == doctest::Approx(size.value()).epsilon(0.006));
    }
}

TEST_CASE("counts are grouped by thousands") {
    CHECK(format_count(2567463684) == "2,567,463,684");
    CHECK(format_count(0) == "0");
    CHECK(format_count(999) == "999");
    CHECK(format_count(1000) == "1,000");
    CHECK(format_count(-1234567) == "-1,234,567");
    CHECK(format_count(-123) == "-123");
    CHECK(format_count(std::numeric_limits<long long>::min()) == "-9,223,372,036,854,775,808");
}

TEST_CASE("a date is four, two and two digits") {
    CHECK(is_date("2026-11-21"));
    for (const char* text : {"", "2026-11-2", "2026-11-211", "2026/11/21", "2O26-11-21"}) CHECK_FALSE(is_date(text));
}

TEST_CASE("products and quotients carry their dimension") {
    static_assert(std::is_same_v<decltype(Bytes(1) / BytesPerSecond(1)), Seconds>);
    static_assert(std::is_same_v<decltype(Flops(1) / Bytes(1)), FlopsPerByte>);
    static_assert(std::is_same_v<decltype(Watts(1) * Seconds(1)), Joules>);
    static_assert(std::is_same_v<decltype(Seconds(1) / Seconds(1)), double>);
    static_assert(std::is_same_v<decltype(Hertz(1) * Seconds(1)), double>);
    CHECK((Bytes(6e12) / BytesPerSecond(3e12)).value() == 2.0);
}
