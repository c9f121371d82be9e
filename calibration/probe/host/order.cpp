#include "probe/host/order.hpp"

#include "probe/host/text.hpp"

namespace cupola::probe {

std::optional<std::vector<std::int64_t>> to_order(std::string_view text) {
    std::vector<std::int64_t> ids;
    for (const std::string& item : split(text, ',')) {
        const std::size_t dash = item.find('-');
        const auto first = to_integer(std::string_view(item).substr(0, dash));
        const auto last = dash == std::string::npos ? first : to_integer(std::string_view(item).substr(dash + 1));
        if (!first || !last || *first < 1 || *last < *first || *last > most_launches) return std::nullopt;
        if (*last - *first >= most_launches - static_cast<std::int64_t>(ids.size())) return std::nullopt;
        for (std::int64_t id = *first; id <= *last; ++id) ids.push_back(id);
    }
    return ids;
}

bool is_label(std::string_view text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    return !text.empty() && text.size() <= 100 && text.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace cupola::probe
