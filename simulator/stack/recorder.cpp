#include "cupola/stack/recorder.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>
#include <utility>

namespace cupola {

namespace {

/// A light hash over the fields in which kernels of one pass differ; `Kernel::operator==` decides. `hash_of` covers
/// every field and costs several times as much, which the 1 ms budget of a whole prediction does not allow twice.
class QuickHash {
public:
    void add(std::uint64_t word) { state_ = std::rotl((state_ ^ word) * 0x9E3779B97F4A7C15ULL, 29); }
    void add(std::int64_t value) { add(static_cast<std::uint64_t>(value)); }
    void add(double value) { add(std::bit_cast<std::uint64_t>(value)); }
    [[nodiscard]] std::uint64_t value() const { return state_ ^ (state_ >> 31U); }

private:
    std::uint64_t state_ = 0x2545F4914F6CDD1DULL;
};

std::uint64_t quick_hash(const Kernel& kernel) {
    QuickHash hash;
    hash.add(static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(kernel.label.data())));
    hash.add(static_cast<std::int64_t>(kernel.type));
    std::visit(
        [&hash](const auto& work) {
            using W = std::decay_t<decltype(work)>;
            if constexpr (std::is_same_v<W, MemoryWork>) {
                hash.add(work.elements);
            } else if constexpr (std::is_same_v<W, GemmWork>) {
                hash.add(work.m ^ (work.batch << 32));
                hash.add(work.n ^ (work.k << 32));
            } else if constexpr (std::is_same_v<W, ConvolutionWork>) {
                hash.add(work.out_channels ^ (work.in_channels << 32));
                hash.add(work.output[2] ^ (work.kernel[2] << 32));
            } else {
                hash.add(work.queries ^ (work.keys << 32));
            }
        },
        kernel.work);
    for (std::size_t i = 0; i < kernel.operand_count; ++i) hash.add(kernel.operands[i].bytes.value());
    return hash.value();
}

/// `Kernel::operator==` without the slots that neither uses.
bool same_kernel(const Kernel& a, const Kernel& b) {
    return a.operand_count == b.operand_count && a.label.data() == b.label.data() && a.category == b.category &&
           a.type == b.type &&
           std::equal(a.operands.begin(), a.operands.begin() + a.operand_count, b.operands.begin()) && a.work == b.work;
}

/// Finds an entry in an open-addressing table of indices (power-of-two size, no_id = empty), or inserts `fresh`.
template <typename Equal>
std::uint32_t find_or_insert(std::vector<std::uint32_t>& table, std::uint64_t hash, std::uint32_t fresh,
                             const Equal& equal) {
    const std::size_t mask = table.size() - 1;
    std::size_t slot = static_cast<std::size_t>(hash) & mask;
    while (table[slot] != no_id) {
        if (equal(table[slot])) return table[slot];
        slot = (slot + 1) & mask;
    }
    table[slot] = fresh;
    return fresh;
}

std::size_t table_size(std::size_t entries) { return std::bit_ceil(std::max<std::size_t>(64, 2 * entries)); }

}  // namespace

Recorder::Recorder(std::size_t expected_launches) {
    storages_.reserve(2 * expected_launches);
    touches_.reserve(4 * expected_launches);
    entries_.reserve(expected_launches);
    distinct_.reserve(256);
    distinct_bytes_.reserve(256);
    table_.assign(1024, no_id);
}

StorageId Recorder::add_storage(double bytes, Lifetime lifetime) {
    storages_.push_back({bytes, no_id, 0, lifetime});
    return static_cast<StorageId>(storages_.size() - 1);
}

void Recorder::keep(StorageId storage) {
    const Lifetime lifetime = storages_[storage].lifetime;
    if (lifetime == Lifetime::activation || lifetime == Lifetime::pass_input) {
        storages_[storage].lifetime = Lifetime::pass_output;
    }
}

