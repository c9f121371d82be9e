#pragma once

#include <vector>

#include "probe/device/session.hpp"

namespace cupola::probe {

// What measures the kinds of a plan, a file each. A function throws SkippedCase or FailedCase where there is no time.

/// Facts of the GPU, a row each.
std::vector<Row> measure_facts(const Case& facts, const Session& session);
/// Empty kernels on a stream and in a graph; the CPU's time for a launch; launch and wait.
Row measure_launch(const Case& launch, Session& session);
/// Instructions of one unit, issued by all warps.
Row measure_rate(const Case& rate, Session& session);
/// A large matrix product for seconds, with clocks and power at its end.
Row measure_sustained(const Case& sustained, Session& session);
/// A kernel that reads what another wrote, with other traffic between.
Row measure_pair(const Case& pair, Session& session);
/// A chain of copies, launched one by one or as one graph: what is lost between kernels.
Row measure_sequence(const Case& sequence, Session& session);

/// The cases that it names in their order, launched one by one or as one graph: what is lost between real kernels.
Row measure_replay(const Case& replay, Session& session);

// Operations that are timed by Session::measured.
Operation stream_operation(const Case& stream, Session& session);
Operation gather_operation(const Case& gather, Session& session);
Operation transpose_operation(const Case& transpose, Session& session);
Operation permute_operation(const Case& permute, Session& session);
Operation traffic_operation(const Case& traffic, Session& session);
Operation row_norm_operation(const Case& norm, Session& session);
Operation group_norm_operation(const Case& norm, Session& session);
Operation pointwise_operation(const Case& pointwise, Session& session);
Operation upsample_operation(const Case& upsample, Session& session);
Operation gemm_operation(const Case& gemm, Session& session);
Operation convolution_operation(const Case& convolution, Session& session);
Operation attention_operation(const Case& attention, Session& session);

/// The operation of a case whose operands `cache` places.
Operation operation_of(const Case& measured, Session& session);
/// Measures any case.
std::vector<Row> measure_case(const Case& measured, Session& session);

}  // namespace cupola::probe
