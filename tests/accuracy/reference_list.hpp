#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cupola::accuracy {

using Sizes = std::vector<std::int64_t>;

/// One line of an operator list: what a PyTorch module executed, in order.
struct ListRow {
    std::string module;  ///< "down_blocks.0.resnets.0.conv1"
    std::string op;      ///< "convolution", "addmm", "sdpa", "native_group_norm", "clone" …
    std::vector<Sizes> inputs;
    Sizes output;
    double macs = 0;    ///< multiply-adds
    std::string extra;  ///< of convolutions: "s[1, 1]p[1, 1]g1"
};

/// The directory of the reference data: $CUPOLA_REFERENCE_DATA, or ../shared beside the source tree; empty if absent.
[[nodiscard]] std::optional<std::string> reference_directory();

/// Reads `<directory>/graphs/<name>.tsv.gz`; throws std::runtime_error if it cannot.
[[nodiscard]] std::vector<ListRow> read_list(const std::string& directory, const std::string& name);

/// "1x320x64x64"
[[nodiscard]] std::string text_of(const Sizes& sizes);
[[nodiscard]] std::int64_t elements_of(const Sizes& sizes);

}  // namespace cupola::accuracy
