// Generated graphs against operator lists of the real PyTorch modules. Needs the reference data, see
// reference_list.hpp; without it each case says `skipped` and passes.
#include "comparison.hpp"
#include "cupola/config/load.hpp"
#include "list_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <stdexcept>

using namespace cupola;
using namespace cupola::accuracy;

namespace {

std::optional<std::string> reference_or_skip() {
    auto directory = reference_directory();
    if (!directory) MESSAGE("skipped: no reference data (set CUPOLA_REFERENCE_DATA)");
    return directory;
}

Graph graph_of(const ListedStage& row) {
    const Workload workload = config::load_workload(config::data_directory(""), row.workload, row.settings);
    for (const Stage& stage : workload.stages) {
        if (stage.name == row.stage) return stage.passes.at(0).graph;
    }
    throw std::runtime_error(row.workload + " has no stage " + row.stage);
}

/// Prints what agrees in another form than one operator for another in the same place.
void print_regrouped(const std::string& list, const Agreement& agreement, std::int64_t single_cats) {
    const auto print = [&](std::int64_t count, const std::string& what) {
        if (count > 0) MESSAGE(list << ": " << count << " " << what);
    };
    print(static_cast<std::int64_t>(agreement.light_moved),
          "agree in another order: nothing between their two places needs them");
    print(static_cast<std::int64_t>(agreement.regrouped),
          "cats of several parts stand as one of the last part and the rest, which moves the same bytes");
    print(single_cats, "cats of one tensor are copies and not compared");
}

/// Prints each kind of difference once; how many are not explained.
std::size_t report(const std::string& list, const Agreement& agreement) {
    std::map<std::string, int> explained;
    std::vector<std::string> unexplained;
    for (const std::string& difference : agreement.differences) {
        const std::string reason = reason_of(list, difference);
        if (reason.empty()) {
            unexplained.push_back(difference);
        } else {
            ++explained[reason];
        }
    }
    for (const auto& [reason, count] : explained) MESSAGE(list << ": " << count << " differ because " << reason);
    for (std::size_t i = 0; i < std::min<std::size_t>(unexplained.size(), 8); ++i) {
        MESSAGE(list << " unexplained: " << unexplained[i]);
    }
    return unexplained.size();
}

/// The stages of whose graphs the copies are compared as well.
std::vector<ListedStage> stages_with_copies() {
    std::vector<ListedStage> stages;
    for (const ListedStage& row : listed_stages()) {
        for (const std::string list : {"sd15_unet", "sdxl_unet", "sd_vae_decode", "modelscope_t2v_256"}) {
            if (row.list == list) stages.push_back(row);
        }
    }
    return stages;
}

}  // namespace

TEST_CASE("every operator list has its workload") {
    const auto directory = reference_or_skip();
    if (!directory) return;
    std::size_t pending = 0;
    for (const auto& file : std::filesystem::directory_iterator(*directory + "/graphs")) {
        const std::string name = file.path().filename().string();
        const std::string list = name.substr(0, name.find('.'));
        const auto& rows = listed_stages();
        const bool listed = std::any_of(rows.begin(), rows.end(), [&](const ListedStage& r) { return r.list == list; });
        const auto& waiting = pending_lists();
        const bool waits = std::find(waiting.begin(), waiting.end(), list) != waiting.end();
        if (waits) MESSAGE(list << ": no workload yet");
        pending += waits ? 1 : 0;
        CAPTURE(list);
        CHECK(listed != waits);
    }
    CHECK(pending == pending_lists().size());
}

TEST_CASE("graphs have the operators of the real modules, in order and with their shapes") {
    const auto directory = reference_or_skip();
    if (!directory) return;
    for (const ListedStage& row : listed_stages()) {
        SUBCASE(row.list.c_str()) {
            const std::vector<ListRow> list = without_repeated_modules(read_list(*directory, row.list), row.list);
            const Graph graph = graph_of(row);
            const Agreement agreement = compare(entries_of(list), entries_of(graph));
            const MacCounts expected = count_macs(list), found = count_macs(graph);
            MESSAGE(row.list << ": " << agreement.heavy_agreed + agreement.light_agreed << " of "
                             << agreement.heavy_total + agreement.light_total << " operators agree ("
                             << agreement.heavy_agreed << " of " << agreement.heavy_total
                             << " convolutions, linear layers, attentions)");
            print_regrouped(row.list, agreement, count_single_cats(list));
            const std::size_t unexplained = report(row.list, agreement);
            INFO("first difference of ", row.workload, "\n", agreement.first_difference);
            CHECK(agreement.heavy_agreed == agreement.heavy_total);
            CHECK(agreement.light_share() >= 0.98);
            CHECK(unexplained == 0);
            CHECK(found.conv == expected.conv);
            CHECK(found.linear == expected.linear);
            CHECK(found.attention == expected.attention);
        }
    }
}

TEST_CASE("large copies stand where eager PyTorch makes them") {
    const auto directory = reference_or_skip();
    if (!directory) return;
    const Stack stack = config::load_stack(config::data_directory(""), "pytorch-eager-flash");
    for (const ListedStage& row : stages_with_copies()) {
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