void Recorder::begin(std::string_view label, Category category, DataType type, const Work& work) {
    draft_.label = label;
    draft_.category = category;
    draft_.type = type;
    draft_.work = work;
    // Slots that no kernel has used still are what a fresh kernel holds; filling all of them again would show.
    for (std::size_t i = 0; i < draft_.operand_count; ++i) draft_.operands[i] = Operand{};
    draft_.operand_count = 0;
    entries_.push_back({0, 0, static_cast<std::uint32_t>(touches_.size()), Seconds{}, false, false});
}

void Recorder::touch(StorageId storage, const Operand& operand) {
    std::size_t slot = draft_.operand_count;
    if (slot < Kernel::max_operands) {
        draft_.operands[slot] = operand;
        ++draft_.operand_count;
    } else {
        add_operand(draft_, operand);  // merges it into one like it
        for (--slot; slot > 0 && draft_.operands[slot].access != operand.access;) --slot;
    }
    const auto launch = static_cast<std::uint32_t>(entries_.size() - 1);
    Storage& memory = storages_[storage];
    // A few rows appended to a cache leave the rest of it where it was.
    const bool most = operand.bytes.value() >= 0.5 * memory.bytes;
    touches_.push_back({storage, static_cast<std::uint8_t>(slot), operand.access == Access::write, most});
    memory.first = std::min(memory.first, launch);
    memory.last = launch;
}

void Recorder::read(StorageId storage, double bytes, double run_bytes, double passes) {
    touch(storage, {Bytes(bytes), Bytes(0), static_cast<float>(run_bytes), static_cast<float>(passes), Access::read});
}

void Recorder::write(StorageId storage, double bytes, double run_bytes) {
    touch(storage, {Bytes(bytes), Bytes(0), static_cast<float>(run_bytes), 1.0F, Access::write});
}

void Recorder::weight(StorageId storage, double bytes) {
    touch(storage, {Bytes(bytes), Bytes(0), 0.0F, 1.0F, Access::weight});
}

void Recorder::launch(std::uint32_t operator_index, Seconds host, bool captured, bool waits) {
    if (2 * distinct_.size() >= table_.size()) {
        table_.assign(2 * table_.size(), no_id);
        for (std::uint32_t i = 0; i < distinct_.size(); ++i) {
            find_or_insert(table_, quick_hash(distinct_[i]), i, [](std::uint32_t) { return false; });
        }
    }
    const auto fresh = static_cast<std::uint32_t>(distinct_.size());
    const std::uint32_t kernel = find_or_insert(
        table_, quick_hash(draft_), fresh, [&](std::uint32_t other) { return same_kernel(distinct_[other], draft_); });
    if (kernel == fresh) {
        distinct_.push_back(draft_);
        double bytes = 0;
        for (std::size_t i = 0; i < draft_.operand_count; ++i) bytes += draft_.operands[i].bytes.value();
        distinct_bytes_.push_back(bytes);
    }
    Entry& entry = entries_.back();
    entry.kernel = kernel;
    entry.operator_index = operator_index;
    entry.host = host;
    entry.captured = captured;
    entry.waits = waits;
}

/// Bytes touched by all launches before each one; the last entry is the whole pass.
std::vector<double> Recorder::starts() const {
    std::vector<double> starts(entries_.size() + 1);
    for (std::size_t i = 0; i < entries_.size(); ++i) starts[i + 1] = starts[i] + distinct_bytes_[entries_[i].kernel];
    return starts;
}

