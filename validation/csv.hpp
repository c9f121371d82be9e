#pragma once

#include "cupola/validation/dataset.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::validation {

/// A CSV file (RFC 4180: cells in quotes may hold commas, line breaks and doubled quotes) in memory: a header line and
/// rows of as many cells. Blanks around a cell without quotes do not count, empty lines are passed over.
class CsvTable {
public:
    [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
    [[nodiscard]] std::size_t row_count() const { return lines_.size(); }
    /// Where the row begins in the file; the header is on line 1.
    [[nodiscard]] std::size_t line(std::size_t row) const { return lines_[row]; }
    [[nodiscard]] std::string_view cell(std::size_t row, std::size_t column) const {
        const std::size_t i = row * columns_.size() + column;
        const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
        return std::string_view(text_).substr(begin, ends_[i] - begin);
    }
    /// Rows that are none: another number of cells than the header, a quote where none may be.
    [[nodiscard]] const std::vector<Skip>& malformed() const { return malformed_; }

private:
    friend class CsvReader;
    std::vector<std::string> columns_;
    std::vector<std::size_t> lines_;  ///< of each row
    std::string text_;                ///< all cells, one behind the other
    std::vector<std::size_t> ends_;   ///< of each cell in `text_`
    std::vector<Skip> malformed_;
};

/// `path` only serves for messages. Throws InputError: nothing to read, a column twice, a quote that does not close.
[[nodiscard]] CsvTable parse_csv(std::string_view text, const std::string& path);

/// The content of a file, plain or compressed with gzip. Throws InputError where it cannot be read or unpacked.
[[nodiscard]] std::string read_text(const std::string& path);
/// Reads a file, plain or compressed with gzip. Throws InputError also where it cannot be read or unpacked.
[[nodiscard]] CsvTable read_csv(const std::string& path);

/// Where lines of a file's text begin; a byte order mark is in front of the first.
[[nodiscard]] std::vector<std::size_t> line_starts(std::string_view text);

/// Line and column, counted in bytes, from 1.
struct CellPosition {
    int line = 0, column = 0;
};
/// Where the cells of a row begin; the text begins with the row, which begins on `line`.
[[nodiscard]] std::vector<CellPosition> cell_positions(std::string_view row, std::size_t line);

}  // namespace cupola::validation
