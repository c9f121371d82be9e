#include "cupola/config/load.hpp"
#include "cupola/config/data_files.hpp"
#include "cupola/config/layer_reader.hpp"
#include "cupola/units/suggest.hpp"
#include "cupola/workload/expand.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace cupola::config {
namespace {

namespace fs = std::filesystem;

constexpr double any = 1e300;

/// Reads a workload file and the module files it uses into a descriptor.
class WorkloadReader {
public:
    explicit WorkloadReader(std::string data) : data_(std::move(data)), layers_(descriptor_) {}

    Descriptor read(const DataFile& file) {
        const Node root = read_yaml_file(file.path);
        root.allow_only({"name", "title", "status", "about", "sources", "uses", "parameters", "let", "modules",
                         "stages", "expect"});
        descriptor_.name = text_at(root, "name");
        if (!file.required_name.empty() && descriptor_.name != file.required_name) {
            root.at("name").fail("\"" + descriptor_.name + "\"",
                                 "\"" + file.required_name + "\", as the file is called");
        }
        descriptor_.title = optional_text(root, "title");
        descriptor_.about = optional_text(root, "about");
        read_status(root);
        for (const Node& source : root.at("sources").items()) descriptor_.sources.push_back(source.text());
        for (const char* axis : {"channels", "choice"}) (void)layers_.intern(axis);  // axes that layers make themselves
        declare_modules(root, fs::path(file.path).parent_path());
        read_module_layers();
        if (const auto parameters = root.find("parameters")) read_parameters(*parameters);
        if (const auto variables = root.find("let")) descriptor_.variables = layers_.read_bindings(*variables);
        read_stages(root.at("stages"));
        if (const auto expect = root.find("expect")) read_expectations(*expect);
        return std::move(descriptor_);
    }

private:
    static std::string text_at(const Node& map, std::string_view key) {
        const Node node = map.at(key);
        if (!node.is_scalar() || node.text().empty()) node.fail(node.description(), "a text");
        return node.text();
    }
    static std::string optional_text(const Node& map, std::string_view key) {
        return map.find(key) ? text_at(map, key) : std::string();
    }

    void read_status(const Node& root) {
        static const std::vector<std::string> states{"exact", "approximate"};
        const auto status = root.find("status");
        descriptor_.status = status ? states[status->one_of(states)] : "exact";
    }

    // ------------------------------------------------------------------------------------------ modules

    void declare_modules(const Node& root, const fs::path& folder) {
        if (const auto modules = root.find("modules")) {
            if (!modules->is_map()) modules->fail(modules->description(), "a map of modules");
            for (const auto& entry : modules->entries()) declare_module(entry);
        }
        if (const auto uses = root.find("uses")) {
            for (const Node& use : uses->items()) use_file(use, folder);
        }
    }

    /// `uses: [unet]` is modules/unet.yaml beside the file, or in the data directory's workloads, or unet.yaml beside
    /// the file; the last comes last because a workload may have the name of the modules it uses.
    void use_file(const Node& use, const fs::path& folder) {
        const std::string& name = use.text();
        const bool is_path = name.size() > 5 && name.ends_with(".yaml");
        const fs::path library = fs::path(data_) / "workloads" / "modules";
        std::vector<fs::path> places;
        if (is_path) {
            places = {folder / name};
        } else {
            places = {folder / "modules" / (name + ".yaml"), library / (name + ".yaml"), folder / (name + ".yaml")};
        }
        for (const fs::path& place : places) {
            std::error_code ignored;
            if (!fs::is_regular_file(place, ignored)) continue;
            if (!used_.insert(fs::weakly_canonical(place, ignored).string()).second) return;
            const Node root = read_yaml_file(place.string());
            root.allow_only({"about", "uses", "modules", "sources"});
            (void)root.at("modules");
            declare_modules(root, place.parent_path());
            return;
        }
        use.fail("\"" + name + "\"", "a module file beside this one or in workloads/modules",
                 suggestion(name, names_of_files(library)));
    }

