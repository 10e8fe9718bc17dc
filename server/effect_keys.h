// The keys of an effect: for listeners that keep something by key (blocked clients, WATCH, tracking).
//
// Executor thread only.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/command_table.h"
#include "server/effects.h"

namespace chestbox {

// Effects that change whole databases have no keys; they say so here.
enum class EffectReach { kKeys, kDatabase, kAllDatabases, kSwappedDatabases };

// Calls visit(database, key) for each key that the effect changes. Its row says where they are; names are Redis' own,
// whatever rename-command made of them.
template <class Visit>
EffectReach ForEachEffectKey(const CommandTable& commands, const Effect& effect, Visit&& visit) {
  const CommandSpec* spec = commands.FindOriginalLeaf(effect.command);
  if (spec == nullptr) return EffectReach::kKeys;
  if (spec->name == "flushdb") return EffectReach::kDatabase;
  if (spec->name == "flushall") return EffectReach::kAllDatabases;
  if (spec->name == "swapdb") return EffectReach::kSwappedDatabases;
  const int other = spec->other_database != nullptr ? spec->other_database(effect.command) : -1;
  ForEachKey(*spec, effect.command, [&](std::string_view key, uint32_t flags) {
    if ((flags & kKeyRO) != 0) return;                                    // COPY's source
    if (other < 0 || (flags & kKeyOW) == 0) visit(effect.database, key);  // COPY's target is in the other one only
    if (other >= 0) visit(static_cast<uint32_t>(other), key);
  });
  return EffectReach::kKeys;
}

}  // namespace chestbox
