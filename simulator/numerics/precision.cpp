#include "cupola/numerics/precision.hpp"

namespace cupola::numerics {
namespace {

Precision all_of(NumberFormat format) {
    return {format, format, format, format, format, format, format, format, format};
}

}  // namespace

std::string_view name_of(Preset preset) {
    switch (preset) {
        case Preset::paper: return "paper";
        case Preset::flash: return "flash";
    }
    return "";
}

PrecisionPair precisions(Preset preset, NumberFormat format) {
    const NumberFormat wide = format == NumberFormat::fp64 ? NumberFormat::fp64 : NumberFormat::fp32;
    Precision precision = all_of(format);
    precision.accumulator = wide;
    if (preset == Preset::paper) return {precision, precision};
    precision.maximum = precision.exponentials = precision.sum = precision.output = wide;
    Precision tiled = precision;
    tiled.scores = wide;
    return {precision, tiled};
}

}  // namespace cupola::numerics
