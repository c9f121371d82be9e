#include "probe/host/results.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "probe/host/error.hpp"
#include "probe/host/row.hpp"
#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

std::size_t column_index(const std::string& column) {
    return static_cast<std::size_t>(std::find(columns().begin(), columns().end(), column) - columns().begin());
}

/// The whole of a file; empty where there is none.
std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return file ? text.str() : "";
}

/// Complete lines of a results file behind its header, as cells.
std::vector<std::vector<std::string>> rows_of(const std::string& text, const std::string& path) {
    std::vector<std::vector<std::string>> rows;
    const std::size_t end = text.rfind('\n');
    if (end == std::string::npos) return rows;
    auto lines = split(std::string_view(text).substr(0, end), '\n');
    if (lines.front() != csv_header()) {
        throw FatalError(path + ": its first line is not that of a results file of this version; choose another --out");
    }
    for (std::size_t i = 1; i < lines.size(); ++i) {
        auto cells = csv_cells(lines[i]);
        if (cells.size() == columns().size()) rows.push_back(std::move(cells));
    }
    return rows;
}

bool write_whole(int file, const std::string& text) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t step = ::write(file, text.data() + written, text.size() - written);
        if (step < 0 && errno == EINTR) continue;
        if (step <= 0) return false;
        written += static_cast<std::size_t>(step);
    }
    return true;
}

}  // namespace

Results::Results(const std::string& path) : path_(path) {
    const std::string text = contents(path);
    for (const auto& cells : rows_of(text, path)) {
        cases_.emplace_back(cells[column_index("case")], cells[column_index("status")]);
    }
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file_ < 0) throw FatalError(path + ": cannot be opened for writing: " + std::strerror(errno));
    const std::size_t end = text.rfind('\n');
    size_ = end == std::string::npos ? 0 : static_cast<long long>(end + 1);
    if (static_cast<std::size_t>(size_) < text.size() && ::ftruncate(file_, size_) != 0) {
        throw FatalError(path + ": its incomplete last line cannot be cut off: " + std::strerror(errno));
    }
    if (size_ == 0) append(csv_header());
}

Results::~Results() {
    if (file_ >= 0) ::close(file_);
}

std::set<std::string> Results::done(bool retry) const {
    std::set<std::string> texts;
    for (const auto& [text, status] : cases_) {
        if (!retry || status == "ok") texts.insert(text);
    }
    return texts;
}

void Results::append(const std::string& csv_line) {
    if (!write_whole(file_, csv_line + "\n")) {
        const std::string reason = std::strerror(errno);
        // the rows before it stay readable
        const bool is_cut = ::ftruncate(file_, size_) == 0;
        throw FatalError(path_ + ": cannot be written: " + reason + (is_cut ? "; the rows before stay" : "") +
                         ". Make room and run the same command again: it continues");
    }
    size_ += static_cast<long long>(csv_line.size()) + 1;
}

std::map<std::string, double> medians(const std::string& path) {
    const std::string text = contents(path);
    if (text.empty()) throw FatalError(path + ": cannot be read, or is empty");
    std::map<std::string, double> medians;
    for (const auto& cells : rows_of(text, path)) {
        const auto median = to_real(cells[column_index("median_s")]);
        if (cells[column_index("status")] == "ok" && median) medians[cells[column_index("case")]] = *median;
    }
    return medians;
}

Agreement agreement(const std::map<std::string, double>& a, const std::map<std::string, double>& b, double tolerance) {
    Agreement result;
    std::vector<std::pair<double, std::string>> apart;
    for (const auto& [text, first] : a) {
        const auto second = b.find(text);
        if (second == b.end()) continue;
        ++result.common;
        const double difference = second->second / first - 1;
        if (std::abs(difference) > tolerance) apart.emplace_back(difference, text);
    }
    std::sort(apart.begin(), apart.end(),
              [](const auto& x, const auto& y) { return std::abs(x.first) > std::abs(y.first); });
    for (const auto& [difference, text] : apart) {
        char percent[32];
        std::snprintf(percent, sizeof percent, "%+7.1f %%  ", difference * 100);
        result.apart.push_back(percent + text);
    }
    return result;
}

}  // namespace cupola::probe
