#include "cupola/report/levers.hpp"

#include "cupola/report/json.hpp"

#include <sstream>
#include <vector>

namespace cupola {
namespace {

/// "name=value"; just the name of a lever that is on or off.
std::string usage(const Lever& lever) {
    return std::string(lever.name) + (lever.value.empty() ? "" : "=" + std::string(lever.value));
}

std::string paragraph(const std::string& text, const TextStyle& style) {
    std::vector<std::string> words;
    std::istringstream stream(text);
    for (std::string word; stream >> word;) words.push_back(word);
    return "    " + wrapped(words, style.width, 4) + "\n";
}

}  // namespace

std::string levers_text(std::span<const Lever> levers, const TextStyle& style) {
    std::string text;
    for (const Lever& lever : levers) {
        text += painted(style, Paint::bold, usage(lever)) + "\n";
        text += paragraph(std::string(lever.mechanism), style);
        text +=
            paragraph("Source: " + std::string(lever.source) + ". Holds for: " + std::string(lever.validity), style);
    }
    return text;
}

std::string levers_json(std::span<const Lever> levers) {
    json list = json::array();
    for (const Lever& lever : levers) {
        list.push_back({{"name", lever.name},
                        {"value", lever.value},
                        {"mechanism", lever.mechanism},
                        {"source", lever.source},
                        {"validity", lever.validity},
                        {"decides", lever.decides}});
    }
    return list.dump(2) + "\n";
}

}  // namespace cupola
