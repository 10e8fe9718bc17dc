// FieldExpiries: which hashes have fields that expire, and when to look at them again, so that the cron erases fields
// that nobody asks for. Learns from effects; what it misses, or what moves away, is erased when it is met (HashType).
// Nothing here is needed for a right answer.
//
// Executor thread only.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "server/effects.h"

namespace chestbox {

class Server;

class FieldExpiries : public EffectListener {
 public:
  // `server` outlives this.
  explicit FieldExpiries(Server& server) : server_(server) {}

  // A hash with fields that expire has come to be: look at it at `at_ms` or before.
  void Note(uint32_t database, std::string_view key, int64_t at_ms);
  void OnEffect(const Effect& effect) override;
  // Erases what has expired, for about `budget_us`.
  void Step(int64_t budget_us);
  size_t hashes() const { return at_ms_.size(); }

 private:
  void NoteWhatIsAt(uint32_t database, std::string_view key);

  Server& server_;
  // A name is the physical database, one byte, and the key. Names of hashes that are gone stay until they are due.
  std::unordered_map<std::string, int64_t> at_ms_;
  std::set<std::pair<int64_t, std::string>> due_;
};

}  // namespace chestbox
