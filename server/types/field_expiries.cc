#include "server/types/field_expiries.h"

#include <chrono>

#include "protocol/canonical_integer.h"
#include "server/server.h"
#include "server/swapper.h"
#include "server/types/hash_type.h"

namespace chestbox {

void FieldExpiries::Note(uint32_t database, std::string_view key, int64_t at_ms) {
  std::string name(1, static_cast<char>(server_.keys().Physical(database)));
  name.append(key);
  const auto [known, is_new] = at_ms_.try_emplace(name, at_ms);
  if (!is_new) {
    if (known->second <= at_ms) return;
    due_.erase({known->second, name});
    known->second = at_ms;
  }
  due_.emplace(at_ms, std::move(name));
}

void FieldExpiries::NoteWhatIsAt(uint32_t database, std::string_view key) {
  Keyspace& keys = server_.keys();
  const std::optional<StateRef> state = keys.FindState(database, key, Look::kPeek);
  if (!state || state->type() != ValueType::kHash) return;
  const shm::DirectNodes nodes(keys.memory());
  const shm::HashReader<const shm::DirectNodes> reader(nodes, state->encoding(), state->bytes(), 0);
  if (reader.expire_at_ms_min() != shm::kRowNeverExpires) Note(database, key, reader.expire_at_ms_min());
}

void FieldExpiries::OnEffect(const Effect& effect) {
  const std::string_view name = effect.command[0];
  if (name == "HPEXPIREAT" || name == "HSETEX") {
    const std::string_view at = name == "HSETEX" ? effect.command[3] : effect.command[2];
    if (const std::optional<int64_t> at_ms = ParseInteger(at)) Note(effect.database, effect.command[1], *at_ms);
  } else if (name == "RENAME") {
    NoteWhatIsAt(effect.database, effect.command[2]);
  } else if (name == "MOVE" || name == "COPY") {
    const bool copies = name == "COPY";
    const std::string_view database = copies ? effect.command[4] : effect.command[2];
    if (const std::optional<int64_t> other = ParseInteger(database)) {
      NoteWhatIsAt(static_cast<uint32_t>(*other), copies ? effect.command[2] : effect.command[1]);
    }
  } else if (name == "RESTORE") {
    NoteWhatIsAt(effect.database, effect.command[1]);
  }
}

void FieldExpiries::Step(int64_t budget_us) {
  const int64_t now_ms = server_.keys().now_ms();
  if (due_.empty() || due_.begin()->first > now_ms) return;
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(budget_us);
  Keyspace& keys = server_.keys();
  while (!due_.empty() && due_.begin()->first <= now_ms && std::chrono::steady_clock::now() < end) {
    const std::string name = due_.begin()->second;
    due_.erase(due_.begin());
    at_ms_.erase(name);
    const std::string_view key = std::string_view(name).substr(1);
    uint32_t database = 0;
    while (keys.Physical(database) != static_cast<uint8_t>(name[0])) ++database;
    if (server_.swapper() != nullptr && !server_.swapper()->InMemory(database, key)) continue;
    const int64_t next_ms = HashType::EraseExpired(server_.effects(), keys, database, key);
    if (next_ms != kNoExpiry) Note(database, key, next_ms);
    keys.FinishCommand();
  }
}

}  // namespace chestbox
