#include "cupola/cost/matrix.hpp"

namespace cupola::cost_detail {

namespace {

/// DRAM bytes that one batch entry reads again because not all output tiles run at once.
/// The blocks in flight cover a rectangle W x H of the output with W H <= area; A is read Np / W times and B Mp / H
/// times, of which the first time is in the operand traffic and later ones hit as far as the matrix fits into L2:
///   min over W, H of (Np / W - 1) mA + (Mp / H - 1) mB,   mX = max(0, X bytes - usable L2).
/// The rectangle is real-valued (a library's swizzle comes close), which makes the minimum grow with M, N and K and
/// shrink with more SMs or cache: scaling a larger problem's best rectangle down gives a feasible one that costs no
/// more.
double rereads(double padded_m, double padded_n, const GemmTile& tile, double area, double missing_a,
               double missing_b) {
    if (missing_a <= 0 && missing_b <= 0) return 0;
    const double widest = std::min(padded_n, area / tile.m);
    const double a = missing_a * padded_n;
    const double b = missing_b * padded_m;
    // Unconstrained optimum W = sqrt(area a / b), clamped; the cost is convex in W.
    double width = b > 0 ? std::sqrt(area * a / b) : widest;
    width = std::clamp(width, tile.n, widest);
    double height = std::min(area / width, padded_m);
    if (height >= padded_m) width = std::min(area / padded_m, padded_n);  // all of M in flight: the rest widens
    width = std::clamp(width, tile.n, widest);
    height = std::clamp(height, tile.m, padded_m);
    return std::max(a / width - missing_a, 0.0) + std::max(b / height - missing_b, 0.0);
}

/// Bytes in units of DRAM time: stores weigh more than reads, and a transfer loses up to 12 % before it is long.
double dram_seconds(double bytes, const MatrixProblem& problem, const GemmTiles& table, double seconds_per_byte) {
    constexpr double most_lost = 0.12;
    const double transfer = (bytes + (table.store_cost - 1) * problem.output_bytes) * seconds_per_byte;
    return transfer + std::min(most_lost * transfer, table.dram_ramp_seconds);
}

/// What all tiles and splits of one problem share; reciprocals, because the search is a few hundred operations long.
struct Search {
    const MatrixProblem& problem;
    const GemmTiles& table;
    const Machine& machine;
    const CostParameters& parameters;
    bool on_matrix_units;
    double b_element;    ///< bytes of an element of B in memory
    double depth_step;   ///< elements of k: main-loop iterations hold a fixed number of bytes
    double split_depth;  ///< least depth of a split, in whole iterations, so that no more splits do with less
    double seconds_per_cycle, seconds_per_product, seconds_per_dram_byte, seconds_per_l2_byte, seconds_per_link_byte;
    double step_seconds;        ///< least time of an element of k, whatever the tile
    double first_dram_seconds;  ///< of the first touch alone
};

Search search_of(const MatrixProblem& problem, const GemmTiles& table, const Machine& machine,
                 const CostParameters& parameters) {
    const bool on_matrix_units = machine.matrix_flops_per_clock > 0;
    const double rate = on_matrix_units ? machine.matrix_flops_per_clock : 2 * machine.lanes;
    const double cycle = 1 / (on_matrix_units ? machine.matrix_clock : machine.simt_clock);
    const double dram_byte = 1 / (machine.dram * table.dram_efficiency);
    const double depth_step = table.k * std::max(1.0, 2.0 / problem.element);
    return {problem,
            table,
            machine,
            parameters,
            on_matrix_units,
            problem.b_element > 0 ? problem.b_element : problem.element,
            depth_step,
            padded(parameters.split_minimum_depth, depth_step),
            cycle,
            2 * problem.regret * cycle / (rate * problem.efficiency * table.efficiency),
            dram_byte,
            1 / (machine.l2 * table.l2_efficiency),
            1 / (parameters.sm_link_bytes_per_clock * machine.simt_clock),
            table.step_seconds * problem.element / 128,
            dram_seconds(problem.first_touch.dram, problem, table, dram_byte)};
}

/// What all splits of one tile share.
struct TilePlan {
    const GemmTile* tile;
    double rows, columns;  ///< of output tiles
    double grid;           ///< output tiles, all batch entries
    double seconds_per_k;  ///< of one block that owns its SM
    double ends_seconds;   ///< prologue and epilogue of one block
    double reread_bytes;   ///< DRAM, all batch entries
    double l2_per_k;       ///< L2 bytes a unit of k
    double padding_per_k;  ///< time that rows beyond M cost the loads, a unit of k
};

/// Time of one block for a unit of k: matrix units and FP32 lanes overlap but for a share of the lesser.
double loop_seconds(const GemmTile& tile, const Search& search) {
    const MatrixProblem& problem = search.problem;
    const double matrix = tile.m * tile.n * search.seconds_per_product / tile.efficiency;
    const double lanes = tile.n * problem.b_conversion_seconds + tile.m * tile.n * problem.d_conversion_seconds;
    return std::max(matrix, lanes) + search.parameters.exposed_conversion * std::min(matrix, lanes);
}

TilePlan plan_of(const GemmTile& tile, const Search& search) {
    const GemmTiles& table = search.table;
    TilePlan plan{&tile, tiles(search.problem.m, tile.m), tiles(search.problem.n, tile.n), 0, 0, 0, 0, 0, 0};
    plan.grid = search.problem.batch * plan.rows * plan.columns;
    plan.seconds_per_k = loop_seconds(tile, search);
    plan.padding_per_k =
        search.problem.batch * (plan.rows * tile.m - search.problem.m) * plan.columns * search.problem.padding_seconds;
    plan.ends_seconds =
        (table.prologue_cycles + table.epilogue_cycles * tile.m * tile.n / (128 * 128)) * search.seconds_per_cycle;
    return plan;
}

/// What every split of the plan takes at least: all matrix work evenly on all SMs, the first touch and the ends.
Terms least_of(const TilePlan& plan, const Search& search) {
    Terms terms;
    const double work = plan.grid * search.problem.loop_k * plan.seconds_per_k / search.machine.sms;
    (search.on_matrix_units ? terms.tensor : terms.simt) = work;
    terms.dram = search.first_dram_seconds;
    terms.serial = plan.ends_seconds;
    return terms;
}

void add_traffic(TilePlan& plan, const Search& search) {
    const MatrixProblem& problem = search.problem;
    const GemmTile& tile = *plan.tile;
    const double area = search.machine.sms * tile.resident * tile.m * tile.n;
    const double usable_l2 = search.machine.usable_l2;
    plan.reread_bytes =
        problem.batch * rereads(plan.rows * tile.m, plan.columns * tile.n, tile, area,
                                std::max(problem.a_bytes - usable_l2, 0.0), std::max(problem.b_bytes - usable_l2, 0.0));
    // Every column of tiles reads all of A and every row of tiles all of B; a cluster shares reads along both sides.
    const double a_reads = problem.a_l2_share * problem.m * tiles(plan.columns, search.table.multicast);
    const double b_reads = problem.n * tiles(plan.rows, search.table.multicast);
    plan.l2_per_k = problem.batch * (a_reads * problem.element + b_reads * search.b_element);
}

/// Time of the busiest SM, its first block's prologue and last epilogue apart. With o resident blocks, c = 2 tM tN Ks /
/// (R eta f) of matrix time a block, and l = Ks step of latency, which resident blocks hide for each other, a wave
/// takes
///   max(o c, l), the last one of r blocks max(r c, l);
/// later waves of kernels that are not persistent pay prologue and epilogue too, which resident blocks share.
double busiest_sm_seconds(const TilePlan& plan, double blocks, double depth, const Search& search) {
    const GemmTile& tile = *plan.tile;
    const double each = tiles(blocks, search.machine.sms);
    const double waves = tiles(each, tile.resident) - 1;
    const double last = each - waves * tile.resident;
    const double alone = last == 1 && tile.resident > 1 ? std::min(tile.alone, 2.0) : last;
    const double block = depth * plan.seconds_per_k;
    const double latency = depth * search.step_seconds;
    const double later = search.table.persistent ? 0 : plan.ends_seconds / tile.resident;
    return waves * (std::max(tile.resident * block, latency) + later) + std::max(alone * block, latency);
}

/// Time to add the partial sums of a split product: in a second phase, or each part after the one before.
double reduction_seconds(double splits, const MatrixProblem& problem, const CostParameters& parameters) {
    if (splits <= 1) return 0;
    return problem.split_step_seconds > 0 ? (splits - 1) * problem.split_step_seconds
                                          : parameters.split_reduction_seconds;
}

/// Bounds of one tile with K cut into `splits` (Ks each).
/// t_matrix = that of the busiest SM; the first prologue and epilogue are serial;
/// t_l2 = max(L2 bytes / b_L2, blocks of the busiest SM x slice bytes / link of one SM);
/// t_dram = (first touch + re-reads + partial sums that spill from L2) / b.
void offer_split(const TilePlan& plan, double splits, const Search& search, Fastest& fastest) {
    const MatrixProblem& problem = search.problem;
    const Machine& machine = search.machine;
    const CostParameters& parameters = search.parameters;
    const GemmTile& tile = *plan.tile;
    double depth = padded(problem.loop_k / splits, search.depth_step);
    if (splits > 1) depth = std::max(depth, search.split_depth);
    const double blocks = plan.grid * splits;

    Terms terms;
    (search.on_matrix_units ? terms.tensor : terms.simt) =
        busiest_sm_seconds(plan, blocks, depth, search) + plan.padding_per_k * problem.k;
    // Partial sums are fp32, written once and read once.
    const double partials = splits > 1 ? 8 * splits * problem.batch * problem.m * problem.n : 0;
    const double extra_dram = plan.reread_bytes + std::max(partials - machine.usable_l2, 0.0);
    terms.dram_bytes = problem.first_touch.dram + extra_dram;
    terms.dram = search.first_dram_seconds;
    if (extra_dram > 0) {
        terms.dram = dram_seconds(terms.dram_bytes, problem, search.table, search.seconds_per_dram_byte);
    }
    terms.serial = plan.ends_seconds + reduction_seconds(splits, problem, parameters);
    if (fastest.beats(terms)) return;  // saves the rest of most candidates

    terms.l2_bytes = std::max(plan.l2_per_k * problem.k + problem.output_bytes + partials, problem.first_touch.l2);
    const double slices = (std::min(problem.m, tile.m) * problem.a_l2_share * problem.element +
                           std::min(problem.n, tile.n) * search.b_element) *
                          std::min(depth, problem.k);
    terms.l2 = std::max(terms.l2_bytes * search.seconds_per_l2_byte,
                        tiles(blocks, machine.sms) * slices * search.seconds_per_link_byte) +
               plan.padding_per_k * problem.k;
    fastest.offer(terms);
}

}  // namespace

void offer_tiles(const MatrixProblem& problem, const GemmTiles& table, const Machine& machine,
                 const CostParameters& parameters, Fastest& fastest) {
    const Search search = search_of(problem, table, machine, parameters);
    for (std::size_t i = 0; i < table.count; ++i) {
        if (table.tiles[i].m < table.whole_rows && problem.m > table.tiles[i].m) continue;
        TilePlan plan = plan_of(table.tiles[i], search);
        if (fastest.beats(least_of(plan, search))) continue;
        add_traffic(plan, search);
        offer_split(plan, 1, search, fastest);
        const double most_blocks = problem.split_grid_share * machine.sms * table.tiles[i].resident;
        double fewer = 1;
        for (const double splits : {2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 32.0}) {
            // Libraries split K only where that fills SMs that were idle. Where the next smaller count already works on
            // the least depth, it does the same with fewer blocks.
            if (plan.grid * splits > most_blocks || problem.loop_k <= fewer * search.split_depth) break;
            offer_split(plan, splits, search, fastest);
            fewer = splits;
        }
    }
}

double output_bytes(const Kernel& kernel, double dimension_bytes) {
    double written = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        if (kernel.operands[i].access == Access::write) written += kernel.operands[i].bytes.value();
    }
    return written > 0 ? written : dimension_bytes;
}

}  // namespace cupola::cost_detail
