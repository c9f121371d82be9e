#include "cupola/validation/csv.hpp"

#include "cupola/units/input_error.hpp"

#include <csv.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace cupola::validation {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 30;  ///< unpacked; a bomb ends here
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

[[noreturn]] void fail(const std::string& path, std::size_t line, std::string found, std::string expected,
                       std::string hint = {}) {
    const SourcePosition where{std::make_shared<const std::string>(path), static_cast<int>(line), 0};
    throw InputError({where, "", std::move(found), std::move(expected), std::move(hint)});
}

}  // namespace

/// Fills a table from what libcsv calls back.
class CsvReader {
public:
    explicit CsvReader(std::string path) : path_(std::move(path)) {}

    CsvTable read(std::string_view text) {
        if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
        while (!text.empty()) text = parse_up_to_an_error(text);
        if (table_.columns_.empty()) fail(path_, 0, "an empty file", "a line of column names and rows of cells");
        return std::move(table_);
    }

private:
    /// The library stops at a quote inside a cell: that row is left out, the next line begins afresh.
    std::string_view parse_up_to_an_error(std::string_view text) {
        csv_parser parser;
        if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0) fail_to_start();
        const std::unique_ptr<csv_parser, void (*)(csv_parser*)> owner(&parser, csv_free);
        const std::size_t parsed = csv_parse(&parser, text.data(), text.size(), on_cell, on_row, this);
        if (parsed == text.size()) {
            if (csv_fini(&parser, on_cell, on_row, this) != 0) {
                fail(path_, row_line_, "a quote that is never closed", "a closing quote", "a quote in a cell is \"\"");
            }
            return {};
        }
        if (csv_error(&parser) != CSV_EPARSE) fail(path_, line_, csv_strerror(csv_error(&parser)), "a readable file");
        if (table_.columns_.empty()) fail(path_, row_line_, "a quote inside a column's name", "quotes around names");
        drop_row("a quote inside a cell, expected quotes around the cell and doubled inside");
        const std::size_t end = text.find('\n', parsed);
        if (end == std::string_view::npos) return {};
        row_line_ = ++line_;
        return text.substr(end + 1);
    }

    [[noreturn]] void fail_to_start() const { fail(path_, 0, "no memory", "enough to parse it"); }

    static void on_cell(void* cell, std::size_t size, void* self) {
        static_cast<CsvReader*>(self)->add_cell({static_cast<const char*>(cell), size});
    }
    static void on_row(int terminator, void* self) { static_cast<CsvReader*>(self)->end_row(terminator); }

    void add_cell(std::string_view cell) {
        line_ += static_cast<std::size_t>(std::count(cell.begin(), cell.end(), '\n'));
        table_.text_ += cell;
        table_.ends_.push_back(table_.text_.size());
        ++cells_;
    }

    /// Also called for line breaks without a row before them: empty lines, the second character of "\r\n".
    void end_row(int terminator) {
        if (cells_ > 0) keep_row();
        if (terminator == '\n') ++line_;
        row_line_ = line_;
    }

    void keep_row() {
        if (table_.columns_.empty()) return keep_header();
        if (cells_ != table_.columns_.size()) {
            const std::string found = std::to_string(cells_) + (cells_ == 1 ? " cell" : " cells");
            return drop_row(found + ", expected " + std::to_string(table_.columns_.size()) + " as in the header");
        }
        table_.lines_.push_back(row_line_);
        cells_ = 0;
    }

    void keep_header() {
        std::size_t begin = 0;
        for (const std::size_t end : table_.ends_) {
            table_.columns_.push_back(table_.text_.substr(begin, end - begin));
            begin = end;
        }
        for (auto name = table_.columns_.begin(); name != table_.columns_.end(); ++name) {
            if (std::find(table_.columns_.begin(), name, *name) == name || name->empty()) continue;
            fail(path_, row_line_, "a second column \"" + *name + "\"", "each name once");
        }
        table_.text_.clear();
        table_.ends_.clear();
        cells_ = 0;
    }

    /// Takes back the cells of the row in hand and counts it under its reason's first row.
    void drop_row(const std::string& reason) {
        table_.ends_.resize(table_.ends_.size() - cells_);
        table_.text_.resize(table_.ends_.empty() ? 0 : table_.ends_.back());
        cells_ = 0;
        for (Skip& skip : table_.malformed_) {
            if (skip.reason != reason) continue;
            ++skip.rows;
            return;
        }
        table_.malformed_.push_back({reason, 1, row_line_});
    }

    std::string path_;
    CsvTable table_;
    std::size_t line_ = 1;      ///< where the parser stands
    std::size_t row_line_ = 1;  ///< where the row in hand began
    std::size_t cells_ = 0;     ///< of the row in hand
};

CsvTable parse_csv(std::string_view text, const std::string& path) { return CsvReader(path).read(text); }

std::string read_text(const std::string& path) {
    errno = 0;
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);  // plain files, too
    if (!file) fail(path, 0, std::strerror(errno), "a CSV file that can be read");
    std::string text;
    std::array<char, 1U << 16U> buffer{};
    for (int count; (count = gzread(file.get(), buffer.data(), buffer.size())) != 0;) {
        if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > most_bytes) fail(path, 0, "more than 1 GiB", "a smaller file");
        if (count < 0) break;
    }
    int error = Z_OK;
    const char* const message = gzerror(file.get(), &error);
    if (error == Z_ERRNO) fail(path, 0, std::strerror(errno), "a CSV file that can be read");
    if (error != Z_OK) fail(path, 0, message, "a CSV file, plain or whole in gzip", "the file may be cut off");
    return text;
}

CsvTable read_csv(const std::string& path) { return parse_csv(read_text(path), path); }

std::vector<std::size_t> line_starts(std::string_view text) {
    std::vector<std::size_t> starts{text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0};
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') starts.push_back(i + 1);
    }
    return starts;
}

std::vector<CellPosition> cell_positions(std::string_view row, std::size_t line) {
    CellPosition here{static_cast<int>(line), 1};
    std::vector<CellPosition> positions{here};
    bool quoted = false;
    for (const char c : row) {
        if (!quoted && (c == '\n' || c == '\r')) break;
        if (c == '"') quoted = !quoted;
        here = c == '\n' ? CellPosition{here.line + 1, 1} : CellPosition{here.line, here.column + 1};
        if (c == ',' && !quoted) positions.push_back(here);
    }
    return positions;
}

}  // namespace cupola::validation
