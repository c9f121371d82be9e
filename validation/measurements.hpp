#pragma once

#include "cupola/validation/adapter.hpp"
#include "cupola/validation/csv.hpp"
#include "cupola/validation/dataset.hpp"

#include <string>
#include <vector>

namespace cupola::validation {

/// How a table is read.
struct ReadOptions {
    bool shared = false;                 ///< with other adapters: it may have no row for this one, and whoever reads it
                                         ///< reports the rows that are none (CsvTable::malformed)
    std::vector<bool>* taken = nullptr;  ///< by row: set where the row is of this set
};

/// The rows of a table as the adapter describes them. A row that it cannot describe (a cell that is no number, a size
/// of 0, no time) is a counted skip that names the first such line; rows that are skipped at the same place of the
/// adapter count together. Throws InputError: a column or variable that does not exist, a table of which no row is
/// left.
[[nodiscard]] Dataset read_measurements(const Adapter& adapter, const CsvTable& table, const std::string& path,
                                        const ReadOptions& options = {});

}  // namespace cupola::validation
