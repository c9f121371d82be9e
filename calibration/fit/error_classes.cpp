#include "cupola/fit/error_classes.hpp"

#include "cupola/validation/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace cupola::fit {
namespace {

constexpr double least_share = 0.05;

using Key = std::tuple<KernelKind, std::string_view, DataType>;

ErrorClass class_of(std::span<const Residual> residuals, double from, double to) {
    std::vector<double> ratios;
    for (const Residual& residual : residuals) ratios.push_back(residual.log_ratio);
    std::sort(ratios.begin(), ratios.end());
    ErrorClass error;
    error.kind = residuals.front().kind;
    error.variant = residuals.front().variant;
    error.type = residuals.front().type;
    error.from = Seconds(from);
    error.to = Seconds(to);
    error.rows = ratios.size();
    error.low = validation::quantile(ratios, 0.1);
    error.high = validation::quantile(ratios, 0.9);
    error.shared = std::max(least_shared, share_between_clusters(residuals));
    return error;
}

/// Classes of one kind and type, its residuals sorted by predicted time; what is left too small joins the last one.
void add_classes(std::span<const Residual> residuals, std::vector<ErrorClass>& classes) {
    std::size_t first = 0;
    double from = 0;
    for (std::size_t size = 0; size + 1 < size_edges.size() && first < residuals.size(); ++size) {
        std::size_t end = first;
        while (end < residuals.size() && residuals[end].predicted.value() < size_edges[size + 1]) ++end;
        const bool rest_is_small = residuals.size() - end < least_rows;
        if (end - first < least_rows && !rest_is_small) continue;
        if (rest_is_small) end = residuals.size();
        const double to = rest_is_small ? size_edges.back() : size_edges[size + 1];
        classes.push_back(class_of(residuals.subspan(first, end - first), from, to));
        first = end;
        from = to;
    }
}

}  // namespace

std::vector<Residual> residuals_of(std::span<const Sample> samples, const CostParameters& parameters) {
    std::vector<Residual> residuals;
    residuals.reserve(samples.size());
    for (const Sample& sample : samples) {
        const Kernel& kernel = main_kernel(sample, parameters);
        const Seconds predicted = kernel_time(sample, parameters);
        // A small kernel's share of a measurement can come out as nothing.
        const Seconds measured =
            std::max(sample.row->measured - sample.row->overhead, least_share * sample.row->measured);
        residuals.push_back({kernel_kind(kernel.work), variant_of(kernel.work), kernel.type, predicted,
                             std::log(measured / predicted), sample.cluster});
    }
    return residuals;
}

std::vector<ErrorClass> error_classes(const std::vector<Residual>& residuals) {
    std::map<Key, std::vector<Residual>> by_key;
    for (const Residual& residual : residuals)
        by_key[{residual.kind, residual.variant, residual.type}].push_back(residual);
    std::vector<ErrorClass> classes;
    for (auto& [key, members] : by_key) {
        std::stable_sort(members.begin(), members.end(),
                         [](const Residual& a, const Residual& b) { return a.predicted < b.predicted; });
        add_classes(members, classes);
    }
    return classes;
}

double share_between_clusters(std::span<const Residual> residuals) {
    struct Cluster {
        double rows = 0, sum = 0, squares = 0;
    };
    std::map<std::uint32_t, Cluster> clusters;
    double sum = 0;
    for (const Residual& residual : residuals) {
        Cluster& cluster = clusters[residual.cluster];
        cluster.rows += 1;
        cluster.sum += residual.log_ratio;
        cluster.squares += residual.log_ratio * residual.log_ratio;
        sum += residual.log_ratio;
    }
    const double rows = static_cast<double>(residuals.size()), count = static_cast<double>(clusters.size());
    if (count < 2 || rows <= count) return 1;
    double within = 0, between = 0, square_rows = 0;
    for (const auto& [id, c] : clusters) {
        within += c.squares - c.sum * c.sum / c.rows;
        between += c.rows * (c.sum / c.rows - sum / rows) * (c.sum / c.rows - sum / rows);
        square_rows += c.rows * c.rows;
    }
    within /= rows - count;
    const double mean_rows = (rows - square_rows / rows) / (count - 1);
    const double variance = std::max(0.0, (between / (count - 1) - within) / mean_rows);
    return variance + within > 0 ? variance / (variance + within) : 1;
}

std::vector<SizeRange> size_ranges(std::span<const Sample> samples) {
    std::map<Key, SizeRange> ranges;
    for (const Sample& sample : samples) {
        for (const auto& [kernel, count] : sample.row->kernels) {
            const KernelSizes sizes = sizes_of(kernel);
            const Key key{kernel_kind(kernel.work), variant_of(kernel.work), kernel.type};
            SizeRange& range =
                ranges
                    .try_emplace(key, SizeRange{kernel_kind(kernel.work), std::string(variant_of(kernel.work)),
                                                kernel.type, sizes, sizes})
                    .first->second;
            for (std::size_t i = 0; i < sizes.size(); ++i) {
                range.low[i] = std::min(range.low[i], sizes[i]);
                range.high[i] = std::max(range.high[i], sizes[i]);
            }
        }
    }
    std::vector<SizeRange> result;
    for (const auto& [key, range] : ranges) result.push_back(range);
    return result;
}

}  // namespace cupola::fit