    static std::vector<std::string> names_of_files(const fs::path& folder) {
        std::vector<std::string> names;
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored)) names.push_back(entry.path().stem().string());
        std::sort(names.begin(), names.end());
        return names;
    }

    void declare_module(const Node::Entry& entry) {
        entry.value.allow_only({"about", "arguments", "layers"});
        auto module = std::make_unique<Module>();
        module->name = entry.key;
        module->about = optional_text(entry.value, "about");
        if (const auto arguments = entry.value.find("arguments")) {
            if (!arguments->is_map()) arguments->fail(arguments->description(), "a map of arguments");
            for (const auto& argument : arguments->entries())
                module->arguments.push_back(read_module_argument(argument));
        }
        layers_.declare(*module, entry.key_position);
        pending_.emplace_back(module.get(), entry.value.at("layers"));
        descriptor_.modules.push_back(std::move(module));
    }

    ModuleArgument read_module_argument(const Node::Entry& entry) {
        static const std::vector<std::string> types{"int", "number", "bool", "name", "list", "tensor"};
        static const std::set<std::string> reserved{"name", "from", "to", "layers", "pop"};
        if (reserved.count(entry.key) != 0)
            entry.value.fail("the argument \"" + entry.key + "\"", "a name that is not reserved");
        ModuleArgument argument;
        argument.name = layers_.intern(entry.key);
        if (entry.value.is_scalar()) {
            argument.type = static_cast<ModuleArgument::Type>(entry.value.one_of(types));
            return argument;
        }
        entry.value.allow_only({"type", "default", "about"});
        if (const auto type = entry.value.find("type"))
            argument.type = static_cast<ModuleArgument::Type>(type->one_of(types));
        if (const auto fallback = entry.value.find("default")) {
            argument.fallback = layers_.read_expression(*fallback);
            if (argument.type == ModuleArgument::Type::tensor && fallback->text() != "none") {
                fallback->fail(fallback->description(), "none, the only default of a tensor");
            }
        }
        return argument;
    }

    /// After all modules are declared, so that they may call each other in any order.
    void read_module_layers() {
        for (const auto& [module, node] : pending_) module->layers = layers_.read_layers(node);
    }

    // ------------------------------------------------------------------------------------------ parameters

    void read_parameters(const Node& node) {
        if (!node.is_map()) node.fail(node.description(), "a map of parameters");
        for (const auto& entry : node.entries()) descriptor_.parameters.push_back(read_parameter(entry));
    }

    ParameterDescriptor read_parameter(const Node::Entry& entry) {
        const Node& node = entry.value;
        node.allow_only({"default", "min", "max", "multiple_of", "one_of", "unit", "about"});
        ParameterDescriptor parameter;
        parameter.name = layers_.intern(entry.key);
        parameter.where = entry.key_position;
        parameter.about = text_at(node, "about");
        parameter.unit = optional_text(node, "unit");
        const Node fallback = node.at("default");
        if (const auto choices = node.find("one_of")) {
            for (const Node& choice : choices->items()) parameter.one_of.push_back(choice.text());
            parameter.fallback = Datum(parameter.one_of[fallback.one_of(parameter.one_of)]);
            return parameter;
        }
        const std::string& text = fallback.text();
        if (text.find_first_not_of("-0123456789") == std::string::npos) {
            parameter.fallback = Datum(fallback.integer(-(std::int64_t{1} << 53), std::int64_t{1} << 53));
        } else {
            parameter.fallback = Datum(fallback.number(-any, any));
        }
        if (const auto min = node.find("min")) parameter.min = min->number(-any, any);
        if (const auto max = node.find("max")) parameter.max = max->number(-any, any);
        if (const auto multiple = node.find("multiple_of")) {
            if (parameter.fallback.integer() == nullptr) multiple->fail("multiple_of", "a whole number as default");
            parameter.multiple_of = multiple->integer(1, std::int64_t{1} << 30);
        }
        check_fallback(parameter, fallback);
        return parameter;
    }

    static void check_fallback(const ParameterDescriptor& parameter, const Node& node) {
        const double value = parameter.fallback.number();
        if ((parameter.min && value < *parameter.min) || (parameter.max && value > *parameter.max) ||
            (parameter.multiple_of && *parameter.fallback.integer() % *parameter.multiple_of != 0)) {
            node.fail(node.description(), "a default that the parameter's own range allows");
        }
    }

    // ------------------------------------------------------------------------------------------ stages

    void read_stages(const Node& node) {
        if (!node.is_sequence() || node.items().empty()) node.fail(node.description(), "a list of stages");
        std::set<std::string> names;
        for (const Node& item : node.items()) {
            if (!item.is_map() || item.entries().size() != 1) item.fail(item.description(), "one stage: `name: {…}`");
            const auto entry = item.entries().front();
            if (!names.insert(entry.key).second) item.fail("a second stage \"" + entry.key + "\"", "each name once");
            descriptor_.stages.push_back(read_stage(entry));
        }
    }

    StageDescriptor read_stage(const Node::Entry& entry) {
        const Node& node = entry.value;
        node.allow_only({"about", "component", "when", "repeat", "dtype", "let", "new_shapes", "syncs", "input",
                         "inputs", "layers"});
        StageDescriptor stage;
        stage.name = entry.key;
        stage.where = entry.key_position;
        stage.component = node.find("component") ? text_at(node, "component") : entry.key;
        if (const auto condition = node.find("when")) stage.condition = layers_.read_expression(*condition);
        if (const auto repeat = node.find("repeat")) stage.repeat = layers_.read_expression(*repeat);
        if (const auto fresh = node.find("new_shapes")) stage.new_shapes = fresh->boolean();
        if (const auto syncs = node.find("syncs")) stage.syncs = static_cast<int>(syncs->integer(0, 1000));
        if (const auto type = node.find("dtype")) stage.type = layers_.read_expression(*type);
        if (const auto variables = node.find("let")) stage.variables = layers_.read_bindings(*variables);
        if (const auto input = node.find("input")) stage.inputs.push_back(read_input(layers_.intern(""), *input));
        if (const auto inputs = node.find("inputs")) {
            if (!inputs->is_map()) inputs->fail(inputs->description(), "a map of named inputs");
            for (const auto& input : inputs->entries()) {
                stage.inputs.push_back(read_input(layers_.intern(input.key), input.value));
            }
        }
        stage.layers = layers_.read_layers(node.at("layers"));
        return stage;
    }

    StageInput read_input(NameId name, const Node& node) {
        StageInput input;
        input.name = name;
        input.where = node.position();
        if (node.is_scalar()) {
            input.from_stage = node.text();
            return input;
        }
        if (!node.is_map()) node.fail(node.description(), "axes with sizes, or the name of an earlier stage");
        const NameId type = layers_.intern("dtype");
        for (auto& [axis, expression] : layers_.read_bindings(node)) {
            if (axis == type) {
                input.type = expression;
            } else {
                input.axes.emplace_back(axis, expression);
            }
        }
        if (input.axes.empty()) node.fail(node.description(), "at least one axis");
        return input;
    }

    // ------------------------------------------------------------------------------------------ expected counts

    void read_expectations(const Node& node) {
        if (!node.is_map()) node.fail(node.description(), "a map of components");
        constexpr std::int64_t most = std::int64_t{1} << 53;
        for (const auto& entry : node.entries()) {
            entry.value.allow_only({"parameters", "macs", "at", "source"});
            Expectation expectation;
            expectation.component = entry.key;
            const bool known = std::any_of(descriptor_.stages.begin(), descriptor_.stages.end(),
                                           [&](const StageDescriptor& stage) { return stage.component == entry.key; });
            if (!known) entry.value.fail("the component \"" + entry.key + "\"", "a component of a stage");
            expectation.source = text_at(entry.value, "source");
            if (const auto count = entry.value.find("parameters")) expectation.parameters = count->integer(0, most);
            if (const auto macs = entry.value.find("macs")) {
                macs->allow_only({"conv", "linear", "attention"});
                const auto count = [&](std::string_view key) {
                    return static_cast<double>(macs->at(key).integer(0, most));
                };
                expectation.macs = MacCounts{count("conv"), count("linear"), count("attention")};
            }
            if (const auto at = entry.value.find("at")) {
                for (const auto& setting : at->entries())
                    expectation.at.emplace_back(setting.key, setting.value.text());
            }
            descriptor_.expectations.push_back(std::move(expectation));
        }
    }

    std::string data_;
    Descriptor descriptor_;
    LayerReader layers_;
    std::set<std::string> used_;
    std::vector<std::pair<Module*, Node>> pending_;
};

}  // namespace

Workload load_workload(const std::string& data, const std::string& name_or_path, const Settings& settings) {
    Descriptor descriptor = WorkloadReader(data).read(find_data_file(data, workload_files, name_or_path));
    return expand(descriptor, settings);
}

}  // namespace cupola::config
