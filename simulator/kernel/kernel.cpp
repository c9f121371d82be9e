#include "cupola/kernel/kernel.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace cupola {

std::string_view name_of(Category category) {
    switch (category) {
        case Category::convolution: return "convolution";
        case Category::linear: return "linear";
        case Category::attention: return "attention";
        case Category::norm: return "norm";
        case Category::elementwise: return "elementwise";
        case Category::data_movement: return "data_movement";
        case Category::embedding: return "embedding";
        case Category::sampling: return "sampling";
    }
    return "";
}

std::string_view name_of(AttentionKernel kernel) {
    switch (kernel) {
        case AttentionKernel::flash2: return "flash2";
        case AttentionKernel::flash3: return "flash3";
        case AttentionKernel::memory_efficient: return "memory_efficient";
        case AttentionKernel::fmha: return "fmha";
        case AttentionKernel::cudnn: return "cudnn";
    }
    return "";
}

std::string_view name_of(Pattern pattern) {
    switch (pattern) {
        case Pattern::streaming: return "streaming";
        case Pattern::row_reduction: return "row_reduction";
        case Pattern::block_reduction: return "block_reduction";
        case Pattern::strided_copy: return "strided_copy";
        case Pattern::transpose: return "transpose";
        case Pattern::gather: return "gather";
        case Pattern::chase: return "chase";
    }
    return "";
}

namespace {

/// Folds values into 64 bits: multiply-xorshift a word (splitmix64's finaliser), order-dependent.
class Hash {
public:
    void add(std::uint64_t word) {
        state_ = (state_ ^ word) * 0x9E3779B97F4A7C15ULL;
        state_ ^= state_ >> 29U;
        state_ *= 0xBF58476D1CE4E5B9ULL;
        state_ ^= state_ >> 32U;
    }
    void add(std::int64_t value) { add(static_cast<std::uint64_t>(value)); }
    // + 0.0 turns -0.0 into 0.0, which `==` calls equal.
    void add(double value) { add(std::bit_cast<std::uint64_t>(value + 0.0)); }
    void add(const std::array<std::int64_t, 3>& values) {
        for (const std::int64_t value : values) add(value);
    }
    [[nodiscard]] std::uint64_t value() const { return state_; }

private:
    std::uint64_t state_ = 0x2545F4914F6CDD1DULL;
};

void add_type(Hash& hash, const std::optional<DataType>& type) {
    hash.add(type ? static_cast<std::int64_t>(*type) : std::int64_t{-1});
}

void add_work(Hash& hash, const GemmWork& work) {
    for (const std::int64_t value : {work.batch, work.m, work.n, work.k}) hash.add(value);
    add_type(hash, work.weight);
    hash.add(std::int64_t{work.block_scaled});
    hash.add(std::int64_t{work.generated});
    hash.add(std::int64_t{work.integer_lanes});
}

void add_work(Hash& hash, const ConvolutionWork& work) {
    for (const std::int64_t value : {work.batch, work.in_channels, work.out_channels, work.groups}) hash.add(value);
    hash.add(work.input);
    hash.add(work.output);
    hash.add(work.kernel);
    hash.add(work.stride);
}

void add_work(Hash& hash, const AttentionWork& work) {
    for (const std::int64_t value :
         {work.batch, work.heads, work.kv_heads, work.queries, work.keys, work.head_dim, work.value_dim,
          std::int64_t{work.causal}, work.window, std::int64_t{work.paged}, std::int64_t{work.split}}) {
        hash.add(value);
    }
    hash.add(static_cast<std::int64_t>(work.kernel));
    for (const auto& type : {work.scores, work.values}) add_type(hash, type);
}

void add_work(Hash& hash, const MemoryWork& work) {
    hash.add(static_cast<std::int64_t>(work.pattern));
    hash.add(work.elements);
    hash.add(work.rows);
    hash.add(static_cast<double>(work.flops_per_element));
    hash.add(static_cast<double>(work.mufu_per_element));
    hash.add(static_cast<double>(work.sm_clocks_per_element));
    hash.add(static_cast<double>(work.sm_clocks_per_row));
    hash.add(static_cast<double>(work.row_threads));
    hash.add(static_cast<double>(work.in_flight_per_sm));
}

double product(const std::array<std::int64_t, 3>& values) {
    return static_cast<double>(values[0]) * static_cast<double>(values[1]) * static_cast<double>(values[2]);
}

double multiply_adds(const GemmWork& work) {
    return static_cast<double>(work.batch) * static_cast<double>(work.m) * static_cast<double>(work.n) *
           static_cast<double>(work.k);
}

double multiply_adds(const ConvolutionWork& work) {
    const double in_channels_a_group =
        static_cast<double>(work.in_channels) / static_cast<double>(std::max<std::int64_t>(work.groups, 1));
    return static_cast<double>(work.batch) * product(work.output) * static_cast<double>(work.out_channels) *
           in_channels_a_group * product(work.kernel);
}

/// Query-key pairs that the softmax keeps, a head. Causal: query i of q sees keys 0 .. i + keys - q, at least one, and
/// only the last `window` of them where there is a window.
double visible_pairs(const AttentionWork& work) {
    const auto queries = static_cast<double>(work.queries);
    const auto keys = static_cast<double>(work.keys);
    const bool limited = work.causal || work.queries == 1;
    const auto window = limited && work.window > 0 ? std::min(static_cast<double>(work.window), keys) : keys;
    if (!work.causal) return queries * window;
    const double rows = std::min(queries, keys);                      // the first queries - keys rows see one key each
    const double before = keys - rows;                                // keys ahead of the first of these rows
    const double fewer = std::clamp(window - before - 1, 0.0, rows);  // rows that do not have a whole window yet
    return rows * window - fewer * (window - before) + fewer * (fewer + 1) / 2 + (queries - rows);
}

double multiply_adds(const AttentionWork& work) {
    return static_cast<double>(work.batch) * static_cast<double>(work.heads) * visible_pairs(work) *
           static_cast<double>(work.head_dim + work.value_dim);
}

struct FlopCount {
    double operator()(const MemoryWork& work) const {
        return static_cast<double>(work.elements) * static_cast<double>(work.flops_per_element);
    }
    template <typename MatrixWork>
    double operator()(const MatrixWork& work) const {
        return 2.0 * multiply_adds(work);
    }
};

/// One operand that moves the same bytes as both: the traffic adds up, the worse locality of the two holds.
Operand merged(const Operand& a, const Operand& b) {
    Operand result = a;
    result.bytes = a.bytes + b.bytes;
    if (result.bytes.value() > 0) {
        const double traffic =
            a.bytes.value() * static_cast<double>(a.passes) + b.bytes.value() * static_cast<double>(b.passes);
        result.passes = static_cast<float>(traffic / result.bytes.value());
    }
    result.reuse_distance = std::max(a.reuse_distance, b.reuse_distance);
    if (b.run_bytes > 0 && (a.run_bytes <= 0 || b.run_bytes < a.run_bytes)) result.run_bytes = b.run_bytes;
    return result;
}

bool same_direction(Access a, Access b) { return (a == Access::write) == (b == Access::write); }

}  // namespace

