#include "cupola/report/columns.hpp"

#include "cupola/report/style.hpp"

#include <algorithm>

namespace cupola {

void Columns::add(std::vector<std::string> cells, std::string note) {
    rows_.push_back({std::move(cells), std::move(note)});
}

std::string Columns::text(std::size_t indent) const {
    std::vector<std::size_t> widths(alignment_.size(), 0);
    for (const Row& row : rows_) {
        for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], display_width(row.cells[i]));
    }
    std::string result;
    for (const Row& row : rows_) {
        result.append(indent, ' ');
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const std::size_t padding = widths[i] - display_width(row.cells[i]);
            if (i > 0) result += "  ";
            if (alignment_[i] == Align::right) result.append(padding, ' ');
            result += row.cells[i];
            if (alignment_[i] == Align::left) result.append(padding, ' ');
        }
        result.erase(result.find_last_not_of(' ') + 1);
        result += '\n';
        if (!row.note.empty()) result.append(row.note).append("\n");
    }
    return result;
}

}  // namespace cupola
