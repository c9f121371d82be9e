#include "cupola/cost/parameter_families.hpp"

#include <cstddef>

namespace cupola::cost_detail {

// Parameters of memory-bound kernels; README.md states defaults, sources and what identifies each.
std::span<const ParameterInfo> memory_parameters() {
    using P = CostParameters;
    static constexpr ParameterInfo table[] = {
        {"memory.streaming.bandwidth", "share", 0.6, 1,
         "of the achieved streaming bandwidth, DRAM and L2 alike, in streams",
         [](P& p) -> double& { return p.patterns[static_cast<std::size_t>(Pattern::streaming)].bandwidth; }},
        {"memory.streaming.instructions_per_element", "", 1, 12,
         "address, conversion, load and store besides the arithmetic in streams",
         [](P& p) -> double& {
             return p.patterns[static_cast<std::size_t>(Pattern::streaming)].instructions_per_element;
         }},
        {"memory.row_reduction.bandwidth", "share", 0.4, 1,
         "of the achieved streaming bandwidth, DRAM and L2 alike, in reductions of rows",
         [](P& p) -> double& { return p.patterns[static_cast<std::size_t>(Pattern::row_reduction)].bandwidth; }},
        {"memory.row_reduction.instructions_per_element", "", 1, 40,
         "address, conversion, load and store besides the arithmetic in reductions of rows",
         [](P& p) -> double& {
             return p.patterns[static_cast<std::size_t>(Pattern::row_reduction)].instructions_per_element;
         }},
        {"memory.block_reduction.bandwidth", "share", 0.4, 1,
         "of the achieved streaming bandwidth, DRAM and L2 alike, in reductions over blocks",
         [](P& p) -> double& { return p.patterns[static_cast<std::size_t>(Pattern::block_reduction)].bandwidth; }},
        {"memory.block_reduction.instructions_per_element", "", 1, 40,
         "address, conversion, load and store besides the arithmetic in reductions over blocks",
         [](P& p) -> double& {
             return p.patterns[static_cast<std::size_t>(Pattern::block_reduction)].instructions_per_element;
         }},
        {"memory.strided_copy.bandwidth", "share", 0.2, 1,
         "of the achieved streaming bandwidth, DRAM and L2 alike, in strided copies",
         [](P& p) -> double& { return p.patterns[static_cast<std::size_t>(Pattern::strided_copy)].bandwidth; }},
        {"memory.strided_copy.instructions_per_element", "", 1, 60,
         "address, conversion, load and store besides the arithmetic in strided copies",
         [](P& p) -> double& {
             return p.patterns[static_cast<std::size_t>(Pattern::strided_copy)].instructions_per_element;
         }},
        {"memory.transpose.bandwidth", "share", 0.3, 1,
         "of the achieved streaming bandwidth, DRAM and L2 alike, in transposes",
         [](P& p) -> double& { return p.patterns[static_cast<std::size_t>(Pattern::transpose)].bandwidth; }},
        {"memory.transpose.instructions_per_element", "", 1, 40,
         "address, conversion, load and store besides the arithmetic in transposes",
         [](P& p) -> double& {
             return p.patterns[static_cast<std::size_t>(Pattern::transpose)].instructions_per_element;
         }},
        {"memory.gather.bandwidth", "share", 0.3, 1,
         "of the achieved streaming bandwidth, DRAM and L2 alike, in gathers",
         [](P& p) -> double& { return p.patterns[static_cast<std::size_t>(Pattern::gather)].bandwidth; }},
        {"memory.gather.instructions_per_element", "", 1, 40,
         "address, conversion, load and store besides the arithmetic in gathers",
         [](P& p) -> double& {
             return p.patterns[static_cast<std::size_t>(Pattern::gather)].instructions_per_element;
         }},
        {"memory.resident_threads", "threads", 4e4, 3.5e5, "threads of a full GPU, which work on rows at once",
         [](P& p) -> double& { return p.resident_threads; }},
        {"memory.row_window_share", "", 0.5, 1.5, "of the rows in flight that passes between two visits of a row",
         [](P& p) -> double& { return p.row_window_share; }},
        {"memory.row_start_waves", "", 0, 5, "full loads of blocks whose code no memory traffic hides",
         [](P& p) -> double& { return p.row_start_waves; }},
        {"memory.bytes_in_flight_per_sm", "B", 16384, 131072, "what an SM's threads read and write a round trip",
         [](P& p) -> double& { return p.bytes_in_flight_per_sm; }},
        {"memory.loaded_latency_factor", "", 1.5, 2.3,
         "round trip of a load under load over the latency of a pointer chase",
         [](P& p) -> double& { return p.loaded_latency_factor; }},
        {"memory.posted_latency_factor", "", 0.4, 1, "the same of a store, half of which shows after a load",
         [](P& p) -> double& { return p.posted_latency_factor; }},
        {"memory.l1_bytes_per_clock", "B/clk", 64, 128, "what the threads of one SM load and store, hits included",
         [](P& p) -> double& { return p.l1_bytes_per_clock; }},
        {"memory.l1_latency_clocks", "cycles", 25, 40, "a load that hits the L1",
         [](P& p) -> double& { return p.l1_latency_clocks; }},
        {"memory.l2_latency_clocks", "cycles", 180, 320, "a load that hits the L2",
         [](P& p) -> double& { return p.l2_latency_clocks; }},
        {"memory.statistics_elements_per_clock", "1/clk", 1, 8,
         "elements that one block of a block reduction takes in a clock",
         [](P& p) -> double& { return p.statistics_elements_per_clock; }},
        {"memory.statistics_resident", "blocks", 1, 8, "blocks of a block reduction that share one SM",
         [](P& p) -> double& { return p.statistics_resident; }},
        {"memory.sector_dram_limit", "", 1, 16, "limit of DRAM over-fetch for short runs",
         [](P& p) -> double& { return p.sector_dram_limit; }},
        {"memory.dirty_share", "share", 0, 1, "of a resident write that still goes to DRAM in the end",
         [](P& p) -> double& { return p.dirty_share; }},
    };
    return table;
}

}  // namespace cupola::cost_detail
