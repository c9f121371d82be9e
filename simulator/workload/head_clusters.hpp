#pragma once

#include "cupola/units/input_error.hpp"

#include <cstdint>
#include <vector>

namespace cupola {

/// How many clusters the attention heads of each layer form (CHAI), as a user's file gives them.
struct HeadClusters {
    struct Layer {
        std::int64_t clusters = 0;
        SourcePosition where;
    };
    SourcePosition where;       ///< of the list
    std::vector<Layer> layers;  ///< first to last
};

}  // namespace cupola
