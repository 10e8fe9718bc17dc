// Effects: what a write changed, as deterministic commands that read nothing but the state they change ("SET k v PXAT
// t", never "SETEX"; "INCR k", but "SET k v KEEPTTL" for INCRBYFLOAT), in the words in which Redis propagates it. A
// write command reports each effect once, to the one sink; WATCH, client tracking, keyspace events, the durability log
// and replication listen to the sink, and no command calls them itself. RENAME, COPY and MOVE are effects of two keys,
// so that they stay O(1).
//
// Executor thread only. A listener must not run commands. Arguments are borrowed for the call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace chestbox {

struct Effect {
  uint32_t database;  // logical
  std::span<const std::string_view> command;
  // More than Redis tells its replicas, which do without: a replay of our own keeps it.
  bool beyond_redis = false;
};

class EffectListener {
 public:
  virtual ~EffectListener() = default;
  virtual void OnEffect(const Effect& effect) = 0;
  // What changes no state, but is to be heard wherever the effects go (PUBLISH).
  virtual void OnAnnouncement(uint32_t, std::span<const std::string_view>) {}
};

class EffectSink {
 public:
  void Report(uint32_t database, std::span<const std::string_view> command, bool beyond_redis = false) {
    ++reported_;
    for (EffectListener* listener : listeners_) listener->OnEffect({database, command, beyond_redis});
  }
  void Report(uint32_t database, std::initializer_list<std::string_view> command) {
    Report(database, std::span<const std::string_view>(command.begin(), command.size()));
  }
  void Announce(uint32_t database, std::initializer_list<std::string_view> command) {
    for (EffectListener* listener : listeners_) listener->OnAnnouncement(database, {command.begin(), command.size()});
  }
  // Listeners outlive the sink or remove themselves.
  void Add(EffectListener* listener) { listeners_.push_back(listener); }
  void Remove(EffectListener* listener) { std::erase(listeners_, listener); }

  uint64_t reported() const { return reported_; }  // INFO's rdb_changes_since_last_save counts from these

 private:
  std::vector<EffectListener*> listeners_;
  uint64_t reported_ = 0;
};

}  // namespace chestbox
