#include "cupola/validation/dataset.hpp"

namespace cupola::validation {

/// hash <- (hash xor byte) x prime, byte by byte. Source: Fowler, Noll, Vo; draft-eastlake-fnv, 64-bit offset and
/// prime.
std::uint64_t fnv1a(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char byte : text) {
        hash ^= static_cast<unsigned char>(byte);
        hash *= 0x100000001b3U;
    }
    return hash;
}

}  // namespace cupola::validation
