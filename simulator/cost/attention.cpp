#include "cupola/cost/terms.hpp"

namespace cupola::cost_detail {

namespace {

constexpr double page_bytes = 2097152;  ///< of virtual memory
/// Share of the FP32 lanes' rate in the products of types without matrix instructions. Public measurement:
/// facebookresearch/xformers pull request 405, fp32 on a V100, 0.66 between head dims 64 and 128.
constexpr double lane_efficiency = 0.65;

const AttentionVariant& variant_of(const AttentionWork& work, const CostParameters& parameters) {
    switch (work.kernel) {
        case AttentionKernel::flash2: return work.paged ? parameters.flash2_paged : parameters.flash2;
        case AttentionKernel::cudnn:
        case AttentionKernel::flash3: return work.paged ? parameters.flash3_paged : parameters.flash3;
        case AttentionKernel::memory_efficient: return parameters.memory_efficient;
        case AttentionKernel::fmha: return parameters.fmha;
    }
    return parameters.flash2;
}

/// The kernel's loops: `heads` independent (batch, head) pairs of `queries` rows.
struct AttentionProblem {
    double heads, queries, keys, head_dim, value_dim;
    double key_element, value_element;  ///< bytes: of queries and keys, of values and outputs
    double key_heads;                   ///< independent (batch, key head) pairs
    double window;                      ///< keys that a query sees at most
    double token_bytes;  ///< from one token's keys or values to the next one's: all heads lie side by side
    bool cut;            ///< the one query's window leaves keys out, and so begins inside a tile
    bool causal;
    OperandTraffic first_touch;
};

/// Grouped heads of a single query share their keys, so kernels put the group into the rows of one tile; context
/// kernels do not.
AttentionProblem problem_of(const AttentionWork& work, DataType type) {
    const double key_heads = static_cast<double>(std::max<std::int64_t>(work.kv_heads, 1));
    AttentionProblem problem{};
    problem.heads = extent_of(work.batch) * extent_of(work.heads);
    problem.key_heads = extent_of(work.batch) * key_heads;
    problem.queries = extent_of(work.queries);
    problem.keys = extent_of(work.keys);
    problem.window = work.window > 0 ? static_cast<double>(work.window) : infinite_time;
    problem.head_dim = extent_of(work.head_dim);
    problem.value_dim = extent_of(work.value_dim);
    problem.key_element = bytes_per_element(work.scores.value_or(type));
    problem.value_element = bytes_per_element(work.values.value_or(type));
    problem.token_bytes = key_heads * problem.head_dim * problem.key_element;
    problem.causal = work.causal && work.queries > 1;  // a single query sees every key
    if (work.queries > 1) return problem;
    problem.cut = problem.window < problem.keys;
    problem.keys = std::min(problem.keys, problem.window);
    if (work.kernel == AttentionKernel::fmha) return problem;
    problem.queries = std::max(extent_of(work.heads) / key_heads, 1.0);
    problem.heads = problem.key_heads;
    return problem;
}

/// What one block computes at a time. Head dims for which there is no kernel are padded to the next one that has; query
/// and key counts to whole tiles, masked outside.
struct Tile {
    double queries, keys, head_dim, value_dim;
    double warps;  ///< share of the kernel's warps at work
};

const AttentionTile& tile_of(const AttentionVariant& variant, double head_dim) {
    const auto fits = [head_dim](const AttentionTile& tile) { return head_dim <= tile.head_dim; };
    const auto* found = std::find_if(variant.tiles.begin(), variant.tiles.end(), fits);
    return found == variant.tiles.end() ? variant.tiles.back() : *found;
}

/// The kernels are built for one tile a head dim. Shared memory bounds its keys, so types of one byte have those of
/// half the head dim.
Tile tile_for(const AttentionProblem& problem, const AttentionVariant& variant) {
    const double widest = std::max(problem.head_dim, problem.value_dim);
    const AttentionTile& rows = tile_of(variant, widest);
    const AttentionTile& columns =
        tile_of(variant, widest * std::min(std::max(problem.key_element, problem.value_element) / 2, 1.0));
    const auto padded_dim = [&variant](double dim) {
        const double size = tile_of(variant, dim).head_dim;
        return dim <= size ? size : padded(dim, 64);
    };
    Tile tile{problem.causal ? rows.causal_queries : rows.queries, problem.causal ? columns.causal_keys : columns.keys,
              padded_dim(problem.head_dim), padded_dim(problem.value_dim), 1};
    if (problem.queries <= rows.few_queries) {
        tile.warps = rows.few_queries / tile.queries;
        tile.queries = rows.few_queries;
    }
    return tile;
}

/// Steps over key tiles of all blocks of one causal head. Row tiles see a triangle, of which the diagonal costs half a
/// row tile more, or a band of `window` keys:
///   min([triangle + q tM / 2] / (tM tN), q / tM [(window + tM) / tN + 1], full rectangle)
double causal_steps(double queries, double keys, double window, const Tile& tile) {
    const double triangle =
        keys >= queries ? queries * keys - queries * (queries - 1) / 2 : keys * (keys + 1) / 2 + (queries - keys);
    const double rows = tiles(queries, tile.queries);
    return std::min({(triangle + queries * tile.queries / 2) / (tile.queries * tile.keys),
                     rows * ((window + tile.queries) / tile.keys + 1), rows * tiles(keys, tile.keys)});
}

/// Work of the busiest SM: steps over key tiles, and blocks that start and end.
struct Share {
    double steps, blocks;
    double all_blocks;  ///< of all SMs
};

/// Whole blocks for a full rectangle, which all cost the same. Causal blocks differ; the longest start first and the
/// short ones fill in, so the SMs share all steps evenly but for a part of the longest block, and none is done before
/// its longest block.
Share share_of_busiest_sm(const AttentionProblem& problem, const Tile& tile, double splits,
                          const AttentionVariant& variant, double sms, const CostParameters& parameters) {
    const double rows = tiles(problem.queries, tile.queries);
    double longest = tiles(problem.keys / splits, tile.keys);
    if (splits > 1) longest = std::max(longest, tiles(parameters.split_keys_minimum, tile.keys));
    if (problem.cut) longest += 1;
    const double blocks = problem.heads * rows * splits;
    const double busiest = busiest_sm(blocks, sms, variant.resident, variant.alone);
    if (!problem.causal) return {busiest * longest, busiest, blocks};
    longest = std::min(longest, (problem.window + tile.queries) / tile.keys + 1);
    const double all = problem.heads * causal_steps(rows * tile.queries, problem.keys, problem.window, tile);
    const double even = std::max(std::max(variant.alone, 1.0) * longest, all / sms + parameters.causal_tail * longest);
    return {std::min(busiest * longest, even), busiest, blocks};
}

/// Matrix and softmax time of one step over a tile, s.
struct Step {
    double matrix, special, lanes;
    [[nodiscard]] double softmax() const { return special + lanes; }
    [[nodiscard]] double lesser() const { return std::min(matrix, softmax()); }
};

/// G = 2 (d + dv, padded) / (R eta) cycles a score, S = 1 / MUFU + n_f / lanes. Rows of keys that are no multiple of a
/// sector load slower.
Step step_over(const Tile& tile, const AttentionProblem& problem, const AttentionVariant& variant,
               const Machine& machine, const CostParameters& parameters) {
    const double area = tile.queries * tile.keys;
    const auto seconds_per_flop = [&](double matrix_flops, double element) {
        const double rate =
            matrix_flops > 0 ? matrix_flops * machine.matrix_clock : 2 * machine.lanes * machine.simt_clock;
        return 1 / (rate * (element < 2 ? variant.byte_efficiency : 1));
    };
    const bool aligned = std::fmod(problem.head_dim * problem.key_element, parameters.sector_bytes) == 0;
    const double efficiency = (machine.matrix_flops_per_clock > 0 ? variant.mma_efficiency : lane_efficiency) *
                              (aligned ? 1 : parameters.unaligned_head_efficiency);
    const double products = tile.head_dim * seconds_per_flop(machine.scores_flops_per_clock, problem.key_element) +
                            tile.value_dim * seconds_per_flop(machine.values_flops_per_clock, problem.value_element);
    return {area * 2 * products / efficiency, area / (machine.mufu * machine.simt_clock),
            area * parameters.softmax_instructions / (machine.lanes * machine.simt_clock)};
}

/// Bytes of a token of one head: key and value.
double row_bytes(const AttentionProblem& problem) {
    return problem.head_dim * problem.key_element + problem.value_dim * problem.value_element;
}

/// Bytes of one block that its steps do not stream: queries, first keys and values, and outputs.
double edge_bytes(const AttentionProblem& problem, const Tile& tile, const AttentionVariant& variant) {
    if (variant.whole_tiles) {
        return (tile.queries + tile.keys) *
               (tile.head_dim * problem.key_element + tile.value_dim * problem.value_element);
    }
    return (std::min(problem.queries, tile.queries) + std::min(problem.keys, tile.keys)) * row_bytes(problem);
}

/// Tile law: a step costs max(G, S) + exposed x min(G, S) and the latency that nothing hides (barriers; for fp8 the
/// values' transpose; walking on to other pages). The first softmax of a block overlaps with nothing unless another
/// block shares the SM. All blocks start at once, so what their edges load goes through the L2 with nothing to compute:
///   steps [max(G, S) + e min(G, S) + latency] + blocks [(1 - e) min(G, S) / resident + start] + e_edge edges / b_L2
/// The greater of G and S carries it all. Public measurements: FlashAttention-3 paper, d = 64, 128, 256 in fp16, within
/// 11 %; ai-dynamo/aiconfigurator encoder rows (README.md).
void charge_scores(Terms& terms, const Share& share, const Tile& tile, const AttentionProblem& problem,
                   const AttentionVariant& variant, const Machine& machine, const CostParameters& parameters) {
    const bool on_matrix_units = machine.matrix_flops_per_clock > 0;
    const double clock = on_matrix_units ? machine.matrix_clock : machine.simt_clock;
    const Step step = step_over(tile, problem, variant, machine, parameters);
    const double transpose =
        problem.value_element < 2 ? tile.keys * tile.value_dim / 1024 * variant.transpose_cycles : 0;
    const double pages = 2 * tile.keys * problem.token_bytes / page_bytes;  // of keys and of values
    const double barriers = on_matrix_units ? variant.tile_cycles : 0;      // the lanes' longer products hide them
    const double latency = (barriers + transpose) / clock + pages * parameters.page_seconds;
    const double start = (1 - variant.exposed) * step.lesser() / variant.resident +
                         (0.5 + 0.5 * tile.warps) * variant.block_cycles / clock;
    const double edges = variant.edge_exposed * share.all_blocks * edge_bytes(problem, tile, variant) / machine.l2;
    const double more = share.steps * (variant.exposed * step.lesser() + latency) + share.blocks * start + edges;
    const bool by_matrix = step.matrix >= step.softmax();
    terms.tensor = share.steps * step.matrix + (by_matrix ? more : 0);
    terms.mufu = share.steps * step.softmax() + (by_matrix ? 0 : more);
    terms.simt = share.steps * step.lanes;
    if (!on_matrix_units) std::swap(terms.tensor, terms.simt);
}

/// L2 and DRAM traffic and their times. Every row tile of a head reads the keys that it sees.
void charge_traffic(Terms& terms, const AttentionProblem& problem, const Tile& tile, double splits,
                    const AttentionVariant& variant, const Machine& machine, const CostParameters& parameters) {
    const double row_tiles = tiles(problem.queries, tile.queries);
    const double width = row_bytes(problem);
    const double key_bytes = problem.keys * width;  // one head
    // A row tile sees all keys before its own: half of them where queries and keys begin together, nearly all where few
    // queries follow a long cache. Whole clusters of tiles, so that more queries never read less; for the busiest SM,
    // whose blocks need not grow with the queries, the half.
    const double clusters = tiles(row_tiles, variant.multicast);
    const double rows = clusters * variant.multicast * tile.queries;
    const double window = problem.window / problem.keys;
    const double seen = problem.causal ? std::min(std::max(0.5, 1 - rows / (2 * problem.keys)), window) : 1.0;
    const double least_seen = problem.causal ? std::min(0.5, window) : 1.0;
    const double partials = splits > 1 ? 8 * splits * problem.heads * problem.queries * (problem.value_dim + 1) : 0;
    const double key_reads = problem.heads * clusters * key_bytes * seen;
    terms.l2_bytes = std::max(problem.heads * problem.queries * width + key_reads + partials, problem.first_touch.l2);
    // Query tiles of one head that run together share its keys; later ones read again what L2 does not hold.
    const double key_passes = std::max(row_tiles / machine.sms - 1, 0.0);
    terms.dram_bytes = problem.first_touch.dram +
                       key_passes * seen * problem.key_heads * std::max(key_bytes - machine.usable_l2, 0.0) +
                       std::max(partials - machine.usable_l2, 0.0);
    const double busiest = tiles(problem.heads * row_tiles * splits, machine.sms);
    // As in share_of_busiest_sm: a split works on no fewer keys, so that no more splits open anything new.
    const double keys = splits > 1 ? std::max(problem.keys / splits, parameters.split_keys_minimum) : problem.keys;
    const double link = busiest * keys * width * least_seen / (variant.link_bytes_per_clock * machine.simt_clock);
    terms.l2 = std::max(terms.l2_bytes / machine.l2, link);
    terms.dram = exposed_dram_time(terms.dram_bytes, parameters.attention_dram_efficiency, machine, parameters);
}

void offer_splits(const AttentionProblem& problem, const Tile& tile, double splits, const AttentionVariant& variant,
                  const Machine& machine, const CostParameters& parameters, Fastest& fastest) {
    Terms terms;
    const Share share = share_of_busiest_sm(problem, tile, splits, variant, machine.sms, parameters);
    charge_scores(terms, share, tile, problem, variant, machine, parameters);
    const double clock = machine.matrix_flops_per_clock > 0 ? machine.matrix_clock : machine.simt_clock;
    terms.serial = variant.prologue_cycles / clock + (splits > 1 ? parameters.split_combine_seconds : 0);
    if (fastest.beats(terms)) return;  // saves the traffic of most candidates
    charge_traffic(terms, problem, tile, splits, variant, machine, parameters);
    fastest.offer(terms);
}

}  // namespace

Terms attention_terms(const AttentionWork& work, const Kernel& kernel, const Machine& machine,
                      const CostParameters& parameters) {
    AttentionProblem problem = problem_of(work, kernel.type);
    if (kernel.operand_count == 0) {
        const double bytes = (problem.heads * problem.queries + problem.key_heads * problem.keys) * row_bytes(problem);
        problem.first_touch = {bytes, bytes};
    } else {
        problem.first_touch = operand_traffic(kernel, machine, parameters);
    }
    const AttentionVariant& variant = variant_of(work, parameters);
    Fastest fastest(parameters.overlap_exponent);
    const Tile tile = tile_for(problem, variant);
    offer_splits(problem, tile, 1, variant, machine, parameters, fastest);
    // Splitting the keys pays only where the blocks leave SMs idle.
    if (work.split && problem.heads * tiles(problem.queries, tile.queries) < 0.8 * machine.sms * variant.resident) {
        for (const double splits : {2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0}) {
            if (splits > variant.most_splits) break;
            if (problem.keys < splits * parameters.split_keys_minimum / 2) break;  // fewer splits do the same
            offer_splits(problem, tile, splits, variant, machine, parameters, fastest);
        }
    }
    return fastest.terms();
}

}  // namespace cupola::cost_detail
