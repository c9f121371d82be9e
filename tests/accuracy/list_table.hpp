#pragma once

#include "cupola/config/load.hpp"
#include "reference_list.hpp"

#include <string>
#include <vector>

namespace cupola::accuracy {

/// Which stage of which workload is the network of a list.
struct ListedStage {
    std::string list, workload, stage;
    config::Settings settings;
};
[[nodiscard]] const std::vector<ListedStage>& listed_stages();

/// Lists whose workload does not exist yet.
[[nodiscard]] const std::vector<std::string>& pending_lists();

/// Modules that a list runs again and again although their result is the same: only the first run is compared.
struct RepeatedModule {
    std::string list, module;  ///< a part of the module's path
    std::string reason;
};
[[nodiscard]] const std::vector<RepeatedModule>& repeated_modules();
[[nodiscard]] std::vector<ListRow> without_repeated_modules(const std::vector<ListRow>& rows, const std::string& list);

/// A difference in norms, activations, large cats that is meant, and why.
struct KnownDifference {
    std::string list;  ///< the beginning of the list's name
    std::string what;  ///< a part of the difference's text
    std::string reason;
};
[[nodiscard]] const std::vector<KnownDifference>& known_differences();
/// The reason why this difference is meant; empty if it is not.
[[nodiscard]] std::string reason_of(const std::string& list, const std::string& difference);

}  // namespace cupola::accuracy