std::uint64_t hash_of(const Kernel& kernel) {
    Hash hash;
    hash.add(static_cast<std::uint64_t>(std::hash<std::string_view>{}(kernel.label)));
    hash.add(static_cast<std::int64_t>(kernel.category));
    hash.add(static_cast<std::int64_t>(kernel.type));
    hash.add(static_cast<std::int64_t>(kernel.work.index()));
    std::visit([&hash](const auto& work) { add_work(hash, work); }, kernel.work);
    hash.add(static_cast<std::int64_t>(kernel.operand_count));
    // All slots, used or not, because `==` compares them all.
    for (const Operand& operand : kernel.operands) {
        hash.add(operand.bytes.value());
        hash.add(operand.reuse_distance.value());
        hash.add(static_cast<double>(operand.run_bytes));
        hash.add(static_cast<double>(operand.passes));
        hash.add(static_cast<std::int64_t>(operand.access));
    }
    return hash.value();
}

void add_operand(Kernel& kernel, const Operand& operand) {
    if (kernel.operand_count < Kernel::max_operands) {
        kernel.operands[kernel.operand_count++] = operand;
        return;
    }
    const auto merge_into_last = [&](auto&& accepts) {
        for (std::size_t i = Kernel::max_operands; i-- > 0;) {
            if (!accepts(kernel.operands[i].access)) continue;
            kernel.operands[i] = merged(kernel.operands[i], operand);
            return true;
        }
        return false;
    };
    // A weight may join reads where no other weight is there; only an operand without any like it joins the last slot.
    merge_into_last([&](Access access) { return access == operand.access; }) ||
        merge_into_last([&](Access access) { return same_direction(access, operand.access); }) ||
        merge_into_last([](Access) { return true; });
}

Bytes compulsory_bytes(const Kernel& kernel) {
    Bytes total;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        total += kernel.operands[i].bytes * static_cast<double>(kernel.operands[i].passes);
    }
    return total;
}

Flops flops_of(const Kernel& kernel) { return Flops(std::visit(FlopCount{}, kernel.work)); }

}  // namespace cupola
