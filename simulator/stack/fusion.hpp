#pragma once

#include "cupola/stack/lower_kind.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace cupola {

/// Lowers operators as TorchInductor fuses them: pointwise operators over the same number of elements form a group with
/// at most one reduction (norm, softmax, mean), which becomes one kernel; products, convolutions, attention, look-ups
/// and sampling are kernels of their own. A group reads what it does not make and writes only what others read. It
/// stays open until something outside needs one of its values; so no kernel is moved before what it reads.
class Fusion {
public:
    explicit Fusion(Lowering& lowering);

    /// Lowers the lowering's current operator; one that stays eager becomes kernels of its own.
    void lower_current();
    /// Emits the groups that are still open: the end of the generated code, or of a part of it that is called by
    /// itself.
    void finish();

private:
    struct Input {
        StorageId storage;
        double bytes;
        float run_bytes;
        bool weight;
    };
    struct Group {
        double elements = 0;  ///< of the iteration space
        std::array<Input, 12> inputs{};
        std::size_t input_count = 0;
        ValueId first_value = no_id;  ///< made by the group: a list through `next_value_`
        Tensor statistics;            ///< written besides the values
        PointwiseWork work{0, 0};
        std::int64_t rows = 1;
        std::uint32_t operator_index = 0;
        std::string_view label;
        Category category = Category::data_movement;
        bool reduces = false, gathers = false, open = true;
        bool copies_back = false;  ///< the gathered caches go back to where they were
    };
    /// How an operator takes part in a group.
    struct Member {
        std::string_view label;
        Category category = Category::elementwise;
        PointwiseWork work;
        std::int64_t rows = 0;  ///< > 0: it reduces
        double elements = 0;    ///< of its iteration space
    };

    /// Quantised layers that read a value, which may need it in no other form.
    struct NarrowUse {
        double elements = 0, bytes = 0;  ///< of the narrow copy
        std::int64_t rows = 0;           ///< that are reduced for its scales; 0: they are known beforehand
        std::uint32_t uses = 0;          ///< still to come
    };

    void lower_operator(const Norm& norm);
    void lower_operator(const Softmax& softmax);
    void lower_operator(const Reduction& reduction);
    void lower_operator(const Activation& activation);
    void lower_operator(const GatedActivation& activation);
    void lower_operator(const Rope& rope);
    void lower_operator(const Elementwise& elementwise);
    void lower_operator(const Sinusoid& sinusoid);
    void lower_operator(const Cast& cast);
    void lower_operator(const Cat& cat);
    void lower_operator(const Slice& slice);
    void lower_operator(const Rearrange& rearrange);
    void lower_operator(const Contiguous& contiguous);
    void lower_operator(const Broadcast& broadcast);
    void lower_operator(const Pad& pad);
    void lower_operator(const Upsample& upsample);
    void lower_operator(const AveragePool& pool);
    void lower_operator(const PixelShuffle& shuffle);
    void lower_operator(const CacheAppend& append);
    void lower_operator(const Convolution& convolution);
    void lower_operator(const Linear& linear);
    void lower_operator(const Attention& attention);
    void lower_operator(const Matmul& matmul);
    void lower_operator(const Embedding& embedding);
    void lower_operator(const Gather& gather);
    void lower_operator(const Sample& sample);
    void lower_operator(const CacheReorder& reorder);
    void lower_operator(const Parameter& parameter);

    template <typename Kind>
    void lower_barrier(const Kind& kind);
    void lower_group_norm(const Norm& norm);
    void lower_view(ValueId shown, const Layout& layout);
    void find_readers();
    [[nodiscard]] bool is_epilogue(const Operator& next) const;
    void take_epilogue();
    bool lower_in_product();
    void lower_pointwise(std::string_view label, PointwiseWork work, const Layout& layout,
                         Category category = Category::elementwise);

    [[nodiscard]] ValueId root(ValueId value) const { return root_[value]; }
    [[nodiscard]] bool is_pending(ValueId value) const;
    [[nodiscard]] std::uint32_t joinable_group(const Member& member);
    std::uint32_t join(const Member& member);
    void merge(std::uint32_t into, std::uint32_t from);
    void produce(std::uint32_t group, const Layout& layout);
    void add_input(Group& group, const Input& input);
    void add_weights(Group& group, double elements);
    void consume(ValueId value) { --uses_[root(value)]; }
    void materialise(ValueId value);
    void emit(Group& group);
    void count_narrow_uses();
    void lower_narrow(ValueId input);
    [[nodiscard]] static std::optional<NarrowUse> narrow_use(const OperatorKind& kind);
    [[nodiscard]] const NarrowUse* narrow_reader(const Group& group, ValueId value) const;
    bool quantise_with(Group& group);
    void write_narrow(const Group& group);
    void scale_result();
    void emit_reorder(Group& group);
    [[nodiscard]] Layout result_layout() const;

    Lowering& l_;
    std::vector<Group> groups_;
    std::vector<std::uint32_t> group_of_;  ///< of each value made by a group
    std::vector<ValueId> next_value_;
    std::vector<ValueId> root_;          ///< the value that a view shows
    std::vector<std::uint32_t> uses_;    ///< reads still to come
    std::vector<std::uint32_t> reader_;  ///< last operator that reads each value; empty without epilogues
    std::vector<ValueId> product_of_;    ///< by operator: the product whose kernel computes it; else no_id
    std::vector<NarrowUse> narrow_;      ///< by value, not counted in `uses_`; empty without quantised layers
};

}  // namespace cupola
