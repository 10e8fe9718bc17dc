#include "server/config/settings_table.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "protocol/check.h"
#include "server/config/config_text.h"

namespace chestbox {

const std::vector<const Setting*>& AllSettings() {
  static const std::vector<const Setting*> all = [] {
    std::vector<const Setting*> rows;
    for (auto group : {ServerSettings(), KeyspaceSettings(), PersistenceSettings(), ReplicationSettings()}) {
      for (const Setting& setting : group) rows.push_back(&setting);
    }
    std::ranges::sort(rows, {}, [](const Setting* setting) { return setting->name(); });
    return rows;
  }();
  return all;
}

FoundSetting FindSetting(std::string_view name) {
  static const std::unordered_map<std::string_view, FoundSetting> by_name = [] {
    std::unordered_map<std::string_view, FoundSetting> names;
    for (const Setting* setting : AllSettings()) {
      CHECK(names.emplace(setting->name(), FoundSetting{setting, false}).second);
      std::string_view alias = setting->names.alias;
      if (!alias.empty()) CHECK(names.emplace(alias, FoundSetting{setting, true}).second);
    }
    return names;
  }();
  auto found = by_name.find(ToLower(name));
  return found == by_name.end() ? FoundSetting{} : found->second;
}

const char* CheckTogether(const Config& config) {
  if (config.swap_low_watermark_percent >= config.swap_high_watermark_percent) {
    return "swap-low-watermark-percent must be below swap-high-watermark-percent";
  }
  return nullptr;
}

}  // namespace chestbox
