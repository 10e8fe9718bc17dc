// Keyspace, the part about whole databases: flushing, walking, active expiry, access words, and moving states to and
// from the swap store.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "protocol/check.h"
#include "server/keyspace.h"

namespace chestbox {

using shm::EntryLink;
using shm::kEntryClean;
using shm::kEntryExpires;
using shm::kEntryLive;
using shm::kEntryStored;
using shm::kEntrySwapped;
using shm::SlotRef;

namespace {

int64_t MonotonicUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Redis' LFU: 16 bits of minutes, 8 bits of a logarithmic counter that begins at 5.
constexpr uint32_t kLfuInitial = 5;
constexpr uint32_t kAccessMask = 0xff'ffff;

uint64_t NextRandom(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

}  // namespace

// ---- Databases ----

uint64_t Keyspace::Size(uint32_t database) const {
  const uint32_t physical = Physical(database);
  return indexes_[physical]->entries() + static_cast<uint64_t>(unindexed_keys_[physical]);
}

uint64_t Keyspace::ExpiringSize(uint32_t database) const {
  const uint32_t physical = Physical(database);
  return indexes_[physical]->expiring() + static_cast<uint64_t>(unindexed_expiring_[physical]);
}

void Keyspace::AddUnindexed(uint32_t physical, int64_t keys, int64_t expiring) {
  unindexed_keys_[physical] += keys;
  unindexed_expiring_[physical] += expiring;
  CHECK(unindexed_keys_[physical] >= 0);
}

uint64_t Keyspace::Flush(uint32_t database, bool lazily) {
  const uint64_t keys = Size(database);
  const uint32_t physical = Physical(database);
  shm::IndexWriter::Detached detached;
  indexes_[physical]->Clear(&detached);
  if (change_observer_ == nullptr || !change_observer_->TakeFlushed(physical, detached)) FreeDetached(detached);
  unindexed_keys_[physical] = 0;
  unindexed_expiring_[physical] = 0;
  expire_cursor_[physical] = 0;
  if (stored_listener_ != nullptr) stored_listener_->OnFlushed(physical);
  while (!lazily && FreeStep()) {
  }
  return keys;
}

void Keyspace::FreeDetached(const shm::IndexWriter::Detached& detached) {
  detached_segments_.insert(detached_segments_.end(), detached.segments.begin(), detached.segments.end());
  detached_entries_.insert(detached_entries_.end(), detached.entries.begin(), detached.entries.end());
}

void Keyspace::SetChangeObserver(ChangeObserver* observer) {
  change_observer_ = observer;
  for (auto& index : indexes_) index->set_observer(observer);
}

uint64_t Keyspace::lazily_freed_pending() const {
  return detached_structures_.size() + detached_entries_.size() +
         detached_segments_.size() * (shm::kBucketsPerSegment * shm::kEntriesPerBucket / 2);
}

bool Keyspace::FreeStep() {
  constexpr size_t kEntriesPerStep = 512;  // about 50 us
  if (!detached_structures_.empty()) {
    if (FreeNodes(memory_, &detached_structures_.back(), kEntriesPerStep)) detached_structures_.pop_back();
    return true;
  }
  if (detached_entries_.empty() && !detached_segments_.empty()) {
    indexes_[0]->TakeDetached(detached_segments_.back(), &detached_entries_);
    detached_segments_.pop_back();
  }
  for (size_t freed = 0; freed < kEntriesPerStep && !detached_entries_.empty(); ++freed) {
    freed += FreeEntry(detached_entries_.back());
    detached_entries_.pop_back();
  }
  return lazily_freed_pending() != 0;
}

void Keyspace::SwapDatabases(uint32_t a, uint32_t b) {
  // Both stay closed to the end of the command: SWAPDB in an EXEC must not be seen before the rest of it.
  scope_.Close(indexes_[Physical(a)]->header().epoch);
  scope_.Close(indexes_[Physical(b)]->header().epoch);
  const uint64_t map = memory_.header().database_map.load(std::memory_order_relaxed);
  const uint64_t difference = (Physical(a) ^ Physical(b)) & 0xf;
  // Release: pairs with FindOnce's acquire. One store, so that no reader sees half a swap.
  memory_.header().database_map.store(map ^ (difference << (4 * a)) ^ (difference << (4 * b)),
                                      std::memory_order_release);
}

void Keyspace::DrainRetired() { retired_.Drain(memory_, pages_); }

// ---- Walking ----

uint64_t Keyspace::VisitBucket(uint32_t database, uint64_t position, const std::function<void(const KeyInfo&)>& visit,
                               uint64_t* swapped_out, std::vector<std::string>* expired) {
  return indexes_[Physical(database)]->VisitBucket(position, [&](uint64_t entry, uint64_t hash) {
    if ((entry & kEntryLive) == 0) {
      ++*swapped_out;
      return;
    }
    const KeyInfo info{KeyOf(entry), ViewOf(entry), shm::PositionOf(hash)};
    if (info.state.expire_at_ms == kNoExpiry || info.state.expire_at_ms > now_ms_) {
      visit(info);
    } else if (expired != nullptr) {
      expired->emplace_back(info.key);
    }
  });
}

void Keyspace::EraseExpired(uint32_t database, const std::vector<std::string>& expired) {
  for (const std::string& key : expired) (void)FindLive(database, key, HashOf(key));
}

std::optional<std::string> Keyspace::RandomKey(uint32_t database) {
  const shm::IndexWriter& index = *indexes_[Physical(database)];
  const uint64_t start = NextRandom(&random_);
  uint64_t position = start;
  std::vector<std::string> expired;
  std::optional<std::string> chosen;
  for (uint64_t segments = 0; segments <= index.segments() && !chosen; ++segments) {
    uint64_t segment_end = 0;
    (void)index.SegmentOf(position, &segment_end);
    // One key of the segment, each as likely as another.
    uint64_t seen = 0;
    uint64_t swapped_out = 0;
    uint64_t at = index.SegmentBegin(position);
    do {
      at = VisitBucket(
          database, at,
          [&](const KeyInfo& info) {
            if (NextRandom(&random_) % ++seen == 0) chosen.emplace(info.key);
          },
          &swapped_out, &expired);
    } while (at != segment_end);
    position = segment_end;
  }
  EraseExpired(database, expired);
  return chosen;
}

// ---- Active expiry ----

uint64_t Keyspace::ExpireSegment(uint32_t physical, uint64_t position, shm::Link segment) {
  struct Due {
    std::string key;
    uint64_t hash;
  };
  std::vector<Due> due;
  int64_t earliest_ms = shm::kNeverMs;
  uint64_t end = 0;
  (void)indexes_[physical]->SegmentOf(position, &end);
  do {
    position = indexes_[physical]->VisitBucket(position, [&](uint64_t entry, uint64_t hash) {
      if ((entry & kEntryLive) == 0 || (entry & kEntryExpires) == 0) return;
      const int64_t expire_at_ms = ExpiryOf(entry);
      if (expire_at_ms <= now_ms_) {
        due.push_back({std::string(KeyOf(entry)), hash});
      } else {
        earliest_ms = std::min(earliest_ms, expire_at_ms);
      }
    });
  } while (position != end);
  segments_[segment].earliest_expiry_ms = earliest_ms;
  const uint32_t database = LogicalOf(physical);
  for (const Due& item : due) {
    const SlotRef ref = indexes_[physical]->Find(item.key, item.hash);
    Expire(database, ref, item.hash, item.key);
    FinishCommand();
  }
  return due.size();
}

uint64_t Keyspace::ExpireStep(int64_t budget_us) {
  constexpr uint32_t kSegmentsPerClockRead = 64;
  const int64_t deadline_us = MonotonicUs() + budget_us;
  uint64_t expired = 0;
  for (uint32_t i = 0; i < shm::kDatabases; ++i) {
    const uint32_t physical = (expire_database_ + i) % shm::kDatabases;
    const shm::IndexWriter& index = *indexes_[physical];
    if (index.expiring() == 0) continue;
    uint64_t& position = expire_cursor_[physical];
    for (uint64_t visited = 0; visited < index.segments(); ++visited) {
      uint64_t next = 0;
      const shm::Link segment = index.SegmentOf(position, &next);
      const shm::SegmentInfo& info = segments_[segment];
      const bool due = info.expiring != 0 && info.earliest_expiry_ms <= now_ms_;
      if (due) expired += ExpireSegment(physical, index.SegmentBegin(position), segment);
      position = next;
      if ((due || visited % kSegmentsPerClockRead == 0) && MonotonicUs() > deadline_us) {
        ++stats_.expired_time_cap_reached;
        expire_database_ = physical;
        return expired;
      }
    }
  }
  return expired;
}

// ---- Access words ----

void Keyspace::SetAccessPolicy(bool lfu, int64_t lfu_log_factor, int64_t lfu_decay_minutes) {
  lfu_ = lfu;
  lfu_log_factor_ = lfu_log_factor;
  lfu_decay_minutes_ = lfu_decay_minutes;
}

uint32_t Keyspace::NewAccessWord() const {
  if (lfu_) return (static_cast<uint32_t>(now_ms_ / 60000) & 0xffff) << 8 | kLfuInitial;
  return static_cast<uint32_t>(now_ms_ / 1000) & kAccessMask;
}

uint32_t Keyspace::IdleSeconds(uint32_t access) const {
  return ((static_cast<uint32_t>(now_ms_ / 1000) & kAccessMask) - access) & kAccessMask;
}

uint32_t Keyspace::LfuCounter(uint32_t access) const {
  const uint32_t minutes = ((static_cast<uint32_t>(now_ms_ / 60000) & 0xffff) - (access >> 8)) & 0xffff;
  const uint64_t decay = lfu_decay_minutes_ == 0 ? 0 : minutes / static_cast<uint64_t>(lfu_decay_minutes_);
  const uint32_t counter = access & 0xff;
  return decay > counter ? 0 : counter - static_cast<uint32_t>(decay);
}

uint32_t Keyspace::TouchedAccess(uint32_t access, uint32_t uses) const {
  if (!lfu_) return NewAccessWord();
  uint32_t counter = LfuCounter(access);
  while (counter < 255 && uses != 0) {
    const double above = counter > kLfuInitial ? counter - kLfuInitial : 0;
    const double probability = 1.0 / (above * static_cast<double>(lfu_log_factor_) + 1);
    const double drawn = static_cast<double>(NextRandom(&random_) >> 11) * 0x1.0p-53;
    if (drawn >= probability) {
      if (uses == 1) break;
      // Uses in vain before the next one that counts, drawn at once: as many steps as the counter rises, however many
      // uses a client claims.
      const double in_vain = std::floor(std::log1p(-drawn) / std::log1p(-probability));
      if (in_vain >= uses) break;
      uses -= static_cast<uint32_t>(in_vain);
    }
    --uses;
    ++counter;
  }
  return (static_cast<uint32_t>(now_ms_ / 60000) & 0xffff) << 8 | counter;
}

// The access word shares its 4 bytes with type and encoding, which stay: readers may see either word, so no bucket is
// closed.
void Keyspace::TouchEntry(uint64_t entry, uint32_t uses) {
  char* block = memory_.At(EntryLink(entry));
  const uint32_t meta = shm::RacyLoad32(block);
  const uint32_t touched = (meta & 0xff) | TouchedAccess(meta >> 8, uses) << 8;
  if (touched != meta) shm::RacyStore32(block, touched);
}

void Keyspace::SetAccess(uint32_t database, std::string_view key, uint32_t access) {
  const SlotRef ref = FindLive(database, key, HashOf(key));
  CHECK(ref);
  char* block = memory_.At(EntryLink(ref.entry));
  shm::RacyStore32(block, (shm::RacyLoad32(block) & 0xff) | access << 8);
}

uint32_t Keyspace::AccessOfIdle(int64_t seconds) const {
  const int64_t clock = (now_ms_ / 1000) & kAccessMask;
  // Longer than the clock has run: as long as can be told, as Redis does it.
  return static_cast<uint32_t>(seconds <= clock ? clock - seconds : (clock + kAccessMask / 2) % kAccessMask);
}

uint32_t Keyspace::AccessOfFrequency(uint32_t counter) const {
  return (static_cast<uint32_t>(now_ms_ / 60000) & 0xffff) << 8 | counter;
}

// ---- Swapping ----

void Keyspace::SwapOut(uint32_t physical, SlotRef ref, uint64_t hash) {
  CHECK((ref.entry & kEntryLive) != 0);
  const uint64_t live = ref.entry;
  const uint64_t kept_bits = shm::EntryTypeBits(shm::EntryType(live)) | (live & kEntryExpires);
  indexes_[physical]->Replace(ref, kEntrySwapped | kEntryStored | kept_bits | (hash & 0x0000'ffff'ffff'ffff),
                              shm::kNeverMs);
  FreeEntry(live);
}

Result<void> Keyspace::SwapIn(uint32_t physical, std::string_view key, bool indexed, const DetachedValue& value,
                              int64_t expire_at_ms, uint32_t access) {
  SlotRef ref;
  if (indexed) {
    ref = indexes_[physical]->Find(key, HashOf(key));
    CHECK((ref.entry & kEntrySwapped) != 0);
  }
  uint64_t old = 0;
  const bool linked = LinkDetached(physical, ref, {key, value.type, value.encoding, expire_at_ms, access}, value,
                                   kEntryStored | kEntryClean, &old);
  if (!linked) return OutOfMemory();
  return {};
}

// LinkEntry of a new entry with these flags around the value.
bool Keyspace::LinkDetached(uint32_t physical, SlotRef& ref, const NewState& state, const DetachedValue& value,
                            uint64_t flags, uint64_t* old) {
  const uint64_t entry =
      value.link != 0 ? NewEntryAround(state, value.link_bytes, value.link, {}) : NewEntry(state, value.bytes);
  if (entry == 0) return false;
  if (LinkEntry(physical, ref, HashOf(state.key), entry | flags, state.expire_at_ms, old)) return true;
  if (value.link != 0) {
    FreeKeyBlock(entry);
  } else {
    FreeBlocks(entry);
  }
  return false;
}

Result<void> Keyspace::SetState(uint32_t database, std::string_view key, const DetachedValue& value,
                                int64_t expire_at_ms) {
  SlotRef ref = FindLive(database, key, HashOf(key));
  uint64_t old = 0;
  const NewState state{key, value.type, value.encoding, expire_at_ms, NewAccessWord()};
  if (!LinkDetached(Physical(database), ref, state, value, 0, &old)) return OutOfMemory();
  FreeEntry(old);
  return {};
}

void Keyspace::Discard(const DetachedValue& value) {
  if (value.link != 0) memory_.Free(value.link);
  if (value.type != ValueType::kString) FreeStructure(static_cast<CollectionEncoding>(value.encoding), value.bytes);
}

void Keyspace::ReportExpired(uint32_t physical, std::string_view key) {
  ++stats_.expired_keys;
  effects_.Report(LogicalOf(physical), {"DEL", key});
}

void Keyspace::ExpireSwappedOut(uint32_t physical, const SlotRef& ref, uint64_t hash, std::string_view key) {
  EraseSwappedOut(physical, ref, hash);
  ReportExpired(physical, key);
  FinishCommand();
}

}  // namespace chestbox
