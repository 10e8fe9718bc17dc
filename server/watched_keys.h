// WatchedKeys: WATCH. A change of a watched key, as the effect sink reports it, fails the next EXEC of its watchers.
//
// Invariants
// - Executor thread only.
// - Keys are of logical databases: SWAPDB changes what is watched, if it is there before or after.
// - A client whose EXEC will fail watches nothing any more: nothing could make it fail more.
// - What was expired or missing when WATCH looked may go on being missing: a DEL of it changes nothing.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/effects.h"

namespace chestbox {

class Server;
struct Client;

struct WatchedKey {
  Client* client;
  uint32_t database;
  std::string key;
  bool missing;  // … when WATCH looked, and since: else the client was touched
};

// A client's watched keys. Owned by the Client.
struct ClientWatches {
  std::vector<std::list<WatchedKey>::iterator> keys;
};

class WatchedKeys final : public EffectListener {
 public:
  explicit WatchedKeys(Server& server);
  ~WatchedKeys() override;

  // The key is in memory (the dispatcher has loaded it).
  void Watch(Client& client, uint32_t database, std::string_view key);
  // UNWATCH, DISCARD, EXEC, and the end of a session. Clears Client::watch_failed as well.
  void Unwatch(Client& client);
  // For EXEC: a key that has expired since WATCH fails it, though nobody may have met and deleted it.
  bool AnyExpired(const Client& client) const;

  void OnEffect(const Effect& effect) override {
    if (!watches_.empty()) [[unlikely]]
      Touch(effect);
  }

 private:
  void Touch(const Effect& effect);
  void Forget(Client& client);
  void CollectDatabase(uint32_t database, bool swapped, std::vector<Client*>* touched) const;

  Server& server_;
  std::unordered_map<std::string, std::list<WatchedKey>> watches_;  // by StateName of the logical database
};

}  // namespace chestbox
