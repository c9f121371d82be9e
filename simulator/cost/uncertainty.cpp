#include "cupola/cost/uncertainty.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace cupola {
namespace {

/// How far a time lies outside of a class, as a ratio; 1 inside.
double distance(Seconds time, const ErrorClass& error) {
    if (time < error.from) return error.from / time;
    return time < error.to ? 1.0 : time / error.to;
}

/// The class of the kernel's kind, variant and type whose times are nearest; null without any.
const ErrorClass* nearest(const LibraryCalibration& library, const Kernel& kernel, Seconds time) {
    const ErrorClass* best = nullptr;
    for (const ErrorClass& error : library.errors) {
        if (error.kind != kernel_kind(kernel.work) || error.type != kernel.type) continue;
        if (error.variant != variant_of(kernel.work)) continue;
        if (best == nullptr || distance(time, error) < distance(time, *best)) best = &error;
    }
    return best;
}

/// The widest of all classes of the kind: for a variant or type that was never measured. Empty without any.
std::optional<ErrorClass> widest(const LibraryCalibration& library, KernelKind kind) {
    std::optional<ErrorClass> result;
    for (const ErrorClass& error : library.errors) {
        if (error.kind != kind) continue;
        if (!result) result = error;
        result->low = std::min(result->low, error.low);
        result->high = std::max(result->high, error.high);
    }
    if (result) result->shared = 1;
    return result;
}

std::optional<ErrorClass> class_of(const LibraryCalibration& library, const Kernel& kernel, Seconds time) {
    if (const ErrorClass* error = nearest(library, kernel, time)) return *error;
    return widest(library, kernel_kind(kernel.work));
}

bool inside_ranges(const Kernel& kernel, const LibraryCalibration& library) {
    const KernelSizes sizes = sizes_of(kernel);
    return std::any_of(library.ranges.begin(), library.ranges.end(), [&](const SizeRange& range) {
        if (range.kind != kernel_kind(kernel.work) || range.variant != variant_of(kernel.work)) return false;
        if (range.type != kernel.type) return false;
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            if (sizes[i] < range.low[i] || sizes[i] > range.high[i]) return false;
        }
        return true;
    });
}

}  // namespace

Uncertainty uncertainty_of(const Kernel& kernel, Seconds time, const LibraryCalibration* library,
                           const LibraryCalibration& general) {
    const auto known = library == nullptr ? std::nullopt : class_of(*library, kernel, time);
    const auto fallback = class_of(general, kernel, time);
    Uncertainty result{0.5, 2.0};  // a factor of two where nothing was ever measured
    result.uncalibrated = !known;
    result.extrapolated = known && !inside_ranges(kernel, *library);
    const auto& error = known ? known : fallback;
    if (!error) return result;
    double low = error->low, high = error->high;
    if (result.extrapolated && fallback) {
        low = std::min(low, fallback->low);
        high = std::max(high, fallback->high);
    }
    // A class may lie to one side of its predictions; the interval of a prediction holds it.
    result.low = std::exp(std::min(low, 0.0));
    result.high = std::exp(std::max(high, 0.0));
    // What the facts of a GPU that was never measured are off by, all its kernels of a kind share.
    result.shared = result.uncalibrated ? 1 : error->shared;
    return result;
}

void IntervalSum::add(KernelKind kind, Seconds time, const Uncertainty& uncertainty) {
    const double seconds = time.value();
    const double half = 0.5 * seconds * (uncertainty.high - uncertainty.low);
    predicted_ += seconds;
    centre_ += 0.5 * seconds * (uncertainty.high + uncertainty.low);
    shared_[index_of(kind)] += half * std::sqrt(uncertainty.shared);
    independent_squares_ += half * half * (1 - uncertainty.shared);
}

void IntervalSum::add_independent(Seconds time, Seconds half) {
    predicted_ += time.value();
    centre_ += time.value();
    independent_squares_ += half.value() * half.value();
}

Interval IntervalSum::interval() const {
    double squares = independent_squares_;
    for (const double shared : shared_) squares += shared * shared;
    const double half = std::sqrt(squares);
    const double low = std::min(centre_ - half, predicted_), high = std::max(centre_ + half, predicted_);
    return {Seconds(std::max(0.0, low)), Seconds(high)};
}

}  // namespace cupola
