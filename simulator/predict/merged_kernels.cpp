#include "cupola/predict/prediction.hpp"

#include <algorithm>
#include <unordered_map>

namespace cupola {
namespace {

/// What stays of a kernel when its operands are left out.
Kernel without_operands(const Kernel& kernel) {
    Kernel result;
    result.label = kernel.label;
    result.category = kernel.category;
    result.type = kernel.type;
    result.work = kernel.work;
    return result;
}

/// sum += cost x launches
void add_scaled(KernelCost& sum, const KernelCost& cost, double launches) {
    sum.time += cost.time * launches;
    sum.tensor += cost.tensor * launches;
    sum.simt += cost.simt * launches;
    sum.mufu += cost.mufu * launches;
    sum.l2 += cost.l2 * launches;
    sum.dram += cost.dram * launches;
    sum.launch += cost.launch * launches;
    sum.l2_bytes += cost.l2_bytes * launches;
    sum.dram_bytes += cost.dram_bytes * launches;
    sum.flops += cost.flops * launches;
}

/// Ends of the interval weighted by time; a mark of one kernel marks all.
void add_scaled(Uncertainty& sum, const Uncertainty& part, double seconds) {
    sum.low += part.low * seconds;
    sum.high += part.high * seconds;
    sum.extrapolated |= part.extrapolated;
    sum.uncalibrated |= part.uncalibrated;
}

Bound largest_bound(const KernelCost& cost) {
    return *std::max_element(all_bounds.begin(), all_bounds.end(),
                             [&](Bound a, Bound b) { return cost.of(a) < cost.of(b); });
}

}  // namespace

std::vector<PredictedKernel> merged_kernels(const std::vector<PredictedKernel>& kernels) {
    std::vector<PredictedKernel> merged;
    std::unordered_multimap<std::uint64_t, std::size_t> by_hash;
    for (const PredictedKernel& kernel : kernels) {
        const Kernel key = without_operands(kernel.kernel);
        const std::uint64_t hash = hash_of(key);
        const auto [begin, end] = by_hash.equal_range(hash);
        const auto found =
            std::find_if(begin, end, [&](const auto& entry) { return merged[entry.second].kernel == key; });
        const std::size_t index = found == end ? merged.size() : found->second;
        if (found == end) {
            by_hash.emplace(hash, index);
            merged.push_back(kernel);  // the longest of its kind comes first
            PredictedKernel& entry = merged.back();
            entry.kernel = key;
            entry.cost = {};
            entry.launches = 0;
            entry.total = Seconds(0);
            entry.uncertainty.low = entry.uncertainty.high = 0;
        }
        PredictedKernel& entry = merged[index];
        add_scaled(entry.cost, kernel.cost, kernel.launches);
        entry.launches += kernel.launches;
        entry.total += kernel.total;
        add_scaled(entry.uncertainty, kernel.uncertainty, kernel.total.value());
    }
    for (PredictedKernel& entry : merged) {
        KernelCost mean;
        if (entry.launches > 0) add_scaled(mean, entry.cost, 1.0 / entry.launches);
        mean.bound = largest_bound(mean);
        entry.cost = mean;
        if (entry.total > Seconds(0)) {
            entry.uncertainty.low /= entry.total.value();
            entry.uncertainty.high /= entry.total.value();
        }
    }
    std::stable_sort(merged.begin(), merged.end(), [](const auto& a, const auto& b) { return a.total > b.total; });
    return merged;
}

}  // namespace cupola
