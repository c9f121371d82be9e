#pragma once

#include <string>
#include <vector>

namespace cupola {

enum class Align { left, right };

/// Rows of cells in aligned columns, two spaces apart.
class Columns {
public:
    explicit Columns(std::vector<Align> alignment) : alignment_(std::move(alignment)) {}

    /// REQUIRES: as many cells as columns. `note` is put on a line of its own below the row.
    void add(std::vector<std::string> cells, std::string note = {});
    /// All rows, each after `indent` spaces, trailing spaces removed, a newline after each.
    [[nodiscard]] std::string text(std::size_t indent) const;

private:
    struct Row {
        std::vector<std::string> cells;
        std::string note;
    };
    std::vector<Align> alignment_;
    std::vector<Row> rows_;
};

}  // namespace cupola
