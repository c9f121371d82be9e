#include "cupola/predict/kernel_table.hpp"

namespace cupola {

std::uint32_t KernelTable::index_of(const Kernel& kernel) {
    const auto next = static_cast<std::uint32_t>(entries_.size());
    // Unequal kernels of one hash take the next free key.
    for (std::uint64_t key = hash_of(kernel);; ++key) {
        const auto [found, inserted] = by_hash_.try_emplace(key, next);
        if (inserted) {
            entries_.push_back({kernel, model_.price(kernel)});
            return next;
        }
        if (entries_[found->second].kernel == kernel) return found->second;
    }
}

}  // namespace cupola
