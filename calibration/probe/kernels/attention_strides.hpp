#pragma once

#include <cstdint>

namespace cupola::probe {

/// Elements from one batch, head or token to the next.
struct AttentionStrides {
    std::int64_t batch, head, token;
};

}  // namespace cupola::probe
