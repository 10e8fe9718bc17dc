// Swapper, the part that brings states back: loads for commands, listings for walks, the index fill after a start, and expiry of
// states that are not in memory.
#include <algorithm>
#include <utility>

#include "protocol/check.h"
#include "protocol/rdb/string_codec.h"
#include "server/log.h"
#include "server/server.h"
#include "server/store_thread.h"
#include "server/swapper.h"

namespace chestbox {

using shm::kEntryClean;
using shm::kEntryLive;
using shm::kEntryStored;

namespace {

// Entries added to an index in one turn of the executor: about 100 us.
constexpr size_t kFillStates = 512;
constexpr size_t kListedStates = 1024;
constexpr size_t kExpiredStates = 128;
constexpr int64_t kExpireIntervalMs = 500;
// The part of a position that a keyless entry keeps: 48 hash bits, which are the position's high ones.
constexpr uint64_t kKeptPositionMask = ~uint64_t{0xffff};

std::string LoadKey(uint32_t physical, std::string_view key) {
  std::string name(1, static_cast<char>(physical));
  name.append(key);
  return name;
}

int64_t FromStore(int64_t expire_at_ms) { return expire_at_ms == swap::kNoExpiry ? kNoExpiry : expire_at_ms; }

}  // namespace

// ---- What is in memory ----

bool Swapper::NeedsLoad(uint32_t physical, std::string_view key, uint64_t hash) const {
  const shm::SlotRef ref = keys_.index(physical).Find(key, hash);
  if (ref) return (ref.entry & kEntryLive) == 0;
  return IsUnfilled(physical, shm::PositionOf(hash)) && !settled_[physical].contains(shm::PositionOf(hash));
}

bool Swapper::InMemory(uint32_t database, std::string_view key) const {
  const uint32_t physical = keys_.Physical(database);
  if (keys_.index(physical).swapped_out() == 0 && physical < fill_database_) return true;
  return !NeedsLoad(physical, key, keys_.HashOf(key));
}

bool Swapper::HasSwappedOut(uint32_t database) const {
  const uint32_t physical = keys_.Physical(database);
  return physical >= fill_database_ || keys_.index(physical).swapped_out() != 0;
}

// ---- Loading ----

void Swapper::Load(uint32_t database, std::vector<std::string> keys, Done done) {
  struct Waiting {
    size_t left = 1;
    Result<void> outcome;
    Done done;
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  const auto finish_one = [waiting](const Result<void>& outcome) {
    if (!outcome) waiting->outcome = outcome;
    if (--waiting->left == 0) waiting->done(waiting->outcome);
  };
  const uint32_t physical = keys_.Physical(database);
  for (std::string& key : keys) {
    ++waiting->left;
    LoadPtr& load = loads_[LoadKey(physical, key)];
    const bool fresh = load == nullptr;
    if (fresh) {
      const uint64_t hash = keys_.HashOf(key);
      load = std::make_shared<Load1>(Load1{physical, std::move(key), hash, generation_[physical], {}});
    }
    load->waiters.push_back(finish_one);
    if (fresh) StartLoad(load);
  }
  host_.Post([finish_one] { finish_one({}); });  // never before this call returns
}

void Swapper::StartLoad(const LoadPtr& load) {
  reader_->Post([this, load] {
    auto loaded = std::make_shared<Result<std::optional<swap::StateRecord>>>(
        store_->Load({static_cast<uint8_t>(load->physical), shm::PositionOf(load->hash), load->key}));
    host_.Post([this, load, loaded] { FinishLoad(load, std::move(*loaded)); });
  });
}

void Swapper::FinishLoad(const LoadPtr& load, Result<std::optional<swap::StateRecord>> loaded) {
  if (!loaded) {
    CompleteLoad(load, loaded.error());
    return;
  }
  if (load->generation != generation_[load->physical]) {  // flushed meanwhile
    CompleteLoad(load, {});
    return;
  }
  const shm::SlotRef ref = keys_.index(load->physical).Find(load->key, load->hash);
  if (ref && (ref.entry & kEntryLive) != 0) {
    CompleteLoad(load, {});
    return;
  }
  if (!loaded->has_value()) {
    if (ref) {
      LoadNamesakes(load);
      return;
    }
    if (IsUnfilled(load->physical, shm::PositionOf(load->hash))) {
      settled_[load->physical].insert(shm::PositionOf(load->hash));
    }
    CompleteLoad(load, {});
    return;
  }
  auto record = std::make_shared<swap::StateRecord>(std::move(**loaded));
  if (record->chunked()) {
    LoadChunks(load, record);
    return;
  }
  auto value = rdb::DecodeStringObject(record->payload);
  if (!value) {
    CompleteLoad(load, value.error());
    return;
  }
  LinkLoaded(load, *record, *value, 0);
}

// Streams a large value into a block of the arena that nothing links to yet; the executor only links it.
void Swapper::LoadChunks(const LoadPtr& load, std::shared_ptr<swap::StateRecord> record) {
  const shm::Link link = keys_.memory().Allocate(record->payload_size);
  if (link == 0) {
    CompleteLoad(load, OutOfMemory());
    return;
  }
  char* bytes = keys_.memory().At(link);
  reader_->Post([this, load, record, link, bytes] {
    size_t copied = 0;
    bool first = true;
    auto outcome = std::make_shared<Result<void>>(
        store_->ReadChunks(*record, [&](std::string_view chunk) -> Result<void> {
          if (std::exchange(first, false)) {
            auto layout = rdb::ParseStringObject(chunk, record->payload_size);
            if (!layout) return layout.error();
            if (layout->form != rdb::StringLayout::Form::kRaw) return Error{"a compressed value of this size"};
            chunk.remove_prefix(layout->header_size);
          }
          CHECK(copied + chunk.size() <= record->payload_size);
          shm::RacyStore(bytes + copied, chunk.data(), chunk.size());
          copied += chunk.size();
          return {};
        }));
    host_.Post([this, load, record, link, bytes, copied, outcome] {
      const bool wanted = outcome->ok() && load->generation == generation_[load->physical];
      if (wanted) {
        LinkLoaded(load, *record, {bytes, copied}, link);
        return;
      }
      keys_.memory().Free(link);
      if (!outcome->ok() && swap::IsValueGone(outcome->error()) && load->generation == generation_[load->physical]) {
        StartLoad(load);  // its record was replaced between the two reads
      } else {
        CompleteLoad(load, outcome->ok() ? Result<void>{} : *outcome);
      }
    });
  });
}

void Swapper::LinkLoaded(const LoadPtr& load, const swap::StateRecord& record, std::string_view value,
                         shm::Link value_link) {
  const int64_t expire_at_ms = FromStore(record.attributes.expire_at_ms);
  const bool indexed = static_cast<bool>(keys_.index(load->physical).Find(load->key, load->hash));
  // A fresh access word: what is asked for is hot. (An LFU counter goes on from where it was.)
  auto linked = keys_.SwapIn(load->physical, load->key, value, value_link, expire_at_ms,
                             keys_.AccessAfterLoad(record.attributes.access));
  keys_.FinishCommand();
  if (linked) {
    ++stats_.swapped_in;
    if (!indexed) keys_.AddUnindexed(load->physical, -1, expire_at_ms == kNoExpiry ? 0 : -1);
  } else if (value_link != 0) {
    keys_.memory().Free(value_link);
  }
  CompleteLoad(load, linked);
}

// A keyless entry has the 48 hash bits of a key that does not exist: it belongs to another key with the same bits. That one
// is brought in, so that its entry has a key again.
void Swapper::LoadNamesakes(const LoadPtr& load) {
  const uint64_t position = shm::PositionOf(load->hash);
  lister_->Post([this, load, position] {
    auto page = std::make_shared<Result<swap::ScanPage>>(
        store_->Scan(static_cast<uint8_t>(load->physical), position & kKeptPositionMask, position | ~kKeptPositionMask,
                     kListedStates));
    host_.Post([this, load, page] {
      if (!page->ok()) {
        CompleteLoad(load, page->error());
        return;
      }
      std::vector<std::string> names;
      for (const swap::StateName& state : (**page).states) {
        if (state.key != load->key && NeedsLoad(load->physical, state.key, keys_.HashOf(state.key))) {
          names.push_back(state.key);
        }
      }
      for (uint32_t logical = 0; logical < shm::kDatabases; ++logical) {
        if (keys_.Physical(logical) != load->physical) continue;
        Load(logical, std::move(names), [this, load](const Result<void>& outcome) { CompleteLoad(load, outcome); });
        return;
      }
    });
  });
}

void Swapper::CompleteLoad(const LoadPtr& load, const Result<void>& outcome) {
  loads_.erase(LoadKey(load->physical, load->key));
  const auto waiters = std::move(load->waiters);
  for (const auto& waiter : waiters) waiter(outcome);
  Regulate();
}

// ---- Listing ----

void Swapper::ListNames(uint32_t database, uint64_t from_position, uint64_t to_position, Names done) {
  ++listings_;
  const auto physical = static_cast<uint8_t>(keys_.Physical(database));
  const int64_t now_ms = keys_.now_ms();
  lister_->Post([this, physical, from_position, to_position, now_ms, done = std::move(done)] {
    auto names = std::make_shared<Result<std::vector<std::string>>>(std::vector<std::string>{});
    std::optional<uint64_t> position = from_position;
    while (position) {
      auto page = store_->Scan(physical, *position, to_position, kListedStates);
      if (!page) {
        *names = page.error();
        break;
      }
      for (swap::StateName& state : page->states) {
        const int64_t expire_at_ms = FromStore(state.attributes.expire_at_ms);
        if (expire_at_ms == kNoExpiry || expire_at_ms > now_ms) (**names).push_back(std::move(state.key));
      }
      position = page->next_position;
    }
    host_.Post([this, names, done] {
      --listings_;
      done(std::move(*names));
    });
  });
}

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
  // Release: pairs with the fence in Validate; a reader that sees 1 and finds nothing has seen every entry of the fill, or
  // its bucket's version changed.
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
  lister_->Post([this, physical, generation, position = fill_position_] {
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
    if (settled_[physical].contains(state.position)) continue;  // deleted since the start
    const uint64_t hash = shm::PositionOf(state.position);      // reversing is its own inverse
    const shm::SlotRef ref = index.Find(state.key, hash);
    if (ref && (ref.entry & kEntryLive) != 0) continue;  // loaded before the fill came by
    const bool expires = state.attributes.expire_at_ms != swap::kNoExpiry;
    const uint64_t entry = shm::kEntrySwapped | kEntryStored | shm::EntryTypeBits(shm::ValueType::kString) |
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

// Looks at one database; the next call at the next one that has expiring states.
void Swapper::ExpireStored() {
  uint32_t physical = 0;
  for (uint32_t i = 1; i <= shm::kDatabases; ++i) {
    physical = (expire_database_ + i) % shm::kDatabases;
    if (store_->ExpiryCount(static_cast<uint8_t>(physical)) != 0) break;
  }
  expire_database_ = physical;
  const auto database = static_cast<uint8_t>(physical);
  if (store_->ExpiryCount(database) == 0) return;
  expiring_ = true;
  const uint64_t generation = generation_[physical];
  lister_->Post([this, physical, generation, database, now_ms = keys_.now_ms()] {
    auto due = std::make_shared<Result<std::vector<swap::DueState>>>(store_->DueExpiries(database, now_ms, kExpiredStates));
    host_.Post([this, physical, generation, due] {
      expiring_ = false;
      const bool usable = due->ok() && generation == generation_[physical];
      if (usable) {
        for (const swap::DueState& state : **due) EraseExpired(physical, state);
      }
      if (!usable || (**due).size() < kExpiredStates) expire_at_ms_ = keys_.now_ms() + kExpireIntervalMs;
    });
  });
}

void Swapper::EraseExpired(uint32_t physical, const swap::DueState& due) {
  const uint64_t hash = keys_.HashOf(due.key);
  if (loads_.contains(LoadKey(physical, due.key))) return;  // whoever waits for it expires it
  shm::SlotRef ref = keys_.index(physical).Find(due.key, hash);
  const uint64_t position = shm::PositionOf(hash);
  if (ref && (ref.entry & kEntryLive) != 0) {
    // In memory, with an expiry of its own: this record is of no use any more, unless one is being written.
    const StateView view = keys_.ViewOf(ref.entry);
    if (view.expire_at_ms == due.expire_at_ms || outgoing_.contains(hash ^ (uint64_t{physical} << 60))) return;
    keys_.index(physical).Replace(ref, ref.entry & ~(kEntryStored | kEntryClean),
                                  view.expire_at_ms == kNoExpiry ? shm::kNeverMs : view.expire_at_ms);
    keys_.FinishCommand();
  } else if (ref) {
    keys_.ExpireSwappedOut(physical, ref, hash, due.key);
  } else if (IsUnfilled(physical, position) && !settled_[physical].contains(position)) {
    settled_[physical].insert(position);
    keys_.AddUnindexed(physical, -1, -1);
    keys_.ReportExpired(physical, due.key);
  }
  QueueChange({Change::Kind::kErase, physical, hash, due.key});
}

}  // namespace chestbox
