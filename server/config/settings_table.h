// All settings. A new one is one row in one of the *_settings.cc files (and a field in Config if it does something);
// loading, CONFIG GET, SET and REWRITE and the documentation follow from the row.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/config/setting.h"

namespace chestbox {

std::span<const Setting> ServerSettings();       // process, network, ChestBox's own
std::span<const Setting> KeyspaceSettings();     // memory, expiry, encodings, slow log, latency
std::span<const Setting> PersistenceSettings();  // accepted: RDB, AOF, process details
std::span<const Setting> ReplicationSettings();  // accepted: replication, cluster, TLS

// Every row, sorted by name.
const std::vector<const Setting*>& AllSettings();

struct FoundSetting {
  const Setting* setting = nullptr;  // nullptr: there is none of this name
  bool by_alias = false;
};
// By name or alias, in any case.
FoundSetting FindSetting(std::string_view name);

// Reasons to refuse values that only make sense together, or nullptr.
const char* CheckTogether(const Config& config);

}  // namespace chestbox