/// One distance a touch. A read's distance runs back to the end of the kernel that last touched the storage, a write's
/// forward to the start of the next that reads it. Where the pass has no such kernel, the distance is the whole pass:
/// exact for what the same pass touched one repetition earlier, and large for everything else.
std::vector<double> Recorder::reuse_distances(const std::vector<double>& starts) const {
    const double whole_pass = starts.back();
    std::vector<double> distances(touches_.size());
    std::vector<double> mark(storages_.size(), -1.0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const std::size_t begin = entries_[i].first_touch;
        const auto touches = touches_of(i);
        for (std::size_t k = 0; k < touches.size(); ++k) {
            if (touches[k].write) continue;
            const double end_of_last = mark[touches[k].storage];
            distances[begin + k] = end_of_last < 0 ? whole_pass : starts[i] - end_of_last;
        }
        for (const Touch& touch : touches) {
            if (touch.most) mark[touch.storage] = starts[i + 1];
        }
    }
    std::fill(mark.begin(), mark.end(), -1.0);
    for (std::size_t i = entries_.size(); i-- > 0;) {
        const std::size_t begin = entries_[i].first_touch;
        const auto touches = touches_of(i);
        for (std::size_t k = 0; k < touches.size(); ++k) {
            if (!touches[k].write) continue;
            const double start_of_next = mark[touches[k].storage];
            distances[begin + k] = start_of_next < 0 ? whole_pass : start_of_next - starts[i + 1];
        }
        for (const Touch& touch : touches) {
            if (!touch.write) mark[touch.storage] = starts[i];
        }
    }
    return distances;
}

/// The largest sum of bytes that are live at one launch.
Bytes Recorder::peak_activation_bytes() const {
    std::vector<double> change(entries_.size() + 1);
    double live = 0;
    for (const Storage& storage : storages_) {
        switch (storage.lifetime) {
            case Lifetime::weight: break;
            case Lifetime::persistent: live += storage.bytes; break;
            case Lifetime::activation:
            case Lifetime::pass_input:
            case Lifetime::pass_output:
                if (storage.first == no_id) break;
                change[storage.lifetime == Lifetime::pass_input ? 0 : storage.first] += storage.bytes;
                if (storage.lifetime != Lifetime::pass_output) change[storage.last + 1] -= storage.bytes;
                break;
        }
    }
    double peak = live;
    for (const double bytes : change) {
        live += bytes;
        peak = std::max(peak, live);
    }
    return Bytes(peak);
}

KernelSequence Recorder::finish() {
    const std::vector<double> distances = reuse_distances(starts());
    KernelSequence sequence;
    sequence.peak_activation_bytes = peak_activation_bytes();
    sequence.launches.reserve(entries_.size());
    sequence.kernels.reserve(4 * distinct_.size());
    std::vector<std::uint32_t> base;  // of each final kernel
    std::vector<std::uint32_t> table(table_size(entries_.size()), no_id);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::array<double, Kernel::max_operands> distance{};
        const auto touches = touches_of(i);
        for (std::size_t k = 0; k < touches.size(); ++k) {
            double& slot = distance[touches[k].slot];
            slot = std::max(slot, distances[entries_[i].first_touch + k]);
        }
        const std::size_t operands = distinct_[entries_[i].kernel].operand_count;
        QuickHash hash;
        hash.add(static_cast<std::uint64_t>(entries_[i].kernel));
        for (std::size_t k = 0; k < operands; ++k) hash.add(distance[k]);
        const auto equal = [&](std::uint32_t other) {
            if (base[other] != entries_[i].kernel) return false;
            const Kernel& kernel = sequence.kernels[other];
            for (std::size_t k = 0; k < operands; ++k) {
                if (kernel.operands[k].reuse_distance.value() != distance[k]) return false;
            }
            return true;
        };
        const auto fresh = static_cast<std::uint32_t>(sequence.kernels.size());
        const std::uint32_t kernel = find_or_insert(table, hash.value(), fresh, equal);
        if (kernel == fresh) {
            Kernel& priced = sequence.kernels.emplace_back(distinct_[entries_[i].kernel]);
            for (std::size_t k = 0; k < priced.operand_count; ++k)
                priced.operands[k].reuse_distance = Bytes(distance[k]);
            base.push_back(entries_[i].kernel);
        }
        sequence.launches.push_back(
            {kernel, entries_[i].operator_index, entries_[i].host, entries_[i].captured, entries_[i].waits});
    }
    return sequence;
}

}  // namespace cupola
