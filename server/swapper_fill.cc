// Swapper, the part that works without being asked: the index fill after a start, and expiry of states that are not in
// memory.
#include <utility>

#include "server/log.h"
#include "server/server.h"
#include "server/store_thread.h"
#include "server/swapper.h"
#include "server/types/object_codec.h"

namespace chestbox {

using shm::kEntryClean;
using shm::kEntryLive;
using shm::kEntryStored;

namespace {

// Entries added to an index in one turn of the executor: about 100 us.
constexpr size_t kFillStates = 512;
// Expired states looked at in one turn, and how often all databases are asked for more.
constexpr size_t kExpiredStates = 128;
constexpr int64_t kExpireIntervalMs = 500;

}  // namespace

// ---- The index fill ----

void Swapper::Start() {
  bool any = false;
  for (uint32_t i = 0; i < shm::kDatabases; ++i) {
    const uint64_t states = store_->Count(static_cast<uint8_t>(i));
    if (states == 0) continue;
    any = true;
    keys_.index(i).header().complete.store(0, std::memory_order_relaxed);  // no reader yet
    keys_.AddUnindexed(i, static_cast<int64_t>(states),
                       static_cast<int64_t>(store_->ExpiryCount(static_cast<uint8_t>(i))));
  }
  if (!any) return;
  fill_database_ = 0;
  fill_position_ = 0;
  host_.Post([this] { FillStep(); });
}

void Swapper::MarkComplete(uint32_t physical) {
  settled_[physical].clear();
  // Release: pairs with the fence in Validate; a reader that sees 1 and finds nothing has seen every entry of the fill,
  // or its bucket's version changed.
  keys_.index(physical).header().complete.store(1, std::memory_order_release);
}

void Swapper::FillStep() {
  while (fill_database_ < shm::kDatabases &&
         keys_.index(fill_database_).header().complete.load(std::memory_order_relaxed) == 1) {
    ++fill_database_;
    fill_position_ = 0;
  }
  if (fill_database_ >= shm::kDatabases) {
    LogNotice("The index is complete");
    return;
  }
  const uint32_t physical = fill_database_;
  const uint64_t generation = generation_[physical];
  Ask(*lister_, [this, physical, generation, position = fill_position_] {
    auto page = std::make_shared<Result<swap::ScanPage>>(
        store_->Scan(static_cast<uint8_t>(physical), position, ~uint64_t{0}, kFillStates));
    host_.Post([this, physical, generation, page] { FinishFill(physical, generation, std::move(*page)); });
  });
}

void Swapper::FinishFill(uint32_t physical, uint64_t generation, Result<swap::ScanPage> page) {
  if (generation != generation_[physical]) {  // flushed: complete
    FillStep();
    return;
  }
  if (!page) {
    LogWarning("Reading names for the index: " + page.error().message);
    fill_stalled_ = true;
    return;
  }
  shm::IndexWriter& index = keys_.index(physical);
  for (const swap::StateName& state : page->states) {
    if (settled_[physical].contains(StateName(physical, state.key))) continue;  // deleted since the start
    const uint64_t hash = shm::PositionOf(state.position);                      // reversing is its own inverse
    const shm::SlotRef ref = index.Find(state.key, hash);
    if (ref && (ref.entry & kEntryLive) != 0) continue;  // loaded before the fill came by
    const bool expires = state.attributes.expire_at_ms != swap::kNoExpiry;
    const uint64_t entry = shm::kEntrySwapped | kEntryStored | shm::EntryTypeBits(TypeOfObject(state.attributes.type)) |
                           (expires ? shm::kEntryExpires : 0) | (hash & 0x0000'ffff'ffff'ffff);
    if (!index.Insert(hash, entry, shm::kNeverMs)) {
      LogWarning("Out of memory while the index is filled; it is tried again");
      fill_position_ = state.position;
      fill_stalled_ = true;
      keys_.FinishCommand();
      return;
    }
    keys_.AddUnindexed(physical, -1, expires ? -1 : 0);
  }
  keys_.FinishCommand();
  if (page->next_position) {
    fill_position_ = *page->next_position;
  } else {
    MarkComplete(physical);
  }
  FillStep();
}

// ---- Expiry in the store ----

// Asks the next database that has expiring states, of `databases_left`.
void Swapper::ExpireStored(uint32_t databases_left) {
  while (databases_left > 0 && store_->ExpiryCount(static_cast<uint8_t>(expire_database_)) == 0) {
    expire_database_ = (expire_database_ + 1) % shm::kDatabases;
    --databases_left;
  }
  if (databases_left == 0) {
    expire_at_ms_ = keys_.now_ms() + kExpireIntervalMs;
    return;
  }
  expiring_ = true;
  const uint32_t physical = expire_database_;
  Ask(*lister_, [this, physical, generation = generation_[physical], databases_left, now_ms = keys_.now_ms()] {
    auto due = std::make_shared<Result<std::vector<swap::DueState>>>(
        store_->DueExpiries(static_cast<uint8_t>(physical), now_ms, kExpiredStates));
    host_.Post([this, physical, generation, due, databases_left] {
      const bool usable = due->ok() && generation == generation_[physical];
      FinishExpiries(physical, usable, usable ? **due : std::vector<swap::DueState>{}, databases_left);
    });
  });
}

void Swapper::FinishExpiries(uint32_t physical, bool usable, const std::vector<swap::DueState>& due,
                             uint32_t databases_left) {
  bool erased = false;
  for (const swap::DueState& state : due) erased = EraseExpired(physical, state) || erased;
  expiring_ = false;
  left_while_expiring_.clear();
  if (closed_) return;
  FlushChanges();  // no command follows that would
  if (!usable || !erased || due.size() < kExpiredStates) {
    expire_database_ = (physical + 1) % shm::kDatabases;
    ExpireStored(databases_left - 1);
    return;
  }
  // There may be more; the store tells once these are gone.
  expiring_ = true;
  Ask(*writer_, [this, databases_left] {
    host_.Post([this, databases_left] {
      expiring_ = false;
      ExpireStored(databases_left);
    });
  });
}

// False: whoever uses or writes it now sees to it.
bool Swapper::EraseExpired(uint32_t physical, const swap::DueState& due) {
  const std::string name = StateName(physical, due.key);
  if (loads_.contains(name) || erasing_.contains(name) || left_while_expiring_.contains(name)) return false;
  const uint64_t hash = keys_.HashOf(due.key);
  shm::SlotRef ref = keys_.index(physical).Find(due.key, hash);
  if (ref && (ref.entry & kEntryLive) != 0) {
    // In memory, with an expiry of its own: this record is of no use any more, unless one is being written.
    const StateView view = keys_.ViewOf(ref.entry);
    if (view.expire_at_ms == due.expire_at_ms || outgoing_.contains(name)) return false;
    keys_.index(physical).Replace(ref, ref.entry & ~(kEntryStored | kEntryClean), OrNever(view.expire_at_ms));
    keys_.FinishCommand();
  } else if (IsUnfilled(physical, shm::PositionOf(hash))) {
    // A keyless entry with its hash bits, if there is one, is another key's.
    if (settled_[physical].contains(name)) return false;
    keys_.AddUnindexed(physical, -1, -1);
    keys_.ReportExpired(physical, due.key);
  } else if (ref) {
    keys_.ExpireSwappedOut(physical, ref, hash, due.key);
  }
  QueueErase(physical, hash, due.key);
  return true;
}

}  // namespace chestbox
