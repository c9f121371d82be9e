#include "cupola/fit/samples.hpp"

#include "cupola/units/text.hpp"

#include <algorithm>
#include <map>

namespace cupola::fit {
namespace {

/// Numbers texts from 0 in order of first appearance.
class Labels {
public:
    std::uint32_t index_of(const std::string& text) {
        return index_.try_emplace(text, static_cast<std::uint32_t>(index_.size())).first->second;
    }
    [[nodiscard]] std::vector<std::string> texts() const {
        std::vector<std::string> result(index_.size());
        for (const auto& [text, index] : index_) result[index] = text;
        return result;
    }

private:
    std::map<std::string, std::uint32_t> index_;
};

std::string size_text(std::size_t size) {
    if (size == 0) return "below " + format(Seconds(size_edges[1]));
    if (size + 2 == size_edges.size()) return "above " + format(Seconds(size_edges[size]));
    return format(Seconds(size_edges[size])) + " to " + format(Seconds(size_edges[size + 1]));
}

}  // namespace

std::size_t size_class_of(Seconds time) {
    std::size_t size = 0;
    while (size + 2 < size_edges.size() && time.value() >= size_edges[size + 1]) ++size;
    return size;
}

Samples samples_of(const std::vector<FitData>& data, const std::vector<std::string>& names, const std::string& gpu) {
    Samples samples;
    Labels groups, clusters, pins;
    for (const FitData& source : data) {
        const validation::Dataset& set = source.dataset;
        if (std::find(names.begin(), names.end(), set.name) == names.end()) continue;
        for (const validation::Measurement& row : set.rows) {
            if (set.gpus[row.gpu].name != gpu) continue;
            const std::string& name = set.groups[row.group];
            const std::string key = name + " of " + set.name;
            Sample sample{&row, &set.gpus[row.gpu], groups.index_of(key), clusters.index_of(key + " " + row.shape_key),
                          0};
            if (sample.group == samples.groups.size()) samples.groups.push_back({set.name, name, 0});
            if (row.test) {
                samples.test.push_back(sample);
                continue;
            }
            sample.pin = pins.index_of(key + ", " + size_text(size_class_of(row.measured)));
            ++samples.groups[sample.group].train_rows;
            samples.train.push_back(sample);
        }
    }
    samples.pins = pins.texts();
    return samples;
}

Seconds predicted_time(const Sample& sample, const CostParameters& parameters) {
    return sample.row->overhead + kernel_time(sample, parameters);
}

Seconds kernel_time(const Sample& sample, const CostParameters& parameters) {
    Seconds time;
    for (const auto& [kernel, count] : sample.row->kernels) time += price(kernel, *sample.gpu, parameters).time * count;
    return time;
}

const Kernel& main_kernel(const Sample& sample, const CostParameters& parameters) {
    const Kernel* longest = nullptr;
    Seconds most(-1);
    for (const auto& [kernel, count] : sample.row->kernels) {
        const Seconds time = price(kernel, *sample.gpu, parameters).time * count;
        if (time <= most) continue;
        most = time;
        longest = &kernel;
    }
    return *longest;
}

}  // namespace cupola::fit
