// Swapper, the part that says what is known of states that are not in memory, and deletes them, without bringing them
// in.
#include <algorithm>
#include <utility>

#include "protocol/check.h"
#include "server/server.h"
#include "server/store_thread.h"
#include "server/swapper.h"
#include "server/types/object_codec.h"

namespace chestbox {

using shm::kEntryLive;

// Not where the index is not filled yet, where there may be no entry to replace or delete; not while the record that is
// in the store counts no more; and not while it is being loaded: a load that ends after its key was deleted, made anew
// and swapped out again could not tell.
bool Swapper::MayLook(uint32_t physical, const StateKey& item) const {
  const std::string name = StateName(physical, item.key);
  return !IsUnfilled(physical, shm::PositionOf(keys_.HashOf(item.key))) && !erasing_.contains(name) &&
         !loads_.contains(name);
}

void Swapper::KeepHead(const std::string& name, const swap::StateAttributes& attributes) {
  const int64_t expire_at_ms = attributes.expire_at_ms == swap::kNoExpiry ? kNoExpiry : attributes.expire_at_ms;
  heads_.insert_or_assign(name, Head{TypeOfObject(attributes.type), expire_at_ms});
}

bool Swapper::LookAtOnce(const std::vector<StateKey>& keys) {
  if (!WaitsForNoThread() || loads_at_once_ + keys.size() > kLoadsAtOnceMax) return false;
  loads_at_once_ += keys.size();
  for (const StateKey& item : keys) {
    const uint32_t physical = keys_.Physical(item.database);
    std::optional<swap::StateAttributes> attributes;
    if (MayLook(physical, item)) {
      attributes = store_->AttributesFromMemory(
          {static_cast<uint8_t>(physical), shm::PositionOf(keys_.HashOf(item.key)), item.key});
    }
    if (!attributes) {
      ForgetHeads();
      return false;
    }
    KeepHead(StateName(physical, item.key), *attributes);
  }
  return true;
}

void Swapper::Look(const std::vector<StateKey>& keys, Done done) {
  struct Asked {
    uint8_t physical;
    uint64_t position;
  };
  auto look = std::make_shared<HeadLook>();
  std::vector<Asked> asked;
  for (const StateKey& item : keys) {
    const uint32_t physical = keys_.Physical(item.database);
    if (!MayLook(physical, item)) continue;
    asked.push_back({static_cast<uint8_t>(physical), shm::PositionOf(keys_.HashOf(item.key))});
    look->names.push_back(StateName(physical, item.key));
  }
  looks_.push_back(look);
  Ask(*reader_, [this, look, asked = std::move(asked), done = std::move(done)] {
    auto found = std::make_shared<std::vector<std::optional<swap::StateAttributes>>>();
    Result<void> outcome;
    for (size_t i = 0; i < asked.size() && outcome; ++i) {
      const std::string_view key = std::string_view(look->names[i]).substr(1);
      auto attributes = store_->LoadAttributes({asked[i].physical, asked[i].position, key});
      if (attributes) {
        found->push_back(*attributes);
      } else {
        outcome = attributes.error();
      }
    }
    host_.Post([this, look, found, outcome, done] { FinishLook(look, *found, outcome, done); });
  });
}

void Swapper::FinishLook(const LookPtr& look, const std::vector<std::optional<swap::StateAttributes>>& found,
                         const Result<void>& outcome, const Done& done) {
  std::erase(looks_, look);
  if (outcome && !look->stale) {
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i]) KeepHead(look->names[i], *found[i]);
    }
  }
  done(outcome);
  ForgetHeads();
}

// What was deleted or left memory since a look began is not as that look may have found it.
void Swapper::SpoilLooks(uint32_t physical, std::string_view key) {
  if (looks_.empty()) return;
  const std::string name = StateName(physical, key);
  for (const LookPtr& look : looks_) {
    look->stale = look->stale || std::find(look->names.begin(), look->names.end(), name) != look->names.end();
  }
}

// ---- Within the command ----

Swapper::Head* Swapper::KnownHead(uint32_t database, std::string_view key) {
  if (heads_.empty()) return nullptr;
  const uint32_t physical = keys_.Physical(database);
  const auto found = heads_.find(StateName(physical, key));
  if (found == heads_.end() || loads_.contains(found->first)) return nullptr;
  const shm::SlotRef ref = keys_.index(physical).Find(key, keys_.HashOf(key));
  return ref && (ref.entry & kEntryLive) != 0 ? nullptr : &found->second;
}

bool Swapper::KnowsAll(const std::vector<StateKey>& keys) {
  return std::all_of(keys.begin(), keys.end(),
                     [this](const StateKey& item) { return KnownHead(item.database, item.key) != nullptr; });
}

std::optional<bool> Swapper::IsOut(uint32_t physical, std::string_view key) const {
  const auto found = heads_.find(StateName(physical, key));
  if (found == heads_.end()) return std::nullopt;
  return found->second.exists;
}

void Swapper::EraseOut(uint32_t database, std::string_view key, bool expired) {
  Head* head = KnownHead(database, key);
  CHECK(head != nullptr && head->exists);
  head->exists = false;
  const uint32_t physical = keys_.Physical(database);
  const uint64_t hash = keys_.HashOf(key);
  const shm::SlotRef ref = keys_.index(physical).Find(key, hash);
  CHECK(ref);
  keys_.EraseSwappedOut(physical, ref, hash);
  if (expired) keys_.ReportExpired(physical, key);
  QueueErase(physical, hash, key);
}

}  // namespace chestbox
