#pragma once

#include "cupola/numerics/study.hpp"
#include "cupola/report/style.hpp"

#include <string>
#include <vector>

namespace cupola {

/// A table for each format, preset and loop order: deviations by number of keys and tile.
[[nodiscard]] std::string numerics_text(const numerics::Study& study, const std::vector<numerics::StudyRow>& rows,
                                        const TextStyle& style);
/// Keys: head_dim queries trials seed value_mean rows. A row has format, preset, outer, keys, query_tile, key_tile,
/// rescales, raised, the precision of every step, and {max, relative_l2, wasserstein} of `baseline` and `tiled` from
/// fp64 and of `apart`, one from the other; null where an output overflowed.
[[nodiscard]] std::string numerics_json(const numerics::Study& study, const std::vector<numerics::StudyRow>& rows);

}  // namespace cupola
