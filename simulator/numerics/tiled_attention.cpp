#include "cupola/numerics/steps.hpp"

#include <algorithm>
#include <limits>

namespace cupola::numerics {
namespace {

/// What is kept of a row between tiles of keys.
struct RowState {
    double maximum = -std::numeric_limits<double>::infinity();
    double sum = 0;
};

/// exp(from - to), the factor for what was computed with another maximum; 0 for a row that has seen no keys.
double rescaling(double from, double to, NumberFormat format) {
    return rounded(std::exp(rounded(from - to, format)), format);
}

class TiledAttention {
public:
    TiledAttention(AttentionInputs inputs, const Precision& precision, const Tiling& tiling)
        : inputs_(std::move(inputs)),
          precision_(precision),
          tiling_(tiling),
          rows_(inputs_.queries),
          output_(inputs_.queries * inputs_.head_dim),
          scores_(std::min(tiling.key_tile, inputs_.keys)),
          added_(inputs_.head_dim) {}

    TiledOutput run() {
        if (tiling_.outer == LoopOrder::query) {
            for (std::size_t q = 0; q < inputs_.queries; q += tiling_.query_tile) {
                for (std::size_t k = 0; k < inputs_.keys; k += tiling_.key_tile) visit(q, k);
            }
        } else {
            for (std::size_t k = 0; k < inputs_.keys; k += tiling_.key_tile) {
                for (std::size_t q = 0; q < inputs_.queries; q += tiling_.query_tile) visit(q, k);
            }
        }
        for (std::size_t row = 0; row < inputs_.queries; ++row) finish(row);
        return {std::move(output_), raised_ / static_cast<double>(inputs_.queries)};
    }

private:
    /// One tile: the queries from `q` on with the keys from `k` on.
    void visit(std::size_t q, std::size_t k) {
        const std::span<double> scores = std::span(scores_).first(std::min(tiling_.key_tile, inputs_.keys - k));
        for (std::size_t row = q; row < std::min(q + tiling_.query_tile, inputs_.queries); ++row) {
            score(inputs_, row, k, precision_, scores);
            if (tiling_.outer == LoopOrder::query) {
                add_unnormalised(row, k, scores);
            } else {
                add_normalised(row, k, scores);
            }
        }
    }

    /// The row's maximum with the tile's; counts when it rises.
    double maximum_with(const RowState& state, double of_tile) {
        if (of_tile > state.maximum && state.maximum > -std::numeric_limits<double>::infinity()) ++raised_;
        return std::max(state.maximum, of_tile);
    }

    double maximum_of(std::span<const double> scores) const {
        return rounded(*std::max_element(scores.begin(), scores.end()), precision_.maximum);
    }

    /// FlashAttention-2: m' = max(m, max s), l' = l e^(m-m') + Σ e^(s-m'), o' = o e^(m-m') + e^(s-m') V.
    void add_unnormalised(std::size_t row, std::size_t first, std::span<double> scores) {
        RowState& state = rows_[row];
        const double maximum = maximum_with(state, maximum_of(scores));
        const double factor = rescaling(state.maximum, maximum, precision_.exponentials);
        exponentiate(scores, maximum, precision_.exponentials);
        state.sum = added(state.sum, factor, sum_of(scores, precision_.accumulator), 1);
        state.maximum = maximum;
        weigh(first, scores);
        with_rounding(precision_.output, [&](auto round) {
            const std::span<double> output = output_of(row);
            for (std::size_t i = 0; i < output.size(); ++i) {
                output[i] = round(round(output[i] * factor) + round(added_[i]));
            }
        });
    }

    /// FlashAttention: with the tile's own n = max s, m' = max(m, n), l' = l e^(m-m') + e^(n-m') Σ e^(s-n),
    /// o' = (l e^(m-m') o + e^(n-m') e^(s-n) V) / l'.
    void add_normalised(std::size_t row, std::size_t first, std::span<double> scores) {
        RowState& state = rows_[row];
        const double of_tile = maximum_of(scores);
        const double maximum = maximum_with(state, of_tile);
        const double factor = rescaling(state.maximum, maximum, precision_.exponentials);
        const double tile_factor = rescaling(of_tile, maximum, precision_.exponentials);
        exponentiate(scores, of_tile, precision_.exponentials);
        const double weight = rounded(state.sum * factor, precision_.sum);
        state.sum = added(state.sum, factor, sum_of(scores, precision_.accumulator), tile_factor);
        state.maximum = maximum;
        weigh(first, scores);
        with_rounding(precision_.output, [&](auto round) {
            const std::span<double> output = output_of(row);
            for (std::size_t i = 0; i < output.size(); ++i) {
                const double both = round(round(output[i] * weight) + round(round(added_[i]) * tile_factor));
                output[i] = round(both / state.sum);
            }
        });
    }

    /// sum x factor + tile x tile_factor, every product and sum rounded.
    [[nodiscard]] double added(double sum, double factor, double tile, double tile_factor) const {
        const NumberFormat format = precision_.sum;
        const double from_tile = rounded(rounded(tile, format) * tile_factor, format);
        return rounded(rounded(sum * factor, format) + from_tile, format);
    }

    /// Exponentials times values into `added_`.
    void weigh(std::size_t first, std::span<double> exponentials) {
        round_all(exponentials, precision_.probabilities);
        weigh_values(inputs_, first, exponentials, precision_.accumulator, added_);
    }

    void finish(std::size_t row) {
        const double sum = tiling_.outer == LoopOrder::query ? rows_[row].sum : 1;
        for (double& number : output_of(row)) number /= sum;
        round_all(output_of(row), precision_.result);
    }

    std::span<double> output_of(std::size_t row) { return {&output_[row * inputs_.head_dim], inputs_.head_dim}; }

    AttentionInputs inputs_;
    Precision precision_;
    Tiling tiling_;
    std::vector<RowState> rows_;
    std::vector<double> output_, scores_, added_;
    double raised_ = 0;
};

}  // namespace

std::string_view name_of(LoopOrder order) {
    switch (order) {
        case LoopOrder::query: return "query";
        case LoopOrder::key: return "key";
    }
    return "";
}

TiledOutput tiled_attention(const AttentionInputs& inputs, const Precision& precision, const Tiling& tiling) {
    return TiledAttention(rounded_inputs(inputs, precision.inputs), precision, tiling).run();
}

}  // namespace cupola::numerics
