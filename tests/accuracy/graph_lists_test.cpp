// Generated graphs against operator lists of the real PyTorch modules. Needs the reference data, see
// reference_list.hpp; without it each case says `skipped` and passes.
#include "cupola/config/load.hpp"
#include "entries.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <stdexcept>

using namespace cupola;
using namespace cupola::accuracy;

namespace {

struct Comparison {
    std::string list, workload, stage;
    config::Settings settings;
};

const std::vector<Comparison>& comparisons() {
    static const std::vector<Comparison> rows{
        {"sd15_unet", "stable-diffusion-1.5", "denoiser", {{"guidance", "1"}}},
        {"sdxl_unet", "sdxl", "denoiser", {{"guidance", "1"}}},
        {"sd_vae_decode", "stable-diffusion-1.5", "vae_decoder", {{"guidance", "1"}}},
        {"modelscope_t2v_256", "modelscope-t2v", "denoiser", {{"guidance", "1"}}},
    };
    return rows;
}

std::optional<std::string> reference_or_skip() {
    const auto directory = reference_directory();
    if (!directory) MESSAGE("skipped: no reference data (set CUPOLA_REFERENCE_DATA)");
    return directory;
}

Graph graph_of(const Comparison& row) {
    const Workload workload = config::load_workload(config::data_directory(""), row.workload, row.settings);
    for (const Stage& stage : workload.stages) {
        if (stage.name == row.stage) return stage.passes.at(0).graph;
    }
    throw std::runtime_error(row.workload + " has no stage " + row.stage);
}

/// The entries around `index`, one a line.
std::string context_of(const std::vector<Entry>& entries, std::size_t index) {
    std::string text;
    for (std::size_t i = index < 3 ? 0 : index - 3; i < std::min(index + 4, entries.size()); ++i) {
        text += (i == index ? "\n  > " : "\n    ") + entries[i].what + "   (" + entries[i].where + ")";
    }
    return text + (index >= entries.size() ? "\n  > (end)" : "");
}

struct CopyComparison {
    std::size_t matched = 0;
    std::vector<std::string> differences;
    std::map<std::string, int> hidden;  ///< copies that no list can show, by reason
    [[nodiscard]] double agreement() const {
        const double all = static_cast<double>(matched + differences.size());
        return all > 0 ? static_cast<double>(matched) / all : 1.0;
    }
};

/// Both sides are ordered by position; a copy matches one of the same size at the same position.
CopyComparison compare(const std::vector<Copy>& expected, std::vector<Copy> found) {
    CopyComparison result;
    const auto line = [](const std::string& side, const Copy& copy) {
        return side + ": copy of " + std::to_string(copy.elements) + " elements behind anchor " +
               std::to_string(copy.position) + " (" + copy.where + ")";
    };
    for (const Copy& copy : expected) {
        const auto same = std::find_if(found.begin(), found.end(), [&](const Copy& other) {
            return other.hidden.empty() && other.position == copy.position && other.elements == copy.elements;
        });
        if (same == found.end()) {
            result.differences.push_back(line("only in the list ", copy));
        } else {
            ++result.matched;
            found.erase(same);
        }
    }
    for (const Copy& copy : found) {
        if (copy.hidden.empty()) {
            result.differences.push_back(line("only in kernels  ", copy));
        } else {
            ++result.hidden[copy.hidden];
        }
    }
    return result;
}

}  // namespace

TEST_CASE("graphs have the operators of the real modules, in order and with their shapes") {
    const auto directory = reference_or_skip();
    if (!directory) return;
    for (const Comparison& row : comparisons()) {
        SUBCASE(row.list.c_str()) {
            const std::vector<Entry> expected = entries_of(read_list(*directory, row.list));
            const std::vector<Entry> found = entries_of(graph_of(row));
            const auto differ = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end(),
                                              [](const Entry& a, const Entry& b) { return a.what == b.what; });
            const auto index = static_cast<std::size_t>(differ.first - expected.begin());
            MESSAGE(row.list << ": " << index << " of " << expected.size() << " operators agree");
            INFO("operator ", index, " of ", expected.size(), " differs\nlist:", context_of(expected, index),
                 "\ngraph:", context_of(found, index));
            CHECK(index == expected.size());
            CHECK(found.size() == expected.size());
        }
    }
}

TEST_CASE("large copies stand where eager PyTorch makes them") {
    const auto directory = reference_or_skip();
    if (!directory) return;
    const Stack stack = config::load_stack(config::data_directory(""), "pytorch-eager-flash");
    for (const Comparison& row : comparisons()) {
        SUBCASE(row.list.c_str()) {
            const Graph graph = graph_of(row);
            const CopyComparison result = compare(copies_of(read_list(*directory, row.list)),
                                                  copies_of(graph, lower(graph, stack, Architecture::ampere)));
            for (const std::string& difference : result.differences) MESSAGE(row.list << " " << difference);
            for (const auto& [reason, count] : result.hidden) {
                MESSAGE(row.list << ": " << count << " copies more that no list can show: " << reason);
            }
            MESSAGE(row.list << ": " << result.matched << " copies agree, " << result.differences.size() << " differ");
            CHECK(result.agreement() >= 0.95);
        }
    }
}
