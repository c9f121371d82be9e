#pragma once

#include "cupola/cost/cost_model.hpp"
#include "cupola/kernel/kernel.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace cupola {

/// The distinct kernels of a prediction, each priced when it is first seen.
class KernelTable {
public:
    struct Entry {
        Kernel kernel;
        KernelCost cost;
    };

    /// `model` must outlive the table.
    explicit KernelTable(const CostModel& model) : model_(model) {}

    /// Index of the entry that equals `kernel`, added and priced if new.
    [[nodiscard]] std::uint32_t index_of(const Kernel& kernel);
    [[nodiscard]] const Entry& operator[](std::uint32_t index) const { return entries_[index]; }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    const CostModel& model_;
    std::vector<Entry> entries_;
    std::unordered_map<std::uint64_t, std::uint32_t> by_hash_;
};

}  // namespace cupola
