#include "cupola/cost/terms.hpp"

namespace cupola::cost_detail {

namespace {

struct AttentionTile {
    double queries, keys;
};

/// Head dims for which kernels exist; others are padded. Source: flash-attention's and xformers' instantiations.
double padded_head_dim(double head_dim) {
    for (const double size : {32.0, 64.0, 96.0, 128.0, 192.0, 256.0}) {
        if (head_dim <= size) return size;
    }
    return padded(head_dim, 64);
}

/// Rows and columns of scores that one block computes at a time, short sequences included: the kernels are built for
/// one tile a head dim and mask what lies outside. Source: flash-attention's launch templates and the FA3 paper;
/// 64 x 64 for the memory-efficient kernel. Registers and shared memory shrink the tile of large heads.
AttentionTile tile_for(AttentionKernel kernel, double head_dim) {
    switch (kernel) {
        case AttentionKernel::flash2: return {head_dim <= 128 ? 128.0 : 64.0, head_dim <= 64 ? 128.0 : 64.0};
        case AttentionKernel::flash3:
            return {head_dim <= 96 ? 192.0 : 128.0, head_dim <= 96 ? 128.0 : head_dim <= 128 ? 176.0 : 80.0};
        case AttentionKernel::memory_efficient: break;
    }
    return {64, 64};
}

const AttentionVariant& variant_of(AttentionKernel kernel, const CostParameters& parameters) {
    switch (kernel) {
        case AttentionKernel::flash2: return parameters.flash2;
        case AttentionKernel::flash3: return parameters.flash3;
        case AttentionKernel::memory_efficient: return parameters.memory_efficient;
    }
    return parameters.flash2;
}

/// The kernel's loops: `heads` independent (batch, head) pairs of `queries` rows.
struct AttentionProblem {
    double heads, queries, keys, head_dim, value_dim, element;
    double key_heads;  ///< independent (batch, key head) pairs
    bool causal;
    OperandTraffic first_touch;
};

/// Grouped heads of a single query share their keys, so kernels put the group into the rows of one tile.
AttentionProblem problem_of(const AttentionWork& work, double element) {
    const double key_heads = static_cast<double>(std::max<std::int64_t>(work.kv_heads, 1));
    AttentionProblem problem{};
    problem.heads = extent_of(work.batch) * extent_of(work.heads);
    problem.key_heads = extent_of(work.batch) * key_heads;
    problem.queries = extent_of(work.queries);
    problem.keys = extent_of(work.keys);
    problem.head_dim = extent_of(work.head_dim);
    problem.value_dim = extent_of(work.value_dim);
    problem.element = element;
    problem.causal = work.causal && work.queries > 1;  // a single query sees every key
    if (work.queries == 1) {
        problem.queries = std::max(extent_of(work.heads) / key_heads, 1.0);
        problem.heads = problem.key_heads;
    }
    return problem;
}

/// Scores that a causal kernel computes for one head, whole tiles: the triangle, and half a tile along the diagonal.
double causal_scores(double queries, double keys, const AttentionTile& tile) {
    const double triangle =
        keys >= queries ? queries * keys - queries * (queries - 1) / 2 : keys * (keys + 1) / 2 + (queries - keys);
    return std::min(triangle + queries * (tile.queries + tile.keys) / 4, queries * keys);
}

/// Scores of the busiest SM: whole blocks for a full rectangle, which all cost the same. Causal blocks differ; the
/// longest start first and the short ones fill in, so the SMs share all scores evenly but for a quarter of the longest
/// block, and none is done before its longest block.
double scores_of_busiest_sm(const AttentionProblem& problem, const AttentionTile& tile, double splits,
                            const AttentionVariant& variant, double sms, const CostParameters& parameters) {
    const double rows = padded(problem.queries, tile.queries);
    double columns = padded(problem.keys / splits, tile.keys);
    if (splits > 1) columns = std::max(columns, parameters.split_keys_minimum);
    const double blocks = problem.heads * rows / tile.queries * splits;
    const double longest = tile.queries * columns;
    const double full = busiest_sm(blocks, sms, variant.resident, variant.alone) * longest;
    if (!problem.causal) return full;
    const double all = problem.heads * causal_scores(rows, padded(problem.keys, tile.keys), tile);
    return std::min(full, std::max(longest, all / sms + longest / 4));
}

/// Tile law: a score costs G matrix cycles and S softmax cycles; tau = max(G, S) + exposed x min(G, S).
///   G = 2 (d + dv, padded) / (R eta),  S = 1 / MUFU + n_f / lanes
/// The greater of the two carries the exposed part of the lesser. Public measurements: FlashAttention-3 paper,
/// within 4 % for d = 64, 128, 256 in fp16; valid for long sequences, +-20 % under two waves.
void charge_scores(Terms& terms, double scores, double matrix, double special, double lanes, double exposed) {
    const double softmax = special + lanes;
    const double lesser = std::min(matrix, softmax);
    terms.tensor = scores * (matrix + (matrix >= softmax ? exposed * lesser : 0));
    terms.mufu = scores * (softmax + (matrix >= softmax ? 0 : exposed * lesser));
    terms.simt = scores * lanes;
}

Terms terms_of(const AttentionProblem& problem, const AttentionTile& tile, double splits,
               const AttentionVariant& variant, const Machine& machine, const CostParameters& parameters) {
    Terms terms;
    const double scores = scores_of_busiest_sm(problem, tile, splits, variant, machine.sms, parameters);
    const double width = padded_head_dim(problem.head_dim) + padded_head_dim(problem.value_dim);
    const bool on_matrix_units = machine.matrix_flops_per_clock > 0;
    const double matrix = 2 * width /
                          (on_matrix_units ? machine.matrix_flops_per_clock * machine.matrix_clock
                                           : 2 * machine.lanes * machine.simt_clock) /
                          variant.mma_efficiency;
    const double lanes = parameters.softmax_instructions / (machine.lanes * machine.simt_clock);
    charge_scores(terms, scores, matrix, 1 / (machine.mufu * machine.simt_clock), lanes, variant.exposed);
    if (!on_matrix_units) std::swap(terms.tensor, terms.simt);
    const double clock = on_matrix_units ? machine.matrix_clock : machine.simt_clock;

    const double row_tiles = tiles(problem.queries, tile.queries);
    const double blocks = problem.heads * row_tiles * splits;
    const double key_bytes = problem.keys * (problem.head_dim + problem.value_dim) * problem.element;  // one head
    const double causal_share = problem.causal ? 0.5 : 1.0;
    const double partials = splits > 1 ? 8 * splits * problem.heads * problem.queries * (problem.value_dim + 1) : 0;
    const double query_bytes =
        problem.heads * problem.queries * (problem.head_dim + problem.value_dim) * problem.element;
    terms.l2_bytes = std::max(
        query_bytes + problem.heads * tiles(row_tiles, variant.multicast) * key_bytes * causal_share + partials,
        problem.first_touch.l2);
    // Query tiles of one head that run together share its keys; later ones read again what L2 does not hold.
    const double key_passes = std::max(row_tiles / machine.sms - 1, 0.0);
    terms.dram_bytes = problem.first_touch.dram +
                       key_passes * causal_share * problem.key_heads * std::max(key_bytes - machine.usable_l2, 0.0) +
                       std::max(partials - machine.usable_l2, 0.0);
    const double block_bytes = std::max(key_bytes / splits, 1.0) * causal_share;
    const double link =
        tiles(blocks, machine.sms) * block_bytes / (parameters.sm_link_bytes_per_clock * machine.simt_clock);
    terms.l2 = std::max(terms.l2_bytes / machine.l2, link);
    terms.dram = matrix_dram_time(terms.dram_bytes, machine, parameters);
    terms.serial = variant.prologue_cycles / clock + (splits > 1 ? parameters.split_combine_seconds : 0);
    return terms;
}

}  // namespace

Terms attention_terms(const AttentionWork& work, const Kernel& kernel, const Machine& machine,
                      const CostParameters& parameters) {
    AttentionProblem problem = problem_of(work, bytes_per_element(kernel.type));
    if (kernel.operand_count == 0) {
        const double bytes = (problem.heads * problem.queries + problem.key_heads * problem.keys) *
                             (problem.head_dim + problem.value_dim) * problem.element;
        problem.first_touch = {bytes, bytes};
    } else {
        problem.first_touch = operand_traffic(kernel, machine, parameters);
    }
    const AttentionVariant& variant = variant_of(work.kernel, parameters);
    Fastest fastest(parameters.overlap_exponent);
    const AttentionTile tile = tile_for(work.kernel, padded_head_dim(problem.head_dim));
    fastest.offer(terms_of(problem, tile, 1, variant, machine, parameters));
    // Splitting the keys pays only where the blocks leave SMs idle.
    if (problem.heads * tiles(problem.queries, tile.queries) < 0.8 * machine.sms * variant.resident) {
        for (const double splits : {2.0, 4.0, 8.0, 16.0, 32.0, 64.0}) {
            if (problem.keys < splits * parameters.split_keys_minimum / 2) break;  // fewer splits do the same
            fastest.offer(terms_of(problem, tile, splits, variant, machine, parameters));
        }
    }
    return fastest.terms();
}

}  // namespace cupola::cost_detail
