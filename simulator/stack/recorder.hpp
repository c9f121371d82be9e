#pragma once

#include "cupola/stack/stack.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace cupola {

/// How long a piece of memory lives.
enum class Lifetime : std::uint8_t {
    activation,   ///< from the kernel that first touches it to the last
    pass_input,   ///< from the start of the pass to its last kernel
    pass_output,  ///< to the end of the pass
    persistent,   ///< beyond the pass
    weight,       ///< parameters: not counted as activations
};

/// Memory that kernels touch: views of one tensor share one storage.
using StorageId = std::uint32_t;

/// Collects the launches of one pass, and turns them into a `KernelSequence`: equal kernels once, and reuse distances,
/// which need the whole pass. Kernels are built in place: `begin`, operands, `launch`.
class Recorder {
public:
    explicit Recorder(std::size_t expected_launches);

    StorageId add_storage(double bytes, Lifetime lifetime);
    void set_lifetime(StorageId storage, Lifetime lifetime) { storages_[storage].lifetime = lifetime; }
    /// What lives within the pass lives to its end.
    void keep(StorageId storage);

    /// REQUIRES: label has static storage.
    void begin(std::string_view label, Category category, DataType type, const Work& work);
    void read(StorageId storage, double bytes, double run_bytes = 0, double passes = 1);
    void write(StorageId storage, double bytes, double run_bytes = 0);
    void weight(StorageId storage, double bytes);
    void launch(std::uint32_t operator_index, Seconds host, bool captured = false, bool waits = false);

    [[nodiscard]] KernelSequence finish();

private:
    struct Storage {
        double bytes = 0;
        std::uint32_t first = no_id, last = 0;  ///< launches that touch it
        Lifetime lifetime = Lifetime::activation;
    };
    struct Touch {
        StorageId storage;
        std::uint8_t slot;  ///< operand of the kernel
        bool write;
        bool most;  ///< at least half of the storage
    };
    struct Entry {
        std::uint32_t kernel;  ///< index into `distinct_`
        std::uint32_t operator_index;
        std::uint32_t first_touch;
        Seconds host;
        bool captured;
        bool waits;
    };

    void touch(StorageId storage, const Operand& operand);
    [[nodiscard]] std::span<const Touch> touches_of(std::size_t launch) const {
        const std::size_t begin = entries_[launch].first_touch;
        const std::size_t end = launch + 1 < entries_.size() ? entries_[launch + 1].first_touch : touches_.size();
        return {touches_.data() + begin, end - begin};
    }
    [[nodiscard]] std::vector<double> starts() const;
    [[nodiscard]] std::vector<double> reuse_distances(const std::vector<double>& starts) const;
    [[nodiscard]] Bytes peak_activation_bytes() const;

    Kernel draft_;
    std::vector<Storage> storages_;
    std::vector<Touch> touches_;
    std::vector<Entry> entries_;
    std::vector<Kernel> distinct_;        ///< kernels without reuse distances
    std::vector<double> distinct_bytes_;  ///< unique bytes that each touches
    std::vector<std::uint32_t> table_;    ///< open addressing over `distinct_`
};

}  // namespace cupola
