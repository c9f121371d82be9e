#pragma once

#include "cupola/hardware/gpu.hpp"
#include "cupola/stack/stack.hpp"
#include "cupola/units/input_error.hpp"
#include "cupola/validation/dataset.hpp"
#include "cupola/workload/descriptor.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cupola::validation {

// What a row says of one kernel, as expressions over the columns. What an adapter leaves out has been filled in with
// its default; names of data types, patterns and the like are expressions that give a text.

struct GemmSpec {
    Expression type, weight, output;  ///< of the instruction and A in memory, of B in memory, of D
    Expression batch, m, n, k, block_scaled;
};

struct AttentionSpec {
    Expression type, kv_type;  ///< of the instruction, Q and the output; of keys and values in memory
    Expression kernel, batch, heads, kv_heads, queries, keys, head_dim, value_dim, causal, window, paged, split;
};

struct ConvolutionSpec {
    Expression type, output;  ///< of the instruction, input and filter; of the result
    Expression batch, in_channels, out_channels, groups;
    Expression input, kernel, stride, padding;  ///< lists of one to three numbers
};

struct OperandSpec {
    Access access = Access::read;
    Expression bytes, passes, run;
};

struct MemorySpec {
    Expression type, pattern, elements, rows, flops, mufu, clocks_per_element, clocks_per_row;
    Expression threads_per_row, in_flight_per_sm;  ///< see MemoryWork
    std::vector<OperandSpec> operands;
};

struct KernelSpec {
    std::variant<GemmSpec, AttentionSpec, ConvolutionSpec, MemorySpec> work;
    Expression count;
    std::vector<Expression> reuse;  ///< of each operand in order: its reuse distance, bytes; empty: as `cache` says
    std::string_view label;         ///< lives as long as Adapter::labels
};

/// Rows as operators of the descriptor language, which a stack lowers to kernels.
struct LayersSpec {
    Stack stack;
    Expression type;
    std::vector<StageInput> inputs;  ///< the one named "" is the current tensor
    std::vector<Layer> layers;
    std::vector<std::string> only;  ///< labels of the kernels that the measured time holds; empty: all
    std::vector<NameId> names;      ///< that its expressions mention: rows that agree in them are the same kernels
};

/// Where operands are when a kernel begins.
struct CacheState {
    Expression state;    ///< hot: every operand was touched one replay earlier; cold: none has been
    Expression buffers;  ///< sets of operands that replays take in turn
};

/// Clocks that each row states, Hz; none: those of the GPU.
struct RowClocks {
    Expression tensor, simt;
};

/// Hardware counters of a row; empty expressions and `none` are counters that were not read.
struct CountersSpec {
    Expression group, dram, l1_hits, l2_hits;
};

/// One way to read a row: the first whose condition holds is taken.
struct RowSpec {
    Expression when;  ///< empty: always
    Expression group;
    std::optional<std::uint32_t> gpu;  ///< index into Adapter::gpus where the row states clocks of its own
    CacheState cache;
    std::vector<KernelSpec> kernels;   ///< either these
    std::optional<LayersSpec> layers;  ///< or this
};

/// A column under a name that expressions can use.
struct ColumnName {
    NameId name = 0;
    std::string column;
    SourcePosition where;
};

/// Which of Adapter::gpus a row ran on: by the value of a column, or always the first.
struct GpuChoice {
    std::optional<ColumnName> column;
    std::vector<std::pair<std::string, std::uint32_t>> values;
};

/// A file that says what the rows of a CSV file mean; see README.md for its form. `file` is empty where it is for any
/// file of a program's results (validation/probe).
struct Adapter {
    std::string name, title, source, file, library;
    SourcePosition where;
    Descriptor descriptor;  ///< only its names are used, those of columns and variables
    std::vector<Gpu> gpus;
    GpuChoice gpu;
    RowClocks clocks;  ///< empty: fixed ones, which `gpus` have
    std::vector<ColumnName> columns;
    NameId line = 0;       ///< the name under which expressions find a row's line in the file, unless it is a column's
    Expression condition;  ///< `where`; empty: every row
    Expression skip;       ///< why a row of the set cannot be used, a text; none, or empty: it can
    std::vector<std::pair<NameId, Expression>> variables;
    Expression time, overhead;  ///< seconds
    Expression weight;          ///< how often the measured thing runs, for the total
    Expression launches;        ///< how often a workload's run launches it; empty: rows are part of none
    std::optional<CountersSpec> counters;
    std::vector<Expression> split, label;
    Tolerance tolerance;
    std::vector<RowSpec> rows;
    std::shared_ptr<std::vector<std::string>> labels;
};

}  // namespace cupola::validation
