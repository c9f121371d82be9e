#include "cupola/config/data_files.hpp"
#include "cupola/config/load.hpp"
#include "cupola/config/node.hpp"
#include "cupola/cost/parameter_table.hpp"
#include "cupola/units/suggest.hpp"
#include "cupola/units/text.hpp"

#include <filesystem>
#include <limits>
#include <memory>

namespace cupola::config {
namespace {

constexpr const char* folder = "hwmodels/calibrated";
constexpr double longest_time = 1e6;     // seconds
constexpr double largest_log_ratio = 5;  // a measurement 150 times the prediction
constexpr double largest_size = 1e18;
constexpr std::int64_t most_rows = 1'000'000'000'000;

std::vector<std::string> parameter_names() {
    std::vector<std::string> names;
    for (const ParameterInfo& info : parameter_table()) names.emplace_back(info.name);
    return names;
}

KernelKind read_kind(const Node& node) {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> result;
        for (const KernelKind kind : all_kernel_kinds) result.emplace_back(name_of(kind));
        return result;
    }();
    return all_kernel_kinds[node.one_of(names)];
}

/// The attention kernel or memory pattern; other kinds have no variants.
std::string read_variant(const Node& map, KernelKind kind) {
    std::vector<std::string> names;
    if (kind == KernelKind::attention) {
        for (const AttentionKernel kernel : all_attention_kernels) names.emplace_back(name_of(kernel));
    }
    if (kind == KernelKind::memory) {
        for (const Pattern pattern : all_patterns) names.emplace_back(name_of(pattern));
    }
    if (names.empty()) {
        if (const auto variant = map.find("variant")) variant->fail(variant->description(), "no variant of this kind");
        return "";
    }
    return names[map.at("variant").one_of(names)];
}

DataType read_type(const Node& node) {
    if (const auto type = parse_data_type(node.text())) return *type;
    node.fail(node.description(), "one of " + std::string(data_type_names()));
}

std::size_t read_rows(const Node& node) { return static_cast<std::size_t>(node.integer(0, most_rows)); }

FittedParameter read_parameter(const Node::Entry& entry) {
    const ParameterInfo* info = find_parameter(entry.key);
    if (info == nullptr) {
        throw InputError({entry.key_position, entry.value.key_path(), "\"" + entry.key + "\"",
                          "a parameter of the cost model", suggestion(entry.key, parameter_names())});
    }
    const Node& map = entry.value;
    if (!map.is_map()) map.fail(map.description(), "{value: ..., standard_error: ..., pinned_by: ...}");
    map.allow_only({"value", "standard_error", "pinned_by"});
    FittedParameter result;
    result.name = entry.key;
    result.value = map.at("value").number(info->low, info->high);
    result.standard_error = map.at("standard_error").number(0, std::numeric_limits<double>::max());
    result.pinned_by = map.at("pinned_by").text();
    return result;
}

ErrorClass read_error(const Node& map) {
    map.allow_only({"kind", "variant", "type", "from", "to", "rows", "low", "high", "shared"});
    ErrorClass error;
    error.kind = read_kind(map.at("kind"));
    error.variant = read_variant(map, error.kind);
    error.type = read_type(map.at("type"));
    error.from = map.at("from").quantity(Seconds(0), Seconds(longest_time));
    error.to = map.at("to").quantity(error.from, Seconds(longest_time));
    error.rows = read_rows(map.at("rows"));
    error.low = map.at("low").number(-largest_log_ratio, largest_log_ratio);
    error.high = map.at("high").number(error.low, largest_log_ratio);
    error.shared = map.at("shared").number(0, 1);
    return error;
}

SizeRange read_range(const Node& map) {
    SizeRange range;
    range.kind = read_kind(map.at("kind"));
    range.variant = read_variant(map, range.kind);
    std::vector<std::string> keys{"kind", "variant", "type"};
    for (const std::string_view name : size_names(range.kind)) keys.emplace_back(name);
    map.allow_only(keys);
    range.type = read_type(map.at("type"));
    for (std::size_t i = 0; i < range.low.size(); ++i) {
        const Node pair = map.at(size_names(range.kind)[i]);
        const std::vector<Node> ends = pair.items();
        if (ends.size() != 2) pair.fail(pair.description(), "[least, greatest]");
        range.low[i] = ends[0].number(0, largest_size);
        range.high[i] = ends[1].number(range.low[i], largest_size);
    }
    return range;
}

/// "2026-11-21"
std::string read_date(const Node& node) {
    if (!is_date(node.text())) node.fail(node.description(), "a date such as 2026-11-21");
    return node.text();
}

std::string read_hash(const Node& node) {
    const std::string& text = node.text();
    if (text.size() != 16 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
        node.fail(node.description(), "16 hexadecimal digits");
    }
    return text;
}

UsedData read_data(const Node& map) {
    map.allow_only({"name", "file", "fnv1a", "train_rows", "test_rows"});
    return {map.at("name").text(), map.at("file").text(), read_hash(map.at("fnv1a")), read_rows(map.at("train_rows")),
            read_rows(map.at("test_rows"))};
}

LibraryCalibration read_library(const std::string& name, const Node& map) {
    if (!map.is_map()) map.fail(map.description(), "a map with the keys parameters, errors, ranges and data");
    map.allow_only({"parameters", "errors", "ranges", "data"});
    LibraryCalibration library;
    library.name = name;
    for (const Node::Entry& entry : map.at("parameters").entries()) library.parameters.push_back(read_parameter(entry));
    for (const Node& error : map.at("errors").items()) library.errors.push_back(read_error(error));
    for (const Node& range : map.at("ranges").items()) library.ranges.push_back(read_range(range));
    for (const Node& data : map.at("data").items()) library.data.push_back(read_data(data));
    return library;
}

}  // namespace

Calibration load_calibration_file(const std::string& path) {
    const Node root = read_yaml_file(path);
    root.allow_only({"gpu", "date", "command", "libraries"});
    Calibration calibration;
    calibration.gpu = root.at("gpu").text();
    calibration.date = read_date(root.at("date"));
    calibration.command = root.at("command").text();
    for (const Node::Entry& entry : root.at("libraries").entries()) {
        calibration.libraries.push_back(read_library(entry.key, entry.value));
    }
    return calibration;
}

std::optional<Calibration> load_calibration(const std::string& data, const std::string& gpu) {
    namespace fs = std::filesystem;
    const fs::path path = fs::path(data) / folder / (gpu + ".yaml");
    std::error_code error;
    if (gpu.empty() || gpu.find('/') != std::string::npos || !fs::exists(path, error)) return std::nullopt;
    Calibration calibration = load_calibration_file(path.string());
    if (calibration.gpu != gpu) {
        throw InputError({{std::make_shared<const std::string>(path.string()), 1, 1},
                          "gpu",
                          "\"" + calibration.gpu + "\"",
                          "\"" + gpu + "\", the name of the file",
                          ""});
    }
    return calibration;
}

LibraryCalibration load_general_errors(const std::string& data) {
    const auto file = load_calibration(data, "uncalibrated");
    return file && !file->libraries.empty() ? file->libraries.front() : LibraryCalibration{};
}

}  // namespace cupola::config
