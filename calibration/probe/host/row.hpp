#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::probe {

/// Columns of a results file: what was measured and how first, the fields of the case behind them.
const std::vector<std::string>& columns();

/// One line of a results file: text by column, absent where a column does not apply.
class Row {
public:
    /// Throws std::out_of_range for a name that is no column.
    void set(const std::string& column, std::string_view text);
    void set(const std::string& column, double number);
    const std::string& get(const std::string& column) const;  ///< empty where absent
    std::string csv() const;                                  ///< without the line break

private:
    std::map<std::string, std::string> cells_;
};

/// The first line of a results file.
std::string csv_header();

/// Cells of a CSV line; quotes as in RFC 4180.
std::vector<std::string> csv_cells(std::string_view line);

}  // namespace cupola::probe
