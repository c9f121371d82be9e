#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace cupola::probe {

/// A results file that grows by whole lines. One that exists is continued: its rows stay, a last line that a killed
/// run left incomplete is cut off.
class Results {
public:
    /// Throws FatalError where the file cannot be opened, or was written with other columns.
    explicit Results(const std::string& path);
    ~Results();
    Results(const Results&) = delete;
    Results& operator=(const Results&) = delete;

    /// Texts of the cases with a row; only those with status ok where `retry`.
    std::set<std::string> done(bool retry) const;
    /// Adds a line. Throws FatalError where it cannot be written whole (a full disk); the file then ends before it.
    void append(const std::string& csv_line);

private:
    std::string path_;
    int file_ = -1;
    long long size_ = 0;
    std::vector<std::pair<std::string, std::string>> cases_;  // text, status
};

/// Median time by case of a results file, of the rows with status ok. Throws FatalError where it cannot be read.
std::map<std::string, double> medians(const std::string& path);

/// How far two runs agree: cases that both have, and how many of them differ by more than `tolerance`.
struct Agreement {
    std::size_t common = 0;
    std::vector<std::string> apart;  ///< lines of text, the worst first
};
Agreement agreement(const std::map<std::string, double>& a, const std::map<std::string, double>& b, double tolerance);

}  // namespace cupola::probe
