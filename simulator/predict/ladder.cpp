#include "cupola/predict/ladder.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace cupola {
namespace {

/// Differences below this share are rounding.
constexpr double same = 1e-9;

bool differ(double a, double b) { return std::abs(a - b) > same * std::max(std::abs(a), std::abs(b)); }

bool changed(const KernelChange& change) {
    return differ(change.launches_before, change.launches_after) ||
           differ(change.time_before.value(), change.time_after.value()) ||
           differ(change.dram_before.value(), change.dram_after.value());
}

double size_of(const KernelChange& change) { return std::abs((change.time_after - change.time_before).value()); }

}  // namespace

std::vector<KernelChange> kernel_changes(const Prediction& before, const Prediction& after) {
    std::map<std::string_view, KernelChange> by_label;
    for (const PredictedKernel& kernel : before.kernels) {
        KernelChange& change = by_label[kernel.kernel.label];
        change.launches_before += kernel.launches;
        change.time_before += kernel.total;
        change.dram_before += kernel.cost.dram_bytes * kernel.launches;
    }
    for (const PredictedKernel& kernel : after.kernels) {
        KernelChange& change = by_label[kernel.kernel.label];
        change.launches_after += kernel.launches;
        change.time_after += kernel.total;
        change.dram_after += kernel.cost.dram_bytes * kernel.launches;
    }
    std::vector<KernelChange> changes;
    for (auto& [label, change] : by_label) {
        change.label = label;
        if (changed(change)) changes.push_back(std::move(change));
    }
    std::stable_sort(changes.begin(), changes.end(),
                     [](const KernelChange& a, const KernelChange& b) { return size_of(a) > size_of(b); });
    return changes;
}

double launches_of(const Prediction& prediction) {
    double launches = 0;
    for (const PredictedKernel& kernel : prediction.kernels) launches += kernel.launches;
    return launches;
}

}  // namespace cupola
