#include "server/watched_keys.h"

#include <algorithm>
#include <utility>

#include "server/client.h"
#include "server/commands/command_parser.h"
#include "server/commands/number_parsing.h"
#include "server/effect_keys.h"
#include "server/server.h"
#include "server/swapper.h"

namespace chestbox {

WatchedKeys::WatchedKeys(Server& server) : server_(server) { server_.effects().Add(this); }
WatchedKeys::~WatchedKeys() { server_.effects().Remove(this); }

void WatchedKeys::Watch(Client& client, uint32_t database, std::string_view key) {
  // Looking deletes what has expired, and that effect is over before the watch begins.
  const bool missing = !server_.keys().Exists(database, key);
  std::list<WatchedKey>& watches = watches_[StateName(database, key)];
  if (std::any_of(watches.begin(), watches.end(), [&](const WatchedKey& other) { return other.client == &client; })) {
    return;
  }
  watches.push_back({&client, database, std::string(key), missing});
  if (client.watches == nullptr) client.watches = std::make_unique<ClientWatches>();
  client.watches->keys.push_back(std::prev(watches.end()));
}

void WatchedKeys::Unwatch(Client& client) {
  Forget(client);
  client.watch_failed = false;
}

void WatchedKeys::Forget(Client& client) {
  if (client.watches == nullptr) return;
  for (const auto& at : client.watches->keys) {
    const auto found = watches_.find(StateName(at->database, at->key));
    found->second.erase(at);
    if (found->second.empty()) watches_.erase(found);
  }
  client.watches.reset();
}

bool WatchedKeys::AnyExpired(const Client& client) const {
  if (client.watches == nullptr) return false;
  return std::any_of(client.watches->keys.begin(), client.watches->keys.end(),
                     [&](const auto& at) { return !at->missing && !server_.keys().MayLive(at->database, at->key); });
}

void WatchedKeys::Touch(const Effect& effect) {
  std::vector<Client*> touched;
  const bool deletes = EqualIgnoringCase(effect.command[0], "del");
  const EffectReach reach = ForEachEffectKey(server_.commands(), effect, [&](uint32_t database, std::string_view key) {
    const auto found = watches_.find(StateName(database, key));
    if (found == watches_.end()) return;
    for (const WatchedKey& watch : found->second) {
      if (!(deletes && watch.missing)) touched.push_back(watch.client);
    }
  });
  if (reach == EffectReach::kDatabase) CollectDatabase(effect.database, false, &touched);
  for (uint32_t database = 0; reach == EffectReach::kAllDatabases && database < shm::kDatabases; ++database) {
    CollectDatabase(database, false, &touched);
  }
  for (size_t i = 1; reach == EffectReach::kSwappedDatabases && i <= 2; ++i) {
    if (auto database = IntegerArgument(effect.command[i])) {
      CollectDatabase(static_cast<uint32_t>(*database), true, &touched);
    }
  }
  for (Client* client : touched) {
    client->watch_failed = true;
    Forget(*client);
  }
}

// The effect is reported afterwards: a watch that did not miss its key says that it was there before.
void WatchedKeys::CollectDatabase(uint32_t database, bool swapped, std::vector<Client*>* touched) const {
  for (const auto& [name, watches] : watches_) {
    for (const WatchedKey& watch : watches) {
      if (watch.database != database) continue;
      const bool appears = swapped && server_.keys().MayLive(database, watch.key);
      if (!watch.missing || appears) touched->push_back(watch.client);
    }
  }
}

}  // namespace chestbox
